"""Pictures of labels are read as they are, and nothing else is taken for one."""

import numpy as np
import pytest
from PIL import Image

from masklet.data.label_png import ids_of, is_black_and_white, picture_size, read_labels
from masklet.errors import DatasetError
from tests.data.made_clips import labels, write_labels

PICTURE = labels({1: (2, 3), 200: (12, 20)})


@pytest.mark.parametrize("palette", [True, False])
def test_indexed_and_gray_pictures_hold_labels(tmp_path, palette):
    write_labels(tmp_path / "a.png", PICTURE, palette=palette)
    read = read_labels(tmp_path / "a.png")
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, PICTURE)
    assert ids_of(tmp_path / "a.png") == (1, 200)


def test_a_picture_of_bits_holds_label_1(tmp_path):
    Image.fromarray(PICTURE > 0).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "a.png"), PICTURE > 0)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_gray_that_was_saved_as_colours_is_gray(tmp_path, mode):
    Image.fromarray(PICTURE).convert(mode).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "a.png"), PICTURE)


@pytest.mark.parametrize("mode", ["RGB", "I;16"])
def test_other_colours_are_no_labels(tmp_path, mode):
    if mode == "RGB":
        Image.fromarray(np.dstack([PICTURE, PICTURE, PICTURE + 1])).save(tmp_path / "a.png")
    else:
        Image.fromarray(PICTURE.astype(np.uint16) * 256).save(tmp_path / "a.png")
    with pytest.raises(DatasetError, match=rf"a\.png has colours of kind {mode}; expected an ind"):
        read_labels(tmp_path / "a.png")


def test_a_jpeg_is_no_annotation(tmp_path):
    Image.fromarray(PICTURE).save(tmp_path / "a.png", format="JPEG")
    with pytest.raises(
        DatasetError, match=r"annotation .*a\.png cannot be read: .*; expected an i"
    ):
        read_labels(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("picture", "palette", "answer"),
    [
        (labels({255: (1, 1)}), False, True),
        (labels({255: (1, 1)}), True, False),
        (labels({255: (1, 1), 1: (9, 9)}), False, False),
        (labels({}), False, None),
    ],
    ids=["black and white", "indexed", "gray", "black"],
)
def test_black_and_white_is_told_from_labels(tmp_path, picture, palette, answer):
    write_labels(tmp_path / "a.png", picture, palette=palette)
    assert is_black_and_white(tmp_path / "a.png") is answer


def test_the_size_of_a_frame_is_that_of_what_is_shown(tmp_path):
    picture = Image.new("RGB", (30, 20))
    for orientation, size in ((1, (20, 30)), (3, (20, 30)), (6, (30, 20)), (8, (30, 20))):
        exif = Image.Exif()
        exif[0x0112] = orientation
        picture.save(tmp_path / "a.jpg", exif=exif)
        assert picture_size(tmp_path / "a.jpg") == size


def test_a_missing_frame_has_no_size(tmp_path):
    with pytest.raises(DatasetError, match=r"the frame .*a\.jpg cannot be read: .*No such file"):
        picture_size(tmp_path / "a.jpg")
