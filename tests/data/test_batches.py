"""Clips as stored and as a step takes them say what is wrong with their tensors."""

import pytest
import torch

from masklet.data.batches import ClipBatch, RawClips, joined
from masklet.errors import DatasetError


def raw(clips=2, length=3, objects=2, size=(8, 10), **changes):
    fields = {
        "frames_VT3HW": torch.zeros(clips, length, 3, *size, dtype=torch.uint8),
        "masks_VTKHW": torch.zeros(clips, length, objects, *size, dtype=torch.bool),
        "known_VTK": torch.ones(clips, length, objects, dtype=torch.bool),
        "names": tuple(f"clip {number}" for number in range(clips)),
    }
    return RawClips(**{**fields, **changes})


def batch(clips=2, length=3, rows=5, side=8, **changes):
    fields = {
        "frames_F3SS": torch.zeros(clips * length, 3, side, side),
        "masks_TBSS": torch.zeros(length, rows, side, side, dtype=torch.bool),
        "known_TB": torch.ones(length, rows, dtype=torch.bool),
        "row_to_frame_TB": torch.zeros(length, rows, dtype=torch.int64),
        "names": tuple(f"clip {number}" for number in range(clips)),
    }
    return ClipBatch(**{**fields, **changes})


def test_both_tell_their_sizes():
    assert (len(raw()), raw().length, raw().size) == (2, 3, (8, 10))
    made = batch()
    assert (made.clips, made.length, made.rows, made.side) == (2, 3, 5, 8)
    assert batch(rows=0).rows == 0


@pytest.mark.parametrize(
    ("make", "name", "tensor", "message"),
    [
        (raw, "frames_VT3HW", torch.zeros(2, 3, 3, 8, 10), r"is float32 of shape .*expected uint8"),
        (raw, "masks_VTKHW", torch.zeros(2, 3, 2, 8, 9).bool(), r"expected bool .*, any, 8, 10\)"),
        (raw, "known_VTK", torch.zeros(2, 2, 2).bool(), r"shape \(2, 2, 2\).*shape \(2, 3, 2\)"),
        (batch, "frames_F3SS", torch.zeros(6, 3, 8, 9), r"\(any, 3, 9, 9\)\. Convert it"),
        (batch, "frames_F3SS", torch.zeros(6, 8, 8), r"\(6, 8, 8\).* \(any, 3, any, any\)\. Conv"),
        (batch, "masks_TBSS", torch.zeros(3, 5, 8, 8), r"expected bool of shape \(any, any, 8, 8"),
        (batch, "known_TB", torch.zeros(5, 3).bool(), r"shape \(5, 3\).*of shape \(3, 5\)"),
        (batch, "row_to_frame_TB", torch.zeros(3, 5).int(), r"is int32 .*expected int64"),
    ],
    ids=lambda value: value if isinstance(value, str) and "_" in value else "",
)
def test_a_wrong_tensor_is_named_with_what_was_expected(make, name, tensor, message):
    with pytest.raises(DatasetError, match=f"^{name} .*{message}"):
        make(**{name: tensor})


def test_every_clip_has_one_name_and_all_its_frames():
    with pytest.raises(DatasetError, match=r"1 names for 2 clips; expected one each\. Name every"):
        raw(names=("one",))
    with pytest.raises(DatasetError, match=r"6 frames of 1 clips of 3; expected 3, .*one name per"):
        batch(names=("one",))


def test_moving_keeps_values_and_names():
    clips = raw(frames_VT3HW=torch.arange(1440).to(torch.uint8).view(2, 3, 3, 8, 10))
    moved = clips.to("cpu")
    assert torch.equal(moved.frames_VT3HW, clips.frames_VT3HW)
    assert (moved.names, moved.device.type) == (clips.names, "cpu")
    assert batch().to(torch.device("meta")).device.type == "meta"


def test_joined_clips_are_filled_up_with_objects_that_are_not_known():
    one, three = raw(clips=1, objects=1), raw(clips=2, objects=3)
    both = joined([one, three])
    assert both.masks_VTKHW.shape == (3, 3, 3, 8, 10)
    assert both.known_VTK[0, 0].tolist() == [True, False, False]
    assert both.known_VTK[1:].all()
    assert both.names == ("clip 0", "clip 0", "clip 1")


def test_clips_of_different_sizes_are_not_joined():
    with pytest.raises(DatasetError, match=r"2x8x10, 3x8x10 were to be one .*with the same length"):
        joined([raw(), raw(length=2)])
    with pytest.raises(DatasetError, match="no clips were to be one batch"):
        joined([])
