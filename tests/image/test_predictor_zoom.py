"""The predictor looks again: what it sees close by is its own answer to the crop."""

import dataclasses

import numpy as np
import pytest
import torch

import masklet
from masklet.errors import PromptError
from masklet.image import predictor as predictor_module
from masklet.image.predictor import ImagePredictor
from masklet.ops.resize import resize_mask
from masklet.types import CloseUp, MaskSet, Prompt
from tests.image.small_squares import boxes, middles, small_squares
from tests.parity.inputs import picture
from tests.tiny import tiny_model

SIZE = (96, 120)
IMAGE = picture(*SIZE, seed=3)
CLICK, BOX = Prompt.point(40, 40), Prompt.box_xyxy(36, 34, 56, 46)
PROMPTS = [CLICK, BOX, CLICK + Prompt.point(50, 44, label=0)]
# The object, on a grid of 16 x 16 cells of 7.5 x 6 pixels, and the part around it and BOX.
CELLS = slice(6, 8), slice(5, 7)
X0, Y0, X1, Y1 = 26, 27, 66, 55


@pytest.fixture(scope="module")
def predictor():
    return ImagePredictor(tiny_model())


@pytest.fixture(scope="module")
def unsure():
    """A faint square under every prompt: whatever is seen close by is clearer."""
    return squares(0.01)


@pytest.fixture(scope="module")
def sure():
    """The same, so steep that nothing is clearer."""
    return squares(50.0)


def squares(strength, count=3):
    logits = torch.full((count, 16, 16), -strength)
    logits[:, CELLS[0], CELLS[1]] = strength
    return MaskSet(logits, torch.full((count,), 0.5), torch.ones(count), SIZE, tuple(range(count)))


def assert_same(ours, expected):
    torch.testing.assert_close(ours.iou, expected.iou, atol=1e-5, rtol=1e-4)
    assert ours.close_ups.keys() == expected.close_ups.keys()
    for row, close_up in ours.close_ups.items():
        assert close_up.box == expected.close_ups[row].box
        torch.testing.assert_close(
            close_up.logits, expected.close_ups[row].logits, atol=5e-5, rtol=1e-4
        )


def test_inside_stands_the_answer_to_the_crop_and_outside_what_was_there(predictor, unsure):
    zoomed = predictor.zoom(IMAGE, BOX + CLICK, unsure[0])
    assert zoomed.close_ups[0].box == (X0, Y0, X1, Y1)
    found = predictor.predict(
        predictor.encode(IMAGE[Y0:Y1, X0:X1]),
        Prompt.box_xyxy(36 - X0, 34 - Y0, 56 - X0, 46 - Y0) + Prompt.point(40 - X0, 40 - Y0),
        refine=coarse_part(unsure),
    )
    inside, core = np.s_[0, Y0 + 4 : Y1 - 4, X0 + 4 : X1 - 4], np.s_[0, 4:-4, 4:-4]
    near = zoomed.full_logits()[inside]
    np.testing.assert_allclose(near, found.full_logits()[core], atol=1e-4)
    outside = np.ones(SIZE, bool)
    outside[Y0:Y1, X0:X1] = False
    before = unsure.full_logits()[0]
    np.testing.assert_array_equal(zoomed.full_logits()[0][outside], before[outside])


def coarse_part(answer):
    """What an answer's first mask says of the part, as an answer about it alone."""
    part = torch.from_numpy(answer.full_logits()[0, Y0:Y1, X0:X1])
    return MaskSet(
        resize_mask(part[None], (16, 16)), torch.ones(1), torch.ones(1), part.shape, (0,)
    )


def test_a_box_is_asked_about_anew_and_both_looks_predict_the_iou(predictor, unsure):
    zoomed = predictor.zoom(IMAGE, BOX, unsure[0])
    assert zoomed.close_ups[0].box == (X0, Y0, X1, Y1)
    asked = Prompt.box_xyxy(36 - X0, 34 - Y0, 56 - X0, 46 - Y0)
    found = predictor.predict(predictor.encode(IMAGE[Y0:Y1, X0:X1]), asked)
    torch.testing.assert_close(zoomed.close_ups[0].logits, found.logits[0], atol=5e-5, rtol=1e-4)
    assert zoomed.scores()[0] == pytest.approx((0.5 + found.scores()[0]) / 2, abs=1e-5)
    assert zoomed.object_score.tolist() == [1.0]


def test_what_is_no_clearer_changes_nothing(predictor, sure):
    zoomed = predictor.zoom(IMAGE, PROMPTS, sure)
    assert zoomed.close_ups == {}
    assert torch.equal(zoomed.logits, sure.logits)
    assert torch.equal(zoomed.iou, sure.iou)
    np.testing.assert_array_equal(zoomed.masks(), sure.masks())


def test_an_earlier_close_up_stays_until_a_clearer_one_is_seen(predictor, sure, unsure):
    seen = CloseUp(torch.full((16, 16), 50.0), (30, 30, 60, 54))
    before = dataclasses.replace(sure[0], close_ups={0: seen})
    assert predictor.zoom(IMAGE, CLICK, before).close_ups == {0: seen}
    faint = CloseUp(torch.full((16, 16), 0.001), (36, 34, 50, 46))
    after = predictor.zoom(IMAGE, CLICK, dataclasses.replace(unsure[0], close_ups={0: faint}))
    assert after.close_ups[0] is not faint


@pytest.mark.parametrize("limit", [1, 2, 16])
def test_crops_are_encoded_together_as_alone(predictor, unsure, limit, monkeypatch):
    monkeypatch.setattr(predictor_module, "_CROPS_PER_PASS", {"cpu": limit})
    together = predictor.zoom(IMAGE, PROMPTS, unsure)
    assert sorted(together.close_ups) == [0, 1, 2]
    for row, prompt in enumerate(PROMPTS):
        assert_same(together[row], predictor.zoom(IMAGE, prompt, unsure[0]))


def test_large_objects_cost_nothing(predictor, monkeypatch):
    answer = dataclasses.replace(squares(0.01), logits=torch.ones(3, 16, 16))
    monkeypatch.setattr(predictor, "encode_batch", None)
    assert predictor.zoom(IMAGE, PROMPTS, answer).close_ups == {}


def test_nothing_was_answered_and_nothing_is_seen(predictor, unsure):
    assert len(predictor.zoom(IMAGE, [], unsure[[]])) == 0


def test_a_crop_is_seen_at_the_size_that_the_image_was_encoded_at(predictor):
    wide = dataclasses.replace(squares(0.01, 1), logits=torch.full((1, 16, 24), -0.01))
    wide.logits[0, 6:8, 7:9] = 0.01
    assert predictor.zoom(IMAGE, CLICK, wide).close_ups[0].logits.shape == (16, 24)


def test_a_further_click_starts_from_what_was_seen_close_by(predictor, unsure):
    features = predictor.encode(IMAGE)
    zoomed = predictor.zoom(IMAGE, CLICK, unsure[0])
    more = CLICK + Prompt.point(52, 40, label=0)
    drawn_in = dataclasses.replace(zoomed, logits=zoomed.grid_logits(), close_ups={})
    ours = predictor.predict(features, more, refine=zoomed)
    torch.testing.assert_close(
        ours.logits, predictor.predict(features, more, refine=drawn_in).logits
    )
    blind = predictor.predict(features, more, refine=unsure[0])
    assert (ours.logits - blind.logits).abs().max() > 1e-3
    assert ours.close_ups == {}


def test_candidates_are_looked_at_each_for_itself(predictor, unsure):
    three = dataclasses.replace(unsure, prompt_index=(0, 0, 0))
    zoomed = predictor.zoom(IMAGE, CLICK, three)
    assert sorted(zoomed.close_ups) == [0, 1, 2]
    assert zoomed.prompt_index == (0, 0, 0)


def test_the_image_must_be_the_one_that_was_encoded(predictor, unsure):
    message = "the image is 96 wide and 120 high, the masks belong to one of 120 x 96; pass the"
    with pytest.raises(PromptError, match=message):
        predictor.zoom(np.zeros((120, 96, 3), np.uint8), PROMPTS, unsure)


def test_the_prompts_must_be_those_that_were_answered(predictor, unsure):
    with pytest.raises(PromptError, match="the answer is one to 3 prompts, 1 were given; expected"):
        predictor.zoom(IMAGE, CLICK, unsure)


@pytest.mark.parametrize("prompts", [middles(), boxes()], ids=["clicks", "boxes"])
def test_the_shipped_model_outlines_small_objects_better_close_by(prompts):
    image, truth = small_squares()
    predictor = ImagePredictor(masklet.load())
    answer = predictor.predict(predictor.encode(image), prompts).best()
    zoomed = predictor.zoom(image, prompts, answer)
    assert len(zoomed.close_ups) >= 3
    wrong = [(each.masks() != truth).sum() for each in (answer, zoomed)]
    assert wrong[1] < 0.8 * wrong[0]
