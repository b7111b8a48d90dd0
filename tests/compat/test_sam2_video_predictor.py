"""The official call sequences on videos, and the reference's rules of what they do."""

import inspect

import numpy as np
import pytest
import torch

from masklet.compat.sam2.sam2_video_predictor import SAM2VideoPredictor, predictor_of

DISC = {"points": np.array([[12, 20]], np.float32), "labels": np.array([1], np.int32)}
SQUARE = {"box": np.array([53, 27, 67, 41], np.float32)}
BESIDE = {"points": [[40, 40]], "labels": [0]}


@pytest.fixture
def state(video_predictor, clip):
    return video_predictor.init_state(clip)


def tracked(predictor, state, **options):
    return {frame: logits for frame, _, logits in predictor.propagate_in_video(state, **options)}


def kept(state, object_id, frame):
    return state.accounts[object_id].known(frame)


def test_the_tutorials_sequence_of_calls(video_predictor, clip):
    predictor = video_predictor
    inference_state = predictor.init_state(video_path=clip)
    predictor.reset_state(inference_state)
    points, labels = np.array([[12, 20]], dtype=np.float32), np.array([1], np.int32)
    frame_idx, object_ids, mask_logits = predictor.add_new_points(
        inference_state=inference_state, frame_idx=0, obj_id=1, points=points, labels=labels
    )
    assert (frame_idx, object_ids) == (0, [1])
    assert (mask_logits[0] > 0.0).cpu().numpy().shape == (1, 48, 72)
    points = np.array([[12, 20], [20, 25]], dtype=np.float32)
    predictor.add_new_points(inference_state, 0, 1, points, np.array([1, 1], np.int32))
    _, object_ids, mask_logits = predictor.add_new_points_or_box(
        inference_state=inference_state, frame_idx=0, obj_id=4, box=SQUARE["box"]
    )
    assert object_ids == [1, 4]
    assert (mask_logits.shape, mask_logits.dtype) == ((2, 1, 48, 72), torch.float32)
    video_segments = {}
    for out_frame_idx, out_obj_ids, out_mask_logits in predictor.propagate_in_video(
        inference_state
    ):
        video_segments[out_frame_idx] = {
            out_obj_id: (out_mask_logits[i] > 0.0).cpu().numpy()
            for i, out_obj_id in enumerate(out_obj_ids)
        }
    assert list(video_segments) == list(range(8))
    assert all(list(masks) == [1, 4] for masks in video_segments.values())
    predictor.add_new_points_or_box(inference_state, 5, 1, clear_old_points=False, **BESIDE)
    object_ids, updated = predictor.remove_object(inference_state, 4)
    assert object_ids == [1]
    assert [(frame, tuple(logits.shape)) for frame, logits in updated] == [(0, (1, 1, 48, 72))]
    assert [ids for _, ids, _ in predictor.propagate_in_video(inference_state)] == [[1]] * 8
    predictor.reset_state(inference_state)
    assert inference_state["obj_ids"] == []


def test_the_signatures_are_the_official_ones():
    expected = {
        "init_state": "video_path offload_video_to_cpu offload_state_to_cpu async_loading_frames",
        "add_new_points_or_box": "inference_state frame_idx obj_id points labels clear_old_points "
        "normalize_coords box",
        "add_new_mask": "inference_state frame_idx obj_id mask",
        "propagate_in_video": "inference_state start_frame_idx max_frame_num_to_track reverse",
        "clear_all_prompts_in_frame": "inference_state frame_idx obj_id need_output",
        "reset_state": "inference_state",
        "remove_object": "inference_state obj_id strict need_output",
    }
    for name, parameters in expected.items():
        signature = inspect.signature(getattr(SAM2VideoPredictor, name))
        assert list(signature.parameters) == ["self", *parameters.split()]


def test_frames_are_visited_as_asked(video_predictor, state):
    video_predictor.add_new_points_or_box(state, 3, 1, **DISC)
    video_predictor.add_new_points_or_box(state, 5, 2, **DISC)
    assert list(tracked(video_predictor, state)) == [3, 4, 5, 6, 7]
    assert list(tracked(video_predictor, state, max_frame_num_to_track=2)) == [3, 4, 5]
    assert list(tracked(video_predictor, state, start_frame_idx=6)) == [6, 7]
    assert list(tracked(video_predictor, state, reverse=True)) == [3, 2, 1, 0]
    backwards = {"start_frame_idx": 5, "max_frame_num_to_track": 3, "reverse": True}
    assert list(tracked(video_predictor, state, **backwards)) == [5, 4, 3, 2]
    assert list(tracked(video_predictor, state, start_frame_idx=0, reverse=True)) == []
    assert list(tracked(video_predictor, state, start_frame_idx=8)) == []


def test_objects_together_are_as_each_alone(video_predictor, clip, state):
    def follow(**prompts):
        one = video_predictor.init_state(clip)
        for name, prompt in prompts.items():
            video_predictor.add_new_points_or_box(one, 0, name, **prompt)
        return tracked(video_predictor, one)

    both = follow(disc=DISC, square=SQUARE)
    for row, alone in enumerate((follow(disc=DISC), follow(square=SQUARE))):
        for frame, logits in alone.items():
            torch.testing.assert_close(both[frame][row], logits[0], rtol=0, atol=2e-3)


def test_a_first_prompt_sees_no_memory_and_a_correction_does(video_predictor, clip):
    def click(*, after_tracking):
        state = video_predictor.init_state(clip)
        video_predictor.add_new_points_or_box(state, 0, 1, **DISC)
        if after_tracking:
            tracked(video_predictor, state)
        return video_predictor.add_new_points_or_box(state, 4, 1, **DISC)[2]

    alone = video_predictor.init_state(clip)
    fresh = video_predictor.add_new_points_or_box(alone, 4, 1, **DISC)[2]
    assert torch.equal(click(after_tracking=False), fresh)
    assert not torch.allclose(click(after_tracking=True), fresh, atol=1e-2)


def test_a_correction_is_lost_when_its_frame_is_tracked_again_and_kept_when_it_is_not(
    video_predictor, state
):
    video_predictor.add_new_points_or_box(state, 0, 1, **DISC)
    before = tracked(video_predictor, state)
    corrected = video_predictor.add_new_points_or_box(state, 4, 1, **BESIDE)[2]
    assert not torch.allclose(corrected, before[4], atol=1e-3)
    after = tracked(video_predictor, state, start_frame_idx=5)
    assert not torch.allclose(after[5], before[5], atol=1e-3)
    again = tracked(video_predictor, state)
    assert all(torch.equal(again[frame], before[frame]) for frame in range(8))


def test_corrections_condition_where_that_is_asked_for(video_predictor, state):
    video_predictor.add_all_frames_to_correct_as_cond = True
    video_predictor.add_new_points_or_box(state, 0, 1, **DISC)
    tracked(video_predictor, state)
    corrected = video_predictor.add_new_points_or_box(state, 4, 1, **BESIDE)[2]
    assert torch.equal(tracked(video_predictor, state)[4], corrected)
    assert list(state.accounts[1].conditioning) == [0, 4]


def test_clicks_start_from_the_mask_that_earlier_ones_gave(video_predictor, clip):
    def clicked(*prompts, **options):
        state = video_predictor.init_state(clip)
        for prompt in prompts:
            shown = video_predictor.add_new_points_or_box(state, 0, 1, **prompt, **options)
        return shown[2]

    assert not torch.equal(clicked(DISC, BESIDE), clicked(BESIDE))
    assert not torch.equal(clicked(DISC, BESIDE, clear_old_points=False), clicked(DISC, BESIDE))


def test_coordinates_may_be_from_0_to_1(video_predictor, clip):
    shown = []
    for points, options in (([[12, 20]], {}), ([[12 / 72, 20 / 48]], {"normalize_coords": False})):
        state = video_predictor.init_state(clip)
        asked = {"points": points, "labels": [1], **options}
        shown.append(video_predictor.add_new_points_or_box(state, 0, 1, **asked)[2])
    torch.testing.assert_close(*shown)


def test_a_mask_of_any_size_is_shown_at_low_resolution_and_tracked(video_predictor, state):
    mask = np.zeros((48, 72), bool)
    mask[10:30, 5:25] = True
    shown = video_predictor.add_new_mask(state, 0, 1, mask)[2]
    assert ((shown[0, 0] > 0).numpy() == mask).mean() > 0.97
    large = np.kron(mask, np.ones((3, 3), bool))
    of_large = video_predictor.add_new_mask(state, 0, 2, torch.from_numpy(large))[2]
    assert ((of_large[1, 0] > 0) == (shown[0, 0] > 0)).float().mean() > 0.97
    assert set(shown.unique().tolist()) >= {-10.0, 10.0}
    assert tracked(video_predictor, state)[0][0].equal(shown[0])


def test_an_empty_mask_says_that_the_object_is_absent(video_predictor, state):
    video_predictor.add_new_mask(state, 0, 1, np.zeros((48, 72)))
    assert float(state.accounts[1].new_conditioning[0].object_score) == -10.0
    tracked(video_predictor, state, max_frame_num_to_track=1)
    assert float(kept(state, 1, 0).logits_hw.max()) == pytest.approx(-10.0)


def test_what_was_said_of_a_frame_is_replaced_by_a_mask_and_a_mask_by_clicks(
    video_predictor, state
):
    account = state.account_of(1)
    video_predictor.add_new_points_or_box(state, 2, 1, **DISC)
    video_predictor.add_new_mask(state, 2, 1, np.ones((4, 4)))
    assert (list(account.points), list(account.masks_SS)) == ([], [2])
    video_predictor.add_new_points_or_box(state, 2, 1, **DISC)
    assert (list(account.points), list(account.masks_SS)) == ([2], [])


def test_objects_not_yet_looked_at_on_a_frame_are_shown_as_absent(video_predictor, state):
    video_predictor.add_new_points_or_box(state, 0, "disc", **DISC)
    frame, ids, logits = video_predictor.add_new_points_or_box(state, 3, ("a", 1), **SQUARE)
    assert (frame, ids) == (3, ["disc", ("a", 1)])
    assert (logits[0] == -1024).all()
    assert (logits[1] > -1024).all()


def test_clearing_a_frame_makes_the_next_click_a_first_one(video_predictor, state):
    video_predictor.add_new_points_or_box(state, 0, 1, **DISC)
    first = video_predictor.add_new_points_or_box(state, 4, 1, **SQUARE)[2]
    tracked(video_predictor, state)
    frame, ids, logits = video_predictor.clear_all_prompts_in_frame(state, 4, 1)
    assert (frame, ids) == (4, [1])
    assert torch.equal(logits, first)
    account = state.accounts[1]
    assert (list(account.conditioning), 4 in account.others, 4 in account.tracked) == (
        [0],
        True,
        False,
    )
    assert video_predictor.clear_all_prompts_in_frame(state, 4, 1, need_output=False) is None
    video_predictor.add_new_points_or_box(state, 4, 1, **DISC)
    assert list(account.new_conditioning) == [4]


def test_clearing_before_any_propagation_leaves_nothing_to_track(video_predictor, state):
    video_predictor.add_new_points_or_box(state, 0, 1, **DISC)
    logits = video_predictor.clear_all_prompts_in_frame(state, 0, 1)[2]
    assert (logits == -1024).all()
    with pytest.raises(RuntimeError, match="object 1 has no prompt"):
        tracked(video_predictor, state)


def test_the_list_of_objects_is_alive_until_one_is_removed_and_empty_after_a_reset(
    video_predictor, state
):
    held = video_predictor.add_new_points_or_box(state, 0, 7, **DISC)[1]
    video_predictor.add_new_points_or_box(state, 0, 3, **SQUARE)
    video_predictor.add_new_points_or_box(state, 0, 5, **DISC)
    assert held == [7, 3, 5]
    left, _ = video_predictor.remove_object(state, 3)
    assert (held, left, state["obj_ids"]) == ([7, 3, 5], [7, 5], [7, 5])
    video_predictor.reset_state(state)
    assert (held, left) == ([7, 3, 5], [])


def test_removing_an_object_leaves_the_others_bit_for_bit(video_predictor, state):
    video_predictor.add_new_points_or_box(state, 0, 1, **DISC)
    video_predictor.add_new_points_or_box(state, 0, 2, **SQUARE)
    video_predictor.add_new_points_or_box(state, 2, 1, **DISC)
    before = tracked(video_predictor, state)
    left, updated = video_predictor.remove_object(state, 1)
    assert left == [2]
    assert [frame for frame, _ in updated] == [0, 2]
    assert all(torch.equal(logits, before[frame][1:]) for frame, logits in updated)
    assert video_predictor.remove_object(state, 9) == ([2], [])
    assert video_predictor.remove_object(state, 2) == ([], [])
    assert state.accounts == {}


def test_removing_without_output_gives_no_frames(video_predictor, state):
    video_predictor.add_new_points_or_box(state, 0, 1, **DISC)
    video_predictor.add_new_points_or_box(state, 0, 2, **SQUARE)
    assert video_predictor.remove_object(state, 1, need_output=False) == ([2], [])


def test_a_pixel_belongs_to_one_object_at_most_where_that_is_asked_for(video_predictor, state):
    video_predictor.add_new_points_or_box(state, 0, 1, **DISC)
    overlapping = video_predictor.add_new_points_or_box(state, 0, 2, **SQUARE)[2]
    assert ((overlapping > 0).sum(dim=0) > 1).any()
    video_predictor.non_overlap_masks = True
    for logits in tracked(video_predictor, state).values():
        assert ((logits > 0).sum(dim=0) <= 1).all()
        assert (logits.sort(dim=0).values[0] <= -10).all()
    video_predictor.remove_object(state, 2)
    assert torch.equal(tracked(video_predictor, state)[0][0], overlapping[0])


def test_holes_are_filled_after_a_tracked_frame_is_remembered_and_before_a_prompted_one(
    small_network, clip
):
    answers = []
    for area in (0, 12):
        predictor = predictor_of(small_network, device="cpu", memory_dtype=torch.float32)
        predictor.fill_hole_area = area
        state = predictor.init_state(clip)
        predictor.add_new_mask(state, 0, 1, np.kron(np.eye(2), np.ones((24, 36))))
        tracked(predictor, state, max_frame_num_to_track=1)
        predictor.add_new_points_or_box(state, 0, 2, **DISC)
        tracked(predictor, state, max_frame_num_to_track=0)
        answers.append((kept(state, 1, 1), kept(state, 2, 0)))
    (raw, raw_prompted), (filled, filled_prompted) = answers
    assert torch.equal(raw.spatial_LD, filled.spatial_LD)
    assert not torch.equal(raw_prompted.spatial_LD, filled_prompted.spatial_LD)
    for before, after in ((raw, filled), (raw_prompted, filled_prompted)):
        changed = before.logits_hw != after.logits_hw
        assert changed.any()
        assert (before.logits_hw[changed] <= 0).all()
        assert after.logits_hw[changed].unique().tolist() == [pytest.approx(0.1)]


def test_what_was_tracked_around_a_prompt_is_forgotten_where_that_is_asked_for(
    video_predictor, state
):
    video_predictor.clear_non_cond_mem_around_input = True
    video_predictor.add_new_points_or_box(state, 0, 1, **DISC)
    tracked(video_predictor, state)
    assert sorted(state.accounts[1].others) == [1, 2, 3, 4, 5, 6, 7]
    video_predictor.add_new_points_or_box(state, 7, 1, **BESIDE)
    tracked(video_predictor, state, start_frame_idx=0, max_frame_num_to_track=0)
    assert sorted(state.accounts[1].others) == []
    video_predictor.add_new_points_or_box(state, 6, 1, **DISC)
    video_predictor.propagate_in_video_preflight(state)
    # The correction itself is no memory that it makes stale.
    assert sorted(state.accounts[1].others) == [6]


def test_memories_are_rounded_as_the_reference_stores_them_unless_asked_otherwise(
    small_network, clip
):
    logits = []
    for options in ({}, {"memory_dtype": torch.float32}):
        predictor = predictor_of(small_network, device="cpu", **options)
        state = predictor.init_state(clip)
        predictor.add_new_points_or_box(state, 0, 1, **DISC)
        logits.append(tracked(predictor, state)[7])
        for frame in (0, 7):
            assert kept(state, 1, frame).spatial_LD.dtype is predictor.memory_dtype
    assert predictor_of(small_network, device="cpu").memory_dtype is torch.bfloat16
    assert 0 < (logits[0] - logits[1]).abs().max() < 0.5


@pytest.mark.parametrize(
    "setting",
    [
        {"memory_temporal_stride_for_eval": 2},
        {"max_cond_frames_in_attn": 2},
        {"binarize_mask_from_pts_for_mem_enc": False},
    ],
)
def test_every_setting_of_memories_changes_what_is_tracked(video_predictor, clip, setting):
    def last():
        state = video_predictor.init_state(clip)
        for frame in (0, 1, 2):
            video_predictor.add_new_points_or_box(state, frame, 1, **DISC)
        return tracked(video_predictor, state)[7]

    usual = last()
    for name, value in setting.items():
        setattr(video_predictor, name, value)
    assert not torch.allclose(last(), usual, atol=1e-3)


def test_two_videos_may_be_worked_on_in_turn(video_predictor, clip):
    def alternate(*states):
        for state in states:
            video_predictor.add_new_points_or_box(state, 0, 1, **DISC)
        walks = [video_predictor.propagate_in_video(state) for state in states]
        return [[logits for _, _, logits in shown] for shown in zip(*walks, strict=True)]

    (alone,) = zip(*alternate(video_predictor.init_state(clip)), strict=True)
    mirrored = video_predictor.init_state(clip[:, :, ::-1].copy())
    together, _ = zip(*alternate(video_predictor.init_state(clip), mirrored), strict=True)
    assert all(torch.equal(one, other) for one, other in zip(alone, together, strict=True))


def test_under_autocast_as_the_tutorials_have_it_masks_are_nearly_the_same(small_network, clip):
    def follow():
        predictor = predictor_of(small_network, device="cpu")
        state = predictor.init_state(clip)
        predictor.add_new_points_or_box(state, 0, 1, **DISC)
        predictor.add_new_mask(state, 0, 2, np.ones((9, 9)))
        return tracked(predictor, state)

    usual = follow()
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        narrow = follow()
    for frame, logits in usual.items():
        assert narrow[frame].dtype is torch.float32
        assert ((narrow[frame] > 0) == (logits > 0)).float().mean() > 0.9
