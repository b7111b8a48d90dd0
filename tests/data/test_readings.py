"""What is read of an item is what people drew, stretched to a square."""

from pathlib import Path

import numpy as np
import pytest
import torch

from masklet.data.packs import open_picture_pack
from masklet.data.readings import (
    Origin,
    contents_of,
    is_picture,
    origin_of,
    read_clip,
    squared_frame,
    squared_mask,
    tables_of,
)
from masklet.data.sampling import SamplingOptions
from masklet.errors import DatasetError
from tests.data.made_packs import jpeg, write_tar
from tests.data.made_sets import (
    MASKS,
    OddPicture,
    annotation,
    described,
    picture_pack,
    tiny_dataset,
)


def contents(item, side=24, smallest=1.0, origin=None):
    return contents_of(item, origin or origin_of(item, "set"), side=side, smallest=smallest)


def one_picture(tmp_path, annotations, source=None):
    files = {"1.jpg": jpeg(), "1.json": described(annotations, source)}
    return open_picture_pack([write_tar(Path(tmp_path) / "one.tar", files)]).items[0]


def test_packed_pictures_say_where_they_come_from_and_what_is_part_of_what(tmp_path):
    first, *_, last = picture_pack(tmp_path).items
    assert origin_of(first, "train") == Origin("many", {2: 1})
    assert origin_of(last, "train") == Origin("few", {})
    clip = tiny_dataset().items[0]
    assert origin_of(clip, "tiny") == Origin("tiny", {})
    assert is_picture(first)
    assert not is_picture(clip)


@pytest.mark.parametrize("parent", [-1, 7, "0", True, None])
def test_parents_that_make_no_sense_are_none(tmp_path, parent):
    item = one_picture(tmp_path, [annotation("whole"), annotation("part", parent=parent)])
    assert origin_of(item, "train") == Origin("train", {})


def test_contents_of_a_picture(tmp_path):
    found = contents(picture_pack(tmp_path).items[0])
    assert (found.object_ids, found.kinds) == ((1, 2, 3), ("instance", "part", "region"))
    assert (found.parents, found.frames, found.longest_window) == ((-1, 0, -1), (0,), 1)
    shares = [MASKS[name].mean() for name in ("whole", "part", "region")]
    torch.testing.assert_close(found.shares_ON[:, 0], torch.tensor(shares, dtype=torch.float32))
    made = tables_of(found, SamplingOptions())
    assert made.weights_VO[0].tolist() == pytest.approx([1.0, 1.0, 1 / 3])
    assert made.last_VO.tolist() == [[0, 0, 0]]


def test_contents_of_a_clip():
    found = contents(tiny_dataset().items[2])
    assert found.object_ids == (1, 2, 3)
    assert found.frames == tuple(range(12))
    assert (found.shares_ON[1] > 0).tolist() == [False] * 4 + [True] * 8
    assert found.longest_window == 12
    assert found.last_O.tolist() == [11, 11, 11]
    assert found.mean_share_O[1] == pytest.approx(found.shares_ON[1, 4:].mean())


def test_specks_are_left_out_and_counted(tmp_path):
    item = one_picture(
        tmp_path, [annotation("whole"), annotation("speck"), annotation("part", parent=1)]
    )
    found = contents(item, side=24, smallest=4.0)
    assert (found.object_ids, found.specks) == ((1, 3), 1)
    # What it was a part of is not there.
    assert found.parents == (-1, -1)
    kept = contents(item, side=24, smallest=0.0)
    assert (kept.object_ids, kept.specks, kept.parents) == ((1, 2, 3), 0, (-1, -1, 1))


def test_an_item_without_objects_is_told(tmp_path):
    with pytest.raises(
        DatasetError, match=r"1 has no object .*, and 1 that cover less than 4 pix.*"
    ):
        contents(one_picture(tmp_path, [annotation("speck")]), smallest=4.0)
    with pytest.raises(
        DatasetError, match=r"no object that could be asked for, and 0 .*expected one"
    ):
        contents(one_picture(tmp_path, []))


def test_frames_and_masks_of_a_clip_are_read_as_they_are_drawn():
    clip = tiny_dataset().items[1]
    found = contents(clip, side=64)
    read = read_clip(clip, found, frames=[3, 5], objects=[1, -1, 0], side=64)
    with clip.open() as frames:
        torch.testing.assert_close(read.frames_VT3HW[0, 1], squared_frame(frames[5], 64))
    truth = clip.truth(3).masks
    assert torch.equal(read.masks_VTKHW[0, 0, 0], squared_mask(truth[2], 64))
    assert torch.equal(read.masks_VTKHW[0, 0, 2], squared_mask(truth[1], 64))
    assert read.masks_VTKHW[0, 1].any(dim=(1, 2)).tolist() == [True, False, False]
    assert read.known_VTK[0].tolist() == [[True, False, True]] * 2
    assert read.names == ("behind",)


def test_the_picture_is_stretched_and_its_masks_with_it(tmp_path):
    item = picture_pack(tmp_path).items[0]
    read = read_clip(item, contents(item), frames=[0], objects=[2], side=40)
    # The region covers all rows of the left 14 of 30 columns.
    assert read.masks_VTKHW[0, 0, 0, :, :19].all()
    assert not read.masks_VTKHW[0, 0, 0, :, 19:].any()
    assert (read.frames_VT3HW.float() - 100).abs().max() < 6


def test_masks_of_another_size_than_their_picture_are_refused():
    item = OddPicture()
    with pytest.raises(
        DatasetError, match=r"odd, frame 0 is 31x20, a mask of it 30x20 .*or one was"
    ):
        read_clip(item, contents(item), frames=[0], objects=[0], side=16)


def test_squares_are_the_same_where_nothing_is_stretched():
    frame = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
    assert torch.equal(squared_frame(frame, 16), torch.from_numpy(frame).permute(2, 0, 1))
    mask = frame[..., 0] > 100
    assert torch.equal(squared_mask(mask, 16), torch.from_numpy(mask))
    assert squared_mask(mask.T, 16).sum() == mask.sum()
