"""Contact sheets hold every picture, fitted, with its caption."""

import numpy as np
import pytest

from masklet.viz.sheet import contact_sheet


def plain(height: int, width: int, colour: tuple[int, ...]) -> np.ndarray:
    return np.broadcast_to(np.array(colour, np.uint8), (height, width, len(colour))).copy()


def test_every_picture_is_on_the_sheet() -> None:
    colours = [(200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0)]
    sheet = contact_sheet([plain(30, 45, c) for c in colours], ["a", "b", "c", "d"], columns=3)
    for colour in colours:
        assert (sheet == colour).all(axis=2).sum() == 300 * 450


def test_rows_follow_from_the_columns() -> None:
    picture = plain(30, 45, (1, 2, 3))
    heights = [contact_sheet([picture] * n, [""] * n, columns=2).shape[0] for n in (1, 2, 3, 5)]
    assert heights[0] == heights[1] < heights[2] < heights[3]


def test_a_picture_keeps_its_proportions() -> None:
    sheet = contact_sheet([plain(100, 10, (200, 0, 0))], [""], tile=(300, 450))
    rows, columns = np.nonzero((sheet == (200, 0, 0)).all(axis=2))
    assert np.ptp(rows) + 1 == 300
    assert np.ptp(columns) + 1 == 30


def test_an_extreme_picture_is_at_least_one_pixel_wide() -> None:
    sheet = contact_sheet([plain(5000, 1, (200, 0, 0))], [""])
    assert (sheet == (200, 0, 0)).all(axis=2).any()


def test_transparency_shows_a_checkerboard_and_the_rest_its_colour() -> None:
    cutout = plain(48, 48, (200, 0, 0, 255))
    cutout[:, 24:, 3] = 0
    sheet = contact_sheet([cutout], [""], tile=(48, 48))
    assert (sheet == (200, 0, 0)).all(axis=2).sum() > 900
    assert (sheet == 255).all(axis=2).any()
    assert (sheet == 224).all(axis=2).any()


def test_captions_are_written_below() -> None:
    picture = plain(30, 45, (200, 0, 0))
    silent, spoken = (contact_sheet([picture], [text]) for text in ("", "mug, one click"))
    differs = (silent != spoken).any(axis=2)
    assert differs.any()
    assert not (differs & (spoken == (200, 0, 0)).all(axis=2)).any()


def test_every_picture_needs_a_caption() -> None:
    with pytest.raises(ValueError, match="shorter"):
        contact_sheet([plain(3, 3, (0, 0, 0))] * 2, ["only one"])
