"""Plots: what they show moves with the numbers, and nothing in a name breaks them."""

import io
import subprocess
import sys
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from masklet.eval.calibration import calibration
from masklet.eval.records import Interval, ItemScores, ObjectScores
from masklet.eval.reports import plots
from masklet.eval.reports.plot_style import drawable, shortened
from masklet.eval.reports.theme import DARK, LIGHT, css
from tests.eval.run_examples import click_run, clip_items

BLUE, RED = LIGHT.first, LIGHT.second


def pixels(png):
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.format == "PNG"
        return np.array(picture.convert("RGB")).astype(int)


def covered(picture, colour, *, ground=LIGHT.ground):
    """Where a colour lies, be it thinned: nearer to it than to the ground, and no gray."""
    towards = np.array(colour) - ground
    share = (picture - ground) @ towards / (towards @ towards)
    return (np.abs(picture - ground - share[..., None] * towards).max(2) < 12) & (share > 0.5)


def one_clip(*levels, name="goat"):
    """A clip with an object for every level, at which its J stays."""
    objects = tuple(
        ObjectScores(name, number, {}, {"J": dict.fromkeys(range(20), level)})
        for number, level in enumerate(levels, start=1)
    )
    return ItemScores(name, objects, frames=20, seconds=1.0)


def height_of(mask):
    """The middle row of what is covered, as a share from the top."""
    return float(np.flatnonzero(mask.any(axis=1)).mean() / len(mask))


def test_a_higher_score_is_a_higher_line():
    heights = [
        height_of(covered(pixels(plots.over_time([one_clip(level)])), BLUE))
        for level in (0.2, 0.5, 0.8)
    ]
    assert heights[0] > heights[1] > heights[2]
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=0.02)


def test_the_worst_object_has_its_own_line_where_there_are_several():
    alone, both = (pixels(plots.over_time([one_clip(*each)])) for each in ((0.8,), (0.8, 0.2)))
    assert not covered(alone, RED).any()
    # Below the line of the mean, which is now at 0.5; the key above is left out.
    half = len(both) // 4
    assert height_of(covered(both[half:], RED)) > height_of(covered(both[half:], BLUE))


def test_clips_are_small_plots_in_rows_of_three():
    heights = [pixels(plots.over_time([one_clip(0.5)] * count)).shape[0] for count in (2, 3, 4)]
    assert heights[0] == heights[1] < heights[2]


def test_clips_without_a_series_are_left_out():
    bare = ItemScores("bare", (ObjectScores("bare", 1, {"J": 0.5}),), frames=1, seconds=1.0)
    assert plots.over_time([one_clip(0.5), bare]) == plots.over_time([one_clip(0.5)])


def test_names_are_drawn_as_they_are():
    # Warnings are errors here, and matplotlib warns of what it cannot draw or lay out.
    names = ("a $broken^ formula", "<b>", "\u72ee\u5b50", "x" * 300, "a\nb\tc", "")
    items = [replace(clip_items()[0], item=name) for name in names]
    groups = {name: Interval(0.5, 0.4, 0.6, 3) for name in names}
    drawn = [plots.over_time(items), plots.by_group(groups, property=names[3])]
    drawn += [plots.scatter([(0.1, 0.2)], labels=pair) for pair in (names[:2], names[2:4])]
    assert all(pixels(each).std() > 0 for each in drawn)


def test_letters_that_the_font_lacks_become_boxes():
    assert drawable("L\u00f6we \u72ee \u20ac") == "L\u00f6we \u25a1 \u20ac"


@pytest.mark.parametrize("length", [1, 2, 9, 10])
def test_a_long_name_loses_its_middle(length):
    cut = shortened("0123456789", length)
    assert len(cut) == length
    assert cut == "0123456789" or "\u2026" in cut


def test_the_band_is_as_wide_as_the_interval():
    def band(width):
        summary = {
            f"IoU@{count}": Interval(0.6, 0.6 - width, 0.6 + width, 9) for count in (1, 2, 3)
        }
        picture = pixels(plots.over_prompts({**summary, "IoU@4": Interval(0.6, 0.3, 0.9, 9)}))
        pale = np.abs(picture - (219, 235, 255)).max(2) < 6
        return pale[:, picture.shape[1] // 3].sum()

    assert band(0.05) < band(0.1) < band(0.2)


def test_prompts_of_a_family_are_drawn_by_their_number():
    summary = click_run().summary
    reordered = dict(sorted(summary.items(), reverse=True))
    assert plots.over_prompts(summary) == plots.over_prompts(reordered)
    with_box = plots.over_prompts(summary, references={"IoU box": "box", "missing": "none"})
    assert with_box != plots.over_prompts(summary)
    assert plots.over_prompts({"J&F@1": Interval(0.5, 0.4, 0.6, 3)}, family="J&F@")


def test_too_sure_a_method_lies_below_the_diagonal():
    sure = np.linspace(0.05, 0.95, 40)
    right, wrong = (calibration(sure, actual) for actual in (sure, sure - 0.04))
    good, bad = (pixels(plots.reliability(found)) for found in (right, wrong))
    upper = int(0.6 * len(good))
    assert height_of(covered(bad[:upper], BLUE)) > height_of(covered(good[:upper], BLUE))
    assert covered(bad, RED).sum() > 5 * covered(good, RED).sum()


def test_empty_bins_and_expectations_beyond_one_are_drawn():
    found = calibration([1.2, 0.9, -0.1], [1.0, 0.8, 0.0])
    assert pixels(plots.reliability(found)).std() > 0


def test_bars_stand_where_the_scores_are():
    low, high = (
        covered(pixels(plots.distribution([level] * 9)), (71, 160, 255)) for level in (0.1, 0.9)
    )
    columns = [np.flatnonzero(each.any(axis=0)).mean() for each in (low, high)]
    assert columns[1] - columns[0] == pytest.approx(0.8 * 0.86 * low.shape[1], rel=0.1)


def test_clicks_are_counted_in_whole_numbers():
    assert pixels(plots.distribution([3, 3, 20, 4], name="NoC@90")).std() > 0


def test_bars_of_groups_are_as_long_as_their_means():
    groups = {"a": Interval(0.8, 0.8, 0.8, 3), "b": Interval(0.2, 0.2, 0.2, 3)}
    bars = covered(pixels(plots.by_group(groups)), (87, 166, 255))
    lengths = sorted({int(row.sum()) for row in bars if row.sum() > 40})
    assert lengths[-1] / lengths[0] == pytest.approx(4, rel=0.05)


def test_dots_above_the_diagonal_are_gains():
    gains, losses = (pixels(plots.scatter([pair] * 3)) for pair in ((0.2, 0.7), (0.7, 0.2)))
    assert covered(gains, BLUE).sum() > 100 > covered(gains, RED).sum()
    assert covered(losses, RED).sum() > 100 > covered(losses, BLUE).sum()
    assert covered(pixels(plots.scatter([(2, 7)] * 3, name="NoC@85")), RED).sum() > 100


def test_bars_of_changes_point_up_for_gains():
    for name, sign in (("J&F", 1), ("NoC@90", -1)):
        picture = pixels(plots.changes([sign * 0.2, sign * 0.1, sign * -0.1], name=name))
        blue, red = (covered(picture, colour) for colour in ((87, 166, 255), (242, 93, 105)))
        assert height_of(blue) < height_of(red)
        assert blue.sum() > 2 * red.sum()


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_the_ground_is_the_themes(theme):
    picture = pixels(plots.distribution([0.2, 0.4], theme=theme))
    assert tuple(picture[2, 2]) == theme.ground
    assert css(theme.ground) == "#" + bytes(theme.ground).hex()


def test_the_same_numbers_give_the_same_bytes():
    assert plots.distribution([0.2, 0.3]) == plots.distribution([0.2, 0.3])


def test_settings_that_others_share_are_left_alone():
    before = dict(mpl.rcParams)
    plots.distribution([0.5])
    assert dict(mpl.rcParams) == before


def test_without_matplotlib_the_extra_is_named():
    program = (
        "import sys; sys.modules['matplotlib.axes'] = None\n"
        "from masklet.errors import MissingExtra\n"
        "try:\n    import masklet.eval.reports.plots\n"
        "except MissingExtra as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "which is not installed" in done.stdout
    assert done.stdout.strip().endswith("pip install 'masklet[eval]'")
