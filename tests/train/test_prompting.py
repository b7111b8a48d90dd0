"""Plans follow the released probabilities, and every process draws the same ones."""

from collections import Counter

import pytest
import torch

from masklet.errors import TrainingError
from masklet.train.prompting import (
    Click,
    FramePlan,
    MixedPrompts,
    PromptOptions,
    asked_rows,
    draw_plan,
)
from tests.train.clips import tiny_batch

DRAWS = 2000
# Three standard deviations of a share of one half in so many draws.
NEAR = 3 * 0.5 / DRAWS**0.5
SOMEWHERE = Click()


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def plans(options, frames=8, rows=4, count=DRAWS, seed=0):
    numbers = generator(seed)
    return [draw_plan(options, frames=frames, rows=rows, generator=numbers) for _ in range(count)]


def only_user(plan):
    (user,) = plan.users
    assert user.rows is None
    return user.frames


def shares(values):
    counts = Counter(values)
    return {value: count / counts.total() for value, count in counts.items()}


def near(share):
    return pytest.approx(share, abs=NEAR)


def kind(first):
    return first if first in ("mask", "box") else "click"


@pytest.fixture(scope="module")
def released():
    return [only_user(plan) for plan in plans(PromptOptions())]


def initial(frames):
    return [plan for plan in frames if plan.first is not None]


def corrected(frames):
    return [plan for plan in frames if plan.corrections]


def test_half_of_the_clips_get_masks_a_quarter_boxes_and_a_quarter_clicks(released):
    assert shares(kind(frames[0].first) for frames in released) == {
        "mask": near(0.5),
        "box": near(0.25),
        "click": near(0.25),
    }


def test_one_or_two_frames_are_prompted_at_first_and_the_first_always(released):
    assert shares(len(initial(frames)) for frames in released) == {1: near(0.5), 2: near(0.5)}
    assert all(frames[0].frame == 0 for frames in released)
    seconds = shares(frames[1].frame for frames in released if len(initial(frames)) == 2)
    assert seconds == {frame: pytest.approx(1 / 7, abs=2 * NEAR) for frame in range(1, 8)}


def test_with_points_one_or_two_frames_are_corrected_and_initial_ones_always(released):
    pointed = [frames for frames in released if frames[0].first != "mask"]
    assert all(plan.corrections for frames in pointed for plan in initial(frames))
    # Two of two initial ones, and one or two of one.
    counts = shares((len(initial(frames)), len(corrected(frames))) for frames in pointed)
    assert counts == {
        (1, 1): pytest.approx(0.25, abs=2 * NEAR),
        (1, 2): pytest.approx(0.25, abs=2 * NEAR),
        (2, 2): pytest.approx(0.5, abs=2 * NEAR),
    }
    others = [plan for frames in pointed for plan in frames if plan.first is None]
    assert {plan.frame for plan in others} == set(range(1, 8))


def test_masks_are_not_corrected(released):
    masked = [frames for frames in released if frames[0].first == "mask"]
    assert not any(corrected(frames) for frames in masked)
    assert all(plan.first == "mask" for frames in masked for plan in frames)


def test_boxes_and_clicks_are_drawn_for_every_frame_on_its_own(released):
    both = [
        tuple(kind(plan.first) for plan in initial(frames))
        for frames in released
        if frames[0].first != "mask" and len(initial(frames)) == 2
    ]
    quarter = pytest.approx(0.25, abs=3 * NEAR)
    kinds = ("box", "click")
    assert shares(both) == {(first, second): quarter for first in kinds for second in kinds}


def test_a_corrected_frame_gets_seven_clicks_and_a_tenth_come_from_the_truth(released):
    clicks = [plan.corrections for frames in released for plan in corrected(frames)]
    assert {len(corrections) for corrections in clicks} == {7}
    said = shares(click for corrections in clicks for click in corrections)
    assert said == {
        SOMEWHERE: pytest.approx(0.9, abs=0.02),
        Click(True): pytest.approx(0.1, abs=0.02),
    }


def test_a_picture_is_always_prompted_with_points_and_corrected():
    for plan in plans(PromptOptions(points=0.0), frames=1, count=50):
        (frame,) = only_user(plan)
        assert (frame.frame, len(frame.corrections)) == (0, 7)
        assert frame.first in ("box", SOMEWHERE)


def test_of_a_clip_with_masks_at_least_one_frame_is_tracked():
    masks = PromptOptions(points=0.0, initial_frames=(2, 2))
    assert all(len(only_user(plan)) == 1 for plan in plans(masks, frames=2, count=20))


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_no_frame_of_a_short_clip_is_asked_twice(frames):
    many = PromptOptions(initial_frames=(1, 5), corrected_frames=(1, 5))
    for plan in plans(many, frames=frames, count=100):
        asked = [each.frame for each in only_user(plan)]
        assert len(set(asked)) == len(asked)
        assert set(asked) <= set(range(frames))


def test_frames_that_are_only_corrected_come_after_the_initial_ones_in_the_order_of_time():
    several = PromptOptions(points=1.0, corrected_frames=(4, 4))
    for plan in plans(several, count=50):
        frames = only_user(plan)
        assert len(frames) == 4
        later = [each.frame for each in frames if each.first is None]
        assert frames[-len(later) :] == tuple(each for each in frames if each.first is None)
        assert later == sorted(later)


def test_without_corrections_nothing_is_said_about_other_frames():
    silent = PromptOptions(points=1.0, corrected_frames=(4, 4), corrections=0)
    for plan in plans(silent, count=20):
        assert all(each.first is not None and not each.corrections for each in only_user(plan))


def test_clicks_may_be_centred():
    centred = PromptOptions(points=1.0, box=0.0, centred=1.0, from_truth=0.0)
    frames = only_user(plans(centred, count=1)[0])
    assert frames[0] == FramePlan(0, Click(is_centred=True), (Click(is_centred=True),) * 7)


def test_the_same_seed_gives_the_same_plans_and_another_seed_gives_others():
    first, again, other = (plans(PromptOptions(), count=30, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_processes_with_other_numbers_of_rows_ask_the_same_of_the_same_frames():
    mixed = PromptOptions(mixed=MixedPrompts())
    few = draw_plan(mixed, frames=1, rows=8, generator=generator(3))
    many = draw_plan(mixed, frames=1, rows=64, generator=generator(3))
    assert [user.frames for user in few.users] == [user.frames for user in many.users]


def test_mixed_prompts_are_half_single_and_half_clicked_again_and_again():
    mixed = PromptOptions(mixed=MixedPrompts())
    counts = []
    for plan in plans(mixed, frames=1, rows=16, count=200):
        box, click, clicked = plan.users
        assert (box.frames, click.frames) == ((FramePlan(0, "box"),), (FramePlan(0, SOMEWHERE),))
        assert (len(box.rows), len(click.rows), len(clicked.rows)) == (4, 4, 8)
        assert sorted(box.rows + click.rows + clicked.rows) == list(range(16))
        assert clicked.frames[0].first == SOMEWHERE
        counts.append(1 + len(clicked.frames[0].corrections))
    assert set(counts) == set(range(2, 9))


def test_every_row_is_as_likely_to_be_clicked_again_and_again():
    mixed = PromptOptions(mixed=MixedPrompts())
    clicked = Counter(
        row for plan in plans(mixed, frames=1, rows=8, count=500) for row in plan.users[-1].rows
    )
    assert set(clicked) == set(range(8))
    assert all(count / 500 == pytest.approx(0.5, abs=0.08) for count in clicked.values())


def test_without_rows_of_a_kind_nobody_asks_that_way():
    only = PromptOptions(box=0.0, mixed=MixedPrompts(single=1.0))
    (user,) = draw_plan(only, frames=1, rows=4, generator=generator()).users
    assert user.frames == (FramePlan(0, SOMEWHERE),)
    assert user.rows == (0, 1, 2, 3)


def test_clips_are_not_mixed():
    mixed = PromptOptions(mixed=MixedPrompts())
    assert plans(mixed, count=20) == plans(PromptOptions(), count=20)


def test_objects_of_a_picture_take_turns_until_all_its_rows_are_asked():
    batch = tiny_batch(clips=2, frames=1, objects=3)
    batch.known_TB[0, 1] = False
    asked = asked_rows(batch, 5)
    assert asked.row_to_frame_TB.tolist() == [[0] * 5 + [1] * 5]
    taken = [0, 2, 0, 2, 0, 3, 4, 5, 3, 4]
    assert torch.equal(asked.masks_TBSS, batch.masks_TBSS[:, taken])
    assert asked.known_TB.all()


def test_rows_of_a_clip_of_which_nothing_is_known_stay_unknown():
    batch = tiny_batch(clips=2, frames=3, objects=1)
    batch.known_TB[:, 1] = False
    asked = asked_rows(batch, 2)
    assert asked.known_TB.tolist() == [[True, True, False, False]] * 3
    assert asked.row_to_frame_TB.tolist() == [[0, 0, 3, 3], [1, 1, 4, 4], [2, 2, 5, 5]]


@pytest.mark.parametrize(
    "wrong",
    [
        {"points": -0.1},
        {"box": 1.5},
        {"from_truth": 2.0},
        {"centred": float("nan")},
    ],
    ids=str,
)
def test_a_probability_is_from_0_to_1(wrong):
    with pytest.raises(TrainingError, match="expected a probability or a share, from 0 to 1"):
        PromptOptions(**wrong)


@pytest.mark.parametrize(
    "wrong", [{"initial_frames": (0, 2)}, {"corrected_frames": (3, 2)}], ids=str
)
def test_the_least_number_of_frames_is_not_above_the_most(wrong):
    with pytest.raises(TrainingError, match="expected the least and the most number of frames"):
        PromptOptions(**wrong)


def test_counts_are_at_least_what_makes_sense():
    with pytest.raises(TrainingError, match="corrections is -1; expected a count of at least 0"):
        PromptOptions(corrections=-1)
    with pytest.raises(TrainingError, match="most_clicks is 1; expected a count of at least 2"):
        MixedPrompts(most_clicks=1)
    with pytest.raises(TrainingError, match="single is 3; expected a probability or a share"):
        MixedPrompts(single=3)
