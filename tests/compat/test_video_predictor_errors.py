"""What the official video predictor refuses, with the reference's kinds of error, and why."""

import numpy as np
import pytest
import torch

from masklet.errors import PromptError

DISC = {"points": [[12, 20]], "labels": [1]}


@pytest.fixture
def state(video_predictor, clip):
    return video_predictor.init_state(clip)


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ({"points": [[1, 2]]}, r"points came without labels; expected both or neither"),
        ({"labels": [1]}, r"labels came without points; expected both or neither"),
        ({}, r"neither points nor a box came; expected at least one .* add_new_mask"),
        (
            {"box": [1, 2, 3, 4], "clear_old_points": False},
            r"a box came with clear_old_points=False; expected a box as the first thing",
        ),
        (
            {"points": [12, 20], "labels": [1]},
            r"points have shape \(2,\) and labels \(1,\); expected \(P, 2\) and \(P,\)",
        ),
        ({"points": np.zeros((0, 2)), "labels": []}, r"points have shape \(0, 2\) .*at least one"),
        ({"points": [[1, 2]], "labels": [1, 0]}, r"points have shape \(1, 2\) and labels \(2,\)"),
        (
            {"points": [[1, float("nan")]], "labels": [1]},
            r"points holds values that are not finite; expected numbers",
        ),
        ({"points": [[1, 2]], "labels": [7]}, r"labels are \[7\]; expected 1 \(on the object\)"),
        (
            {"box": [[1, 2, 3, 4], [1, 2, 3, 4]]},
            r"box has shape \(2, 4\); expected \(4,\).* a call of its own",
        ),
        ({"box": [1, 2, 3, float("inf")]}, r"box holds values that are not finite"),
    ],
)
def test_a_prompt_that_cannot_be_is_refused_and_changes_nothing(
    video_predictor, state, prompt, message
):
    with pytest.raises(PromptError, match=message) as caught:
        video_predictor.add_new_points_or_box(state, 0, 1, **prompt)
    assert isinstance(caught.value, ValueError)
    assert state["obj_ids"] == []


def test_a_mask_of_three_dimensions_is_refused(video_predictor, state):
    with pytest.raises(AssertionError, match=r"mask has shape \(1, 4, 4\); expected \(height"):
        video_predictor.add_new_mask(state, 0, 1, torch.ones(1, 4, 4))
    assert state["obj_ids"] == []


@pytest.mark.parametrize("frame", [8, -1])
def test_a_frame_that_is_not_there_is_refused(video_predictor, state, frame):
    message = rf"there is no frame {frame}; the video has 8"
    with pytest.raises(IndexError, match=message):
        video_predictor.add_new_points_or_box(state, frame, 1, **DISC)
    with pytest.raises(IndexError, match=message):
        video_predictor.add_new_mask(state, frame, 1, np.ones((4, 4)))
    with pytest.raises(IndexError, match=message):
        video_predictor.clear_all_prompts_in_frame(state, frame, 1)
    assert state["obj_ids"] == []


def test_a_propagation_that_starts_where_no_frame_is_is_refused(video_predictor, state):
    video_predictor.add_new_points_or_box(state, 0, 1, **DISC)
    with pytest.raises(IndexError, match="0 <= start <= stop <= 8"):
        list(video_predictor.propagate_in_video(state, start_frame_idx=9, reverse=True))
    with pytest.raises(IndexError, match="0 <= start <= stop <= 8"):
        list(video_predictor.propagate_in_video(state, start_frame_idx=-2))


def test_propagating_without_any_object_is_refused(video_predictor, state):
    with pytest.raises(RuntimeError, match=r"no object has a prompt; expected at least one"):
        next(video_predictor.propagate_in_video(state))


def test_propagating_with_an_object_without_prompts_is_refused_by_its_name(video_predictor, state):
    video_predictor.add_new_points_or_box(state, 0, 1, **DISC)
    video_predictor.add_new_points_or_box(state, 0, "cat", **DISC)
    video_predictor.clear_all_prompts_in_frame(state, 0, "cat")
    with pytest.raises(RuntimeError, match=r"object 'cat' has no prompt; .* remove_object"):
        next(video_predictor.propagate_in_video(state))


def test_removing_an_unknown_object_strictly_is_refused(video_predictor, state):
    video_predictor.add_new_points_or_box(state, 0, 1, **DISC)
    with pytest.raises(RuntimeError, match=r"object 4 is to be removed .* one of \[1\]"):
        video_predictor.remove_object(state, 4, strict=True)


def test_what_the_state_does_not_show_is_named(state):
    with pytest.raises(KeyError, match=r"no 'output_dict_per_obj'; expected one of images, num_fr"):
        state["output_dict_per_obj"]
    assert state.get("output_dict_per_obj") is None
