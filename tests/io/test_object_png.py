"""Every object has its own folder of black and white PNGs."""

import numpy as np
import pytest
from PIL import Image

from masklet.errors import ImageError, OutputError
from masklet.io.object_png import read_object_pngs, write_object_pngs
from masklet.types import FrameMasks
from tests.io.made import frames, seen, square


def test_what_was_written_is_read_with_hidden_objects(tmp_path):
    assert write_object_pngs(tmp_path / "masks", frames()) == 9
    for wrote, read in zip(frames(), read_object_pngs(tmp_path / "masks"), strict=True):
        assert wrote.frame_index == read.frame_index
        assert [m.object_id for m in read.objects] == [m.object_id for m in wrote.objects]
        assert [m.segmentation for m in read.objects] == [m.segmentation for m in wrote.objects]
        visible = [mask.object_score > 0 for mask in read.objects]
        assert visible == [mask.object_score > 0 for mask in wrote.objects]


def test_objects_may_overlap(tmp_path):
    both = (seen(4, square(2, 3)), seen(1000, square(4, 5)))
    write_object_pngs(tmp_path, [FrameMasks(7, both)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["004", "1000"]
    (read,) = read_object_pngs(tmp_path)
    assert [m.segmentation for m in read.objects] == [m.segmentation for m in both]


def test_a_file_is_gray_with_0_and_255(tmp_path):
    write_object_pngs(tmp_path, [FrameMasks(7, (seen(4, square(2, 3)),))])
    with Image.open(tmp_path / "004" / "00007.png") as picture:
        assert picture.mode == "L"
        np.testing.assert_array_equal(np.asarray(picture), square(2, 3) * 255)


@pytest.mark.parametrize("name", ["", "gone"])
def test_a_folder_without_numbered_folders_is_refused(tmp_path, name):
    (tmp_path / "notes").mkdir()
    says = r"holds no folder named by an object id or is none; expected one per object, such as 001"
    with pytest.raises(ImageError, match=says):
        list(read_object_pngs(tmp_path / name))


def test_a_file_in_the_place_of_the_folder_is_an_output_error(tmp_path):
    (tmp_path / "masks").touch()
    with pytest.raises(OutputError, match=r"the folder .*masks could not be made"):
        write_object_pngs(tmp_path / "masks", frames())


def test_a_negative_id_is_refused(tmp_path):
    with pytest.raises(OutputError, match="object -1 cannot have a folder of its number; expected"):
        write_object_pngs(tmp_path, [FrameMasks(0, (seen(-1, square(2, 3)),))])
