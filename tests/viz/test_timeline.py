"""The plot of scores over time shows every object where it was seen, and how sure it was."""

import numpy as np
import pytest

from masklet.types import FrameMasks, ObjectMask
from masklet.viz import timeline
from masklet.viz.palette import WHITE, colour_of
from masklet.viz.timeline import draw_timeline

RLE = {"size": [2, 2], "counts": "13"}


def mask(object_id, iou=0.9, score=5.0, stability=0.95):
    return ObjectMask(object_id, RLE, iou, score, stability)


def track(count, object_id=1, **changes):
    """Frames of one object; `changes` are functions of the frame index."""
    return [
        FrameMasks(t, (mask(object_id, **{name: of(t) for name, of in changes.items()}),))
        for t in range(count)
    ]


def places(picture, colour):
    """Rows and columns of exactly this colour."""
    return np.nonzero((picture == colour).all(axis=2))


def in_panel(picture, colour, number):
    """Columns of the colour in a panel, counted from the top: IoU, stability, visibility."""
    top = (108, 384, 660)[number]
    rows, columns = places(picture, colour)
    height = 230 if number < 2 else 10_000
    return rows[(rows >= top) & (rows < top + height)], columns[
        (rows >= top) & (rows < top + height)
    ]


@pytest.mark.parametrize("object_id", [1, 2, 30])
def test_every_object_has_a_line_in_both_charts_and_a_row(object_id):
    picture = draw_timeline(track(20, object_id), prompted={})
    for panel in range(3):
        _, columns = in_panel(picture, colour_of(object_id), panel)
        assert np.ptp(columns) > 1300


def test_a_higher_score_stands_higher():
    falling = draw_timeline(track(20, iou=lambda t: 0.9 - t / 30), prompted={})
    rows, columns = in_panel(falling, colour_of(1), 0)
    left, right = rows[columns < 300].mean(), rows[columns > 1400].mean()
    assert right > left + 100


def test_objects_have_rows_of_their_own():
    frames = [FrameMasks(t, (mask(1), mask(2), mask(3))) for t in range(20)]
    picture = draw_timeline(frames, prompted={})
    middles = [in_panel(picture, colour_of(number), 2)[0].mean() for number in (1, 2, 3)]
    assert np.diff(middles).min() > 25


def test_the_band_is_where_the_object_is_visible():
    hidden = draw_timeline(track(100, score=lambda t: -1.0 if 40 <= t < 60 else 1.0), prompted={})
    _, columns = in_panel(hidden, colour_of(1), 2)
    shares = (np.unique(columns) - timeline._LEFT) / (timeline._RIGHT - timeline._LEFT)
    assert not ((shares > 0.405) & (shares < 0.595)).any()
    assert ((shares > 0.39) & (shares < 0.4)).any()
    assert ((shares > 0.6) & (shares < 0.61)).any()


def test_a_line_is_broken_where_the_object_was_not_tracked():
    frames = [frame for frame in track(100) if not 40 <= frame.frame_index < 60]
    for panel in (0, 1):
        _, columns = in_panel(draw_timeline(frames, prompted={}), colour_of(1), panel)
        shares = (columns - timeline._LEFT) / (timeline._RIGHT - timeline._LEFT)
        assert not ((shares > 0.405) & (shares < 0.595)).any()


def test_a_line_is_pale_where_the_object_is_hidden_but_not_broken():
    picture = draw_timeline(track(100, score=lambda t: -1.0 if t >= 50 else 1.0), prompted={})
    _, bright = in_panel(picture, colour_of(1), 0)
    _, pale = in_panel(picture, timeline._mixed(colour_of(1), timeline._PANEL, 0.6), 0)
    assert bright.max() < pale.max()
    assert pale.min() - bright.max() < 4


def test_prompted_frames_are_marked():
    plain = draw_timeline(track(100), prompted={})
    marked = draw_timeline(track(100), prompted={1: [50], 9: [3]})
    changed = (plain != marked).any(axis=2)
    _, columns = np.nonzero(changed)
    middle = timeline._LEFT + 0.505 * (timeline._RIGHT - timeline._LEFT)
    assert abs(columns.mean() - middle) < 1.5
    assert (marked[changed] == WHITE).all(axis=1).any()


def test_the_order_of_frames_does_not_matter():
    frames = track(30, iou=lambda t: 0.5 + t / 100)
    np.testing.assert_array_equal(
        draw_timeline(frames, prompted={}), draw_timeline(reversed(frames), prompted={})
    )


def test_a_single_bad_frame_among_thousands_is_seen():
    frames = track(20_000, iou=lambda t: 0.1 if t == 7_777 else 0.9)
    rows, columns = in_panel(draw_timeline(frames, prompted={}), colour_of(1), 0)
    at = timeline._LEFT + 7_777.5 / 20_000 * (timeline._RIGHT - timeline._LEFT)
    assert abs(columns[rows.argmax()] - at) < 3
    assert np.ptp(rows) > 180


def test_the_length_of_the_video_gives_the_scale():
    half = draw_timeline(track(50), prompted={}, num_frames=100)
    _, columns = in_panel(half, colour_of(1), 2)
    assert columns.max() < (timeline._LEFT + timeline._RIGHT) / 2 + 2


def test_the_picture_grows_with_the_objects_only():
    heights = [
        draw_timeline([FrameMasks(0, tuple(mask(i + 1) for i in range(n)))], prompted={}).shape[0]
        for n in (0, 1, 2, 16)
    ]
    assert heights[0] == heights[1]
    assert heights[2] - heights[1] == 30
    assert heights[3] - heights[1] == 15 * 30


@pytest.mark.parametrize("fps", [None, 25.0])
def test_times_stand_below_the_frames(fps):
    picture = draw_timeline(track(120), prompted={}, fps=fps)
    assert (places(picture[-34:], timeline._QUIET)[0].size > 0) == (fps is not None)


def test_a_single_frame_is_drawn():
    picture = draw_timeline(track(1), prompted={1: [0]}, fps=25)
    for panel in range(3):
        assert in_panel(picture, colour_of(1), panel)[0].size > 0


def test_a_score_beyond_its_range_stays_in_its_panel():
    picture = draw_timeline(track(9, iou=lambda t: 1.3 - t % 2 * 1.5), prompted={})
    rows, _ = places(picture, colour_of(1))
    charts = rows[rows < 660]
    assert charts.min() >= 108
    assert not ((charts > 338) & (charts < 384)).any()


def test_a_long_title_stays_on_the_picture():
    picture = draw_timeline(track(2), prompted={}, title="w" * 500)
    assert (picture[:60, -20:] == timeline._GROUND).all()


@pytest.mark.parametrize(
    ("count", "marked"),
    [
        (1, range(0, 1, 1)),
        (13, range(0, 13, 1)),
        (14, range(0, 14, 2)),
        (120, range(0, 120, 10)),
        (100_000, range(0, 100_000, 10_000)),
    ],
)
def test_round_frames_are_marked(count, marked):
    assert timeline._marked_frames(count) == marked


@pytest.mark.parametrize(
    ("lowest", "levels"),
    [
        (0.8, [1, 0.95, 0.9, 0.85, 0.8]),
        (0.5, [1, 0.9, 0.8, 0.7, 0.6, 0.5]),
        (0.3, [1, 0.8, 0.6, 0.4]),
    ],
)
def test_round_scores_are_marked(lowest, levels):
    assert timeline._levels(lowest) == pytest.approx(levels)
