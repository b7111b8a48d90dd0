"""Images give what the reference's image predictor gives, one prompt at a time and all at once."""

import dataclasses

import pytest

from tests.parity.comparison import compare
from tests.parity.run import replay
from tests.parity.scenarios import COMMITTED, WHOLE_SET, model_of, names, read_scenario
from tests.parity.together import predict_images_together, predict_together

# These differ from the others in their weights or their picture alone, and would take the tests of
# every change from two minutes to five.
LONG = ("i_bp20_720x1280", "i_l20_480x854", "i_l21_1024")
LONG_TOGETHER = ("i_bp21_1200x700", *LONG[1:], "i_s21_480x854", "i_t21_1024", "i_t21_1200x700")
# Nothing but the logits of an earlier answer: `ImagePredictor` refines prompts, and there is none.
WITHOUT_PROMPT = "mask_only"


def scenarios(folder, *, long=()):
    found = names(folder / "golden", "image") if folder.is_dir() else []
    return [
        pytest.param(
            read_scenario(name, folder), id=name, marks=[pytest.mark.slow] * (name in long)
        )
        for name in found
    ]


whole_set = pytest.mark.parametrize("scenario", scenarios(WHOLE_SET))


def together(scenario):
    golden = scenario.golden("float32")
    model = model_of(scenario)
    recording = predict_together(scenario, model, golden.arrays)
    report = compare(recording, golden, scenario.limits("float32"))
    if scenario.fields.get("batch"):
        recording = predict_images_together(scenario, model, golden.arrays)
        of_batch = compare(recording, golden, scenario.limits("float32"))
        report.failures += of_batch.failures
        report.missing = [name for name in report.missing if name in of_batch.missing]
    return report


@pytest.mark.parametrize("scenario", scenarios(COMMITTED, long=LONG))
def test_one_prompt_at_a_time_equals_the_reference(scenario):
    report = replay(scenario)
    assert report.passed, report.text()
    assert report.missing == []


@pytest.mark.parametrize("scenario", scenarios(COMMITTED, long=LONG_TOGETHER))
def test_all_prompts_in_one_call_equal_the_reference(scenario):
    report = together(scenario)
    assert report.passed, report.text()
    assert {name.split("/")[0] for name in report.missing} <= {"feat", WITHOUT_PROMPT}


@pytest.mark.slow
@whole_set
def test_one_prompt_at_a_time_equals_the_reference_in_every_stored_value(scenario):
    report = replay(scenario)
    assert report.passed, report.text()
    assert report.missing == []


@pytest.mark.slow
@whole_set
def test_all_prompts_in_one_call_equal_the_reference_in_every_stored_value(scenario):
    report = together(scenario)
    assert report.passed, report.text()
    assert {name.split("/")[0] for name in report.missing} <= {"feat", WITHOUT_PROMPT}


def test_bfloat16_stays_close_to_the_float32_reference():
    scenario = read_scenario("i_t21_1024", COMMITTED)
    report = replay(scenario, "bfloat16")
    assert report.passed, report.text()
    # Were it computed in float32 after all, it would be a hundred times closer.
    assert report.worst["low_res"][0] > 1e-3


def test_other_weights_are_noticed():
    scenario = read_scenario("i_t21_1024", COMMITTED)
    prompts = scenario.fields["prompts"][:1]
    bias = "sam_mask_decoder.iou_prediction_head.layers.2.bias"
    fields = {**scenario.fields, "prompts": prompts, "overrides": {bias: 1e-3}}
    report = replay(dataclasses.replace(scenario, fields=fields))
    assert not report.passed
    assert all("[iou]" in failure for failure in report.failures)
