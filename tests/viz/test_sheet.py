"""Contact sheets hold every picture, fitted, with its caption."""

import numpy as np
import pytest

from masklet.viz.sheet import clock, contact_sheet, evenly_spaced, video_sheet


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


def test_frames_of_a_video_stand_in_four_columns_without_margins_of_their_own() -> None:
    sheet = video_sheet([plain(90, 160, (200, 0, 0))] * 16, range(16))
    rows, columns = np.nonzero((sheet == (200, 0, 0)).all(axis=2))
    tile_height, tile_width = (len(np.unique(axis)) // 4 for axis in (rows, columns))
    assert tile_width / tile_height == pytest.approx(16 / 9, rel=0.01)
    assert len(rows) == 16 * tile_height * tile_width


@pytest.mark.parametrize("size", [(90, 160), (160, 90), (10, 1000), (1000, 10)])
def test_a_sheet_of_any_video_can_be_looked_at(size: tuple[int, int]) -> None:
    sheet = video_sheet([plain(*size, (200, 0, 0))] * 16, range(16), fps=25)
    assert 1000 < sheet.shape[1] < 3000
    assert 400 < sheet.shape[0] < 3000
    assert (sheet == (200, 0, 0)).all(axis=2).sum() > 16 * 60 * 5


def test_every_frame_says_its_number_and_its_time() -> None:
    pictures = [plain(30, 45, (200, 0, 0))]
    sheets = [video_sheet(pictures, [number], fps=fps) for number in (3, 4) for fps in (None, 25)]
    for one in range(4):
        assert all((sheets[one] != sheets[two]).any() for two in range(one))


def test_a_sheet_without_frames_is_empty() -> None:
    assert video_sheet([], []).ndim == 3


@pytest.mark.parametrize(
    ("num_frames", "count", "indices"),
    [
        (0, 16, ()),
        (3, 16, (0, 1, 2)),
        (16, 16, tuple(range(16))),
        (17, 3, (0, 8, 16)),
        (100, 1, (0,)),
    ],
)
def test_frames_are_chosen_evenly_with_the_first_and_the_last(
    num_frames: int, count: int, indices: tuple[int, ...]
) -> None:
    assert evenly_spaced(num_frames, count) == indices


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "0.00 s"), (59.994, "59.99 s"), (59.999, "1:00.00"), (3599.999, "1:00:00")],
)
def test_times_are_told_as_people_do(seconds: float, told: str) -> None:
    assert clock(seconds) == told
