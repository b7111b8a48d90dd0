"""Pictures of masks: two values, however they are stored."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from masklet.errors import ImageError
from masklet.io.images import read_mask, write_png


def palette_mask(index: int) -> Image.Image:
    picture = Image.fromarray(np.array([[0, index], [index, 0]], np.uint8)).convert("P")
    picture.putpalette([7, 7, 7] * 256)
    return picture


@pytest.mark.parametrize(
    "picture",
    [
        Image.fromarray(np.array([[False, True], [True, False]])),
        Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8)),
        Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8)),
        Image.fromarray(np.array([[0, 9], [9, 0]], np.uint16)),
        Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8)).convert("RGB"),
        Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8)).convert("LA"),
        palette_mask(3),
    ],
    ids=["bool", "0 and 255", "0 and 1", "16 bit", "rgb", "gray with alpha", "palette"],
)
def test_a_mask_is_read_from_two_values(tmp_path: Path, picture: Image.Image) -> None:
    picture.save(tmp_path / "a.png")
    mask = read_mask(tmp_path / "a.png")
    assert mask.dtype == np.bool_
    assert mask.tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize(("value", "inside"), [(0, 0), (255, 4)])
def test_a_mask_may_be_empty_or_full(tmp_path: Path, value: int, inside: int) -> None:
    write_png(tmp_path / "a.png", np.full((2, 2), value, np.uint8))
    assert read_mask(tmp_path / "a.png").sum() == inside


@pytest.mark.parametrize(
    ("values", "shown"),
    [([0, 1, 2, 9], r"4 values \(0, 1, 2, 9\)"), (range(9), r"9 values \(0, 1, 2, 3, \.\.\.\)")],
)
def test_a_mask_of_several_objects_is_refused(
    tmp_path: Path, values: list[int], shown: str
) -> None:
    write_png(tmp_path / "a.png", np.array([list(values)], np.uint8))
    with pytest.raises(ImageError, match=shown + r"; a mask has 0 outside.*Keep one object"):
        read_mask(tmp_path / "a.png")


def test_a_mask_of_two_values_without_an_outside_is_refused(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", np.array([[1, 2]], np.uint8))
    with pytest.raises(ImageError, match=r"2 values \(1, 2\)"):
        read_mask(tmp_path / "a.png")


def test_a_mask_in_colour_is_refused(tmp_path: Path) -> None:
    write_png(
        tmp_path / "a.png",
        np.dstack([np.eye(3, dtype=np.uint8)] * 2 + [np.zeros((3, 3), np.uint8)]),
    )
    with pytest.raises(ImageError, match=r"in colour; expected a mask.*gray PNG"):
        read_mask(tmp_path / "a.png")
