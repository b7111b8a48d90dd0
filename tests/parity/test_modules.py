"""Single parts of the network give what the reference's give, with the same made-up weights."""

import pytest

from masklet.memory.standard import closest_conditioning
from tests.parity import modules
from tests.parity.comparison import Golden, compare
from tests.parity.scenarios import COMMITTED, WHOLE_SET, UnreadableError, build_model, read_scenario

FIXTURES = read_scenario("modules", COMMITTED)
CASES = FIXTURES.fields["cases"]
CHOICES = FIXTURES.fields["select_closest_cond_frames"]


def report_of(case, fixtures):
    golden = fixtures.golden("float32")
    own = {
        name: array
        for name, array in golden.arrays.items()
        if name.rsplit("/", 1)[0] == case["name"]
    }
    needed = modules.weights_of(case)
    recording = modules.replay_case(case, None if needed is None else build_model(*needed))
    limits = modules.limits_of(fixtures.limits("float32"))
    rule = Golden(own, golden.thinned_again, golden.spared)
    return compare(recording, rule, limits, modules.kind_of)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_module_answers_as_the_reference_does(case):
    report = report_of(case, FIXTURES)
    assert report.passed, report.text()
    assert report.missing == []


@pytest.mark.slow
@pytest.mark.skipif(not WHOLE_SET.is_dir(), reason="the whole set is not beside the repository")
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_module_answers_as_the_reference_does_in_every_stored_value(case):
    report = report_of(case, read_scenario("modules", WHOLE_SET))
    assert report.passed, report.text()
    assert report.missing == []


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_the_closest_conditioning_frames_are_chosen_as_the_reference_chooses(choice):
    selected, unselected = closest_conditioning(choice["cond"], choice["frame"], choice["max"])
    # The reference keeps the others in a mapping: their order means nothing.
    assert list(selected) == choice["selected"]
    assert sorted(unselected) == sorted(choice["unselected"])


def test_every_committed_case_is_compared_completely():
    golden = FIXTURES.golden("float32")
    expected = {f"{case['name']}/{output}" for case in CASES for output in case["outputs"]}
    assert {name for name in golden.arrays if not name.endswith("#stat")} == expected


def test_a_module_fixture_that_no_test_knows_is_refused_by_name():
    with pytest.raises(UnreadableError, match="no module fixture 'crystal_ball'"):
        modules.replay_case({"name": "crystal_ball", "inputs": {}}, None)
