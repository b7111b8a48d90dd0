"""Which frames depend on which prompts, by the law written out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masklet.tracking.spans import conditioning_frames, stale, unfilled, walked

LENGTH = 14
CONTEXTS = ("neighbours", "all")

prompt_sets = st.sets(st.integers(0, LENGTH - 1), max_size=4)
frames = st.integers(0, LENGTH - 1)


def depends_on(prompts, frame, context):
    """All that the result of a frame is a function of, walking either way."""
    ways = [walked(prompts, frame, reverse=way, context=context) for way in (False, True)]
    return conditioning_frames(prompts, frame, context), ways


@given(prompts=prompt_sets, changed=frames, context=st.sampled_from(CONTEXTS))
def test_a_frame_is_stale_where_and_only_where_it_depends_on_the_changed_prompt(
    prompts, changed, context
):
    gone = stale(prompts, changed, LENGTH, context)
    others = prompts - {changed}
    for frame in set(range(LENGTH)) - prompts - {changed}:
        before = depends_on(others, frame, context)
        after = depends_on(others | {changed}, frame, context)
        if context == "all":
            assert frame in gone
        else:
            assert (frame in gone) == (changed in after[0])
            assert (frame in gone) == (before != after)


@given(prompts=prompt_sets, frame=frames, reverse=st.booleans())
def test_a_walk_passes_the_frames_from_its_prompt_on_in_order(prompts, frame, reverse):
    near = walked(prompts, frame, reverse=reverse, context="neighbours")
    far = walked(prompts, frame, reverse=reverse, context="all")
    step = -1 if reverse else 1
    behind = [p for p in prompts if (p - frame) * step < 0]
    if not behind:
        assert near is None
        assert far is None
    else:
        nearest = min(behind, key=lambda p: abs(p - frame))
        farthest = max(behind, key=lambda p: abs(p - frame))
        assert list(near) == list(range(nearest + step, frame, step))
        assert list(far) == list(range(farthest + step, frame, step))


@pytest.mark.parametrize(
    ("window", "reverse", "context", "filled", "expected"),
    [
        (range(12), False, "neighbours", (), [4, 5, 6, 7, 9, 10, 11]),
        (range(6, 10), False, "neighbours", (), [4, 5, 6, 7, 9]),
        (range(6, 10), False, "neighbours", (4, 5, 6), [7, 9]),
        (range(8, 11), False, "neighbours", (), [9, 10]),
        (range(8, 11), False, "all", (), [4, 5, 6, 7, 9, 10]),
        (range(10, 11), False, "neighbours", (), [9, 10]),
        (range(10, 11), False, "all", (), [4, 5, 6, 7, 9, 10]),
        (range(11, -1, -1), True, "neighbours", (), [7, 6, 5, 4, 2, 1, 0]),
        (range(5, 1, -1), True, "neighbours", (), [7, 6, 5, 4, 2]),
        (range(1, -1, -1), True, "all", (6,), [7, 5, 4, 2, 1, 0]),
        (range(3), False, "neighbours", (), []),
        (range(0), False, "neighbours", (), []),
    ],
)
def test_a_window_is_filled_from_the_prompts_that_reach_it(
    window, reverse, context, filled, expected
):
    found = unfilled((3, 8), lambda f: f in filled, window, reverse=reverse, context=context)
    assert found == expected


def test_without_prompts_nothing_is_filled():
    everything = range(5)
    assert unfilled((), lambda _: False, everything, reverse=False, context="all") == []
