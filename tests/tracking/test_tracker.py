"""The streaming tracker: what it promises to whoever feeds it frames."""

import copy
import itertools

import numpy as np
import pytest
import torch

from masklet.errors import PromptError
from masklet.memory.standard import StandardPolicy
from masklet.tracking.tracker import Tracker, track
from masklet.types import Prompt

DISC = Prompt.point(12, 20)
SQUARE = Prompt.box_xyxy(53, 27, 67, 41)


def logits_of(result, object_id):
    return result.masks.logits[result.object_ids.index(object_id)]


def run(model, clip, prompts, **options):
    return list(track(model, clip, prompts, **options))


def assert_same(ours, theirs, object_id, tolerance=2e-3):
    for one, other in zip(ours, theirs, strict=True):
        a, b = logits_of(one, object_id), logits_of(other, object_id)
        torch.testing.assert_close(a, b, rtol=0, atol=tolerance)


def test_objects_tracked_together_are_as_each_alone(model, clip):
    # float32 memories: rounding to bfloat16 turns harmless differences of kernels into large ones.
    def follow(prompts):
        tracker = Tracker(model, memory_dtype=torch.float32)
        return [tracker.step(clip[0], prompts), *(tracker.step(frame) for frame in clip[1:12])]

    together = follow({1: DISC, 2: SQUARE})
    assert_same(together, follow({1: DISC}), 1)
    assert_same(together, follow({2: SQUARE}), 2)
    assert together[5].object_ids == (1, 2)


def test_an_object_starts_at_its_first_prompt_and_leaves_the_others_alone(model, clip):
    alone = run(model, clip, {0: {1: DISC}})
    with_late = run(model, clip, {0: {1: DISC}, 7: {5: SQUARE}})
    assert [result.object_ids for result in with_late[5:9]] == [(1,), (1,), (1, 5), (1, 5)]
    for index in range(7):
        assert torch.equal(logits_of(alone[index], 1), logits_of(with_late[index], 1))


def test_frames_before_any_prompt_have_no_masks(model, clip):
    tracker = Tracker(model)
    results = [tracker.step(clip[i], {1: DISC} if i == 2 else None) for i in range(4)]
    assert [len(result.masks) for result in results] == [0, 0, 1, 1]
    assert results[0].masks.masks().shape == (0, 48, 72)


def test_removing_an_object_leaves_the_others_bit_for_bit(model, clip):
    tracker = Tracker(model)
    tracker.step(clip[0], {1: DISC, 2: SQUARE})
    before = tracker.state
    tracker.remove(1)
    assert tracker.state.object_ids == (2,)
    assert tracker.state.tracks[0] is before.tracks[1]
    assert tracker.step(clip[1]).object_ids == (2,)
    with pytest.raises(PromptError, match=r"object 1 is not tracked; tracked are \[2\]"):
        tracker.remove(1)


def test_a_state_that_is_kept_and_put_back_gives_the_same_future(model, clip):
    tracker = Tracker(model)
    for frame in clip[:5]:
        tracker.step(frame, {3: DISC} if tracker.state.frame_index == 0 else None)
    kept = tracker.state
    first = [tracker.step(frame) for frame in clip[5:9]]
    other = Tracker(model)
    other.state = kept
    second = [other.step(frame) for frame in clip[5:9]]
    for one, two in zip(first, second, strict=True):
        assert torch.equal(one.masks.logits, two.masks.logits)
        assert one.frame_index == two.frame_index


def test_memory_is_bounded_by_the_reach_of_the_policy(model, clip):
    tracker = Tracker(model)
    for index, frame in enumerate(itertools.islice(itertools.cycle(clip), 40)):
        tracker.step(frame, {1: DISC} if index == 0 else None)
    bank = tracker.state.tracks[0][0].bank
    assert len(bank.conditioning) == 1
    assert len(bank.recent) == StandardPolicy().reach == 15
    storages = {m.spatial_LD.untyped_storage().data_ptr() for m in bank}
    assert len(storages) == 16


def test_a_correction_conditions_later_frames_and_starts_from_the_tracked_mask(model, clip):
    prompts = {0: {1: DISC}, 6: {1: Prompt.point(40, 40, label=0)}}
    plain, corrected = run(model, clip, {0: {1: DISC}}), run(model, clip, prompts)
    assert torch.equal(logits_of(plain[5], 1), logits_of(corrected[5], 1))
    assert not torch.equal(logits_of(plain[6], 1), logits_of(corrected[6], 1))
    assert not torch.equal(logits_of(plain[9], 1), logits_of(corrected[9], 1))
    tracker = Tracker(model)
    for index, frame in enumerate(clip[:8]):
        tracker.step(frame, prompts.get(index))
    conditioning = tracker.state.tracks[0][0].bank.conditioning
    assert [memory.frame_index for memory in conditioning] == [0, 6]


def test_a_given_mask_is_its_own_answer(model, clip):
    mask = np.zeros((48, 72), bool)
    mask[14:27, 5:20] = True
    result = Tracker(model).step(clip[0], {9: Prompt.from_mask(mask)})
    shown = result.masks.masks()[0]
    assert (shown & mask).sum() / (shown | mask).sum() > 0.8
    assert float(result.masks.iou[0]) == 1.0
    assert float(result.masks.object_score[0]) == 10.0


def test_objects_come_in_the_order_of_their_prompts_whatever_kind_they_are(model, clip):
    mask = np.zeros((48, 72), bool)
    mask[30:40, 50:66] = True
    tracker = Tracker(model)
    first = tracker.step(clip[0], {7: Prompt.from_mask(mask), 3: DISC, 5: SQUARE})
    assert first.object_ids == (7, 3, 5)
    second = tracker.step(clip[1], {3: Prompt.point(14, 20)})
    assert second.object_ids == tracker.state.object_ids == (7, 3, 5)


def test_a_prompt_that_does_not_fit_changes_nothing(model, clip):
    tracker = Tracker(model)
    tracker.step(clip[0], {1: DISC})
    before = tracker.state
    with pytest.raises(PromptError, match="lies outside the image"):
        tracker.step(clip[1], {1: DISC, 2: Prompt.point(500, 20)})
    assert tracker.state is before


def test_backwards_is_forwards_with_time_turned_around(model, clip):
    forward, backward = Tracker(model), Tracker(model, reverse=True, first_frame=20)
    for index, frame in enumerate(clip[:10]):
        said = {1: DISC} if index == 0 else None
        ahead, behind = forward.step(frame, said), backward.step(frame, said)
        assert behind.frame_index == 20 - ahead.frame_index
        assert torch.equal(ahead.masks.logits, behind.masks.logits)


def test_encoding_ahead_changes_nothing_but_the_time(model, clip):
    one = run(model, clip[:11], {0: {1: DISC}}, lookahead=1)
    three = run(model, clip[:11], {0: {1: DISC}}, lookahead=3)
    assert [result.frame_index for result in three] == list(range(11))
    assert_same(one[:1], three[:1], 1)


def test_frames_are_pulled_a_little_ahead_and_no_further(model, clip):
    pulled = []

    def source():
        for index in itertools.count():
            pulled.append(index)
            yield clip[index % len(clip)]

    stream = track(model, source(), {0: {1: DISC}}, lookahead=2)
    for _ in range(6):
        next(stream)
    stream.close()
    assert len(pulled) <= 6 + 2 * 2


def test_an_error_of_the_source_comes_after_the_frames_before_it(model, clip):
    def source():
        yield from clip[:3]
        raise OSError("the camera is gone")

    stream = track(model, source(), {0: {1: DISC}}, lookahead=2)
    assert [next(stream).frame_index for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match="the camera is gone"):
        next(stream)


def test_a_prompt_beyond_the_end_is_told_after_all_frames(model, clip):
    stream = track(model, clip[:3], {0: {1: DISC}, 9: {2: SQUARE}})
    results = [next(stream) for _ in range(3)]
    assert len(results) == 3
    with pytest.raises(
        PromptError, match="frame 9 is prompted, but the frames that are read are 0 to before 3"
    ):
        next(stream)


def test_the_length_of_a_short_clip_scales_pointer_times(model, clip):
    long = run(model, clip[:5], {0: {1: DISC}}, num_frames=None)
    short = run(model, clip[:5], {0: {1: DISC}}, num_frames=5)
    assert torch.equal(long[0].masks.logits, short[0].masks.logits)
    assert not torch.equal(long[4].masks.logits, short[4].masks.logits)


def test_a_tracked_frame_reads_no_tensor_on_the_host(model, clip):
    # Tensors of the "meta" device have shapes and no values: whoever reads one fails.
    elsewhere = copy.deepcopy(model).to("meta")
    tracker = Tracker(elsewhere)
    first = tracker.step(clip[0], {1: DISC, 2: SQUARE})
    results = [tracker.step(frame) for frame in clip[1:20]]
    assert results[-1].masks.logits.shape == (2, 16, 16)
    with pytest.raises(RuntimeError, match="meta"):
        float(first.masks.iou[0])


def test_overlapping_masks_may_be_shown_apart_while_memory_is_not_touched(model, clip):
    plain, apart = Tracker(model), Tracker(model, non_overlap=True)
    big = Prompt.box_xyxy(2, 2, 60, 40)
    for index in range(3):
        said = {1: big, 2: DISC} if index == 0 else None
        usual, exclusive = plain.step(clip[index], said), apart.step(clip[index], said)
        assert torch.equal(usual.masks.logits, exclusive.masks.logits)
        assert usual.masks.masks().sum(axis=0).max() == 2
        assert exclusive.masks.masks().sum(axis=0).max() == 1


def test_one_row_at_a_time_makes_objects_independent_bit_for_bit(model, clip):
    def follow(prompts):
        tracker = Tracker(model, max_rows=1)
        return [tracker.step(clip[0], prompts), *(tracker.step(frame) for frame in clip[1:8])]

    mask = np.zeros((48, 72), bool)
    mask[14:27, 5:20] = True
    prompts = {1: DISC, 2: SQUARE, 3: Prompt.from_mask(mask), 4: Prompt.from_mask(~mask)}
    together = follow(prompts)
    for number, prompt in prompts.items():
        assert_same(together, follow({number: prompt}), number, tolerance=0)


def test_a_turned_tracker_goes_the_other_way_from_the_prompted_frames(model, clip):
    tracker = Tracker(model)
    for index in range(8):
        tracker.step(clip[index], {3: {1: DISC}, 5: {2: SQUARE}}.get(index))
    turned = tracker.turned()
    results = [turned.step(clip[index]) for index in (4, 3, 2)]
    assert [result.frame_index for result in results] == [4, 3, 2]
    assert [result.object_ids for result in results] == [(2,), (2,), (1, 2)]
    alone = Tracker(model, reverse=True, first_frame=3)
    alone.step(clip[3], {1: DISC})
    assert_same([results[-1]], [alone.step(clip[2])], 1)
    assert turned.state.object_ids == (1, 2)
    assert tracker.state.frame_index == 8
    assert turned.turned().state.frame_index == 4
    assert tracker.turned(first_frame=1).step(clip[1]).object_ids == (1, 2)
    with pytest.raises(PromptError, match="nothing to track the other way"):
        Tracker(model).turned()


def test_a_prompt_beyond_a_known_end_is_refused_before_anything_is_read(model):
    def source():
        raise AssertionError("a frame was asked for")
        yield

    with pytest.raises(PromptError, match=r"frame 5 is prompted, but .* 0 to before 4;"):
        next(track(model, source(), {0: {1: DISC}, 5: {1: SQUARE}}, num_frames=4))


def test_a_prompt_before_the_first_frame_is_refused(model, clip):
    with pytest.raises(PromptError, match=r"frame 2 is prompted, but .* from 3 on;"):
        next(track(model, clip, {2: {1: DISC}}, first_frame=3))


def test_tracking_without_a_prompt_is_refused(model, clip):
    with pytest.raises(PromptError, match="no frame is prompted; expected at least one prompt"):
        next(track(model, clip, {}))


def test_frames_before_the_first_prompt_are_passed_over_unseen(model, clip, monkeypatch):
    seen = []
    encode_image = model.encode_image
    monkeypatch.setattr(
        type(model), "encode_image", lambda _, images: seen.append(1) or encode_image(images)
    )
    results = list(track(model, clip[:6], {4: {1: DISC}}, num_frames=6))
    assert [result.frame_index for result in results] == [4, 5]
    assert len(seen) == 2


def test_a_stream_that_begins_later_gives_the_same_masks(model, clip):
    whole = list(track(model, clip[:6], {4: {1: DISC}}, num_frames=6))
    later = list(track(model, clip[3:6], {4: {1: DISC}}, num_frames=6, first_frame=3))
    assert [result.frame_index for result in later] == [4, 5]
    for one, other in zip(whole, later, strict=True):
        np.testing.assert_array_equal(one.masks.masks(), other.masks.masks())
