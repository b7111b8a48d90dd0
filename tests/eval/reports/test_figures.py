"""Which figures a run gets."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from masklet.eval.records import ItemScores, ObjectScores
from masklet.eval.reports.figures import draw_figures, worst_figure
from masklet.eval.reports.pictures import Case, Tile
from tests.eval.run_examples import click_run, clip_items, clip_run


@pytest.fixture(scope="module")
def of_clips():
    return draw_figures(clip_run(), clip_items())


def gray(file):
    with Image.open(io.BytesIO(file)) as picture:
        return np.asarray(picture.convert("L"))


def test_clips_are_shown_over_time_by_group_and_with_calibration(of_clips):
    assert [figure.title for figure in of_clips] == [
        *("J over time", "J&F of all objects", "Calibration"),
        *("J&F by category", "J&F by training"),
    ]


def test_the_caption_of_time_names_the_worst_and_the_best_clip(of_clips):
    assert "7 clips, from the worst, scooter with a J of 27" in of_clips[0].caption
    assert "bear-river with 73.7" in of_clips[0].caption


def test_every_figure_has_a_light_and_a_dark_picture(of_clips):
    for figure in of_clips:
        light, dark = (gray(each) for each in (figure.light, figure.dark))
        assert light.shape == dark.shape
        assert light.mean() > 150
        assert dark.mean() < 80


def test_of_many_clips_nine_are_shown_from_worst_to_best():
    objects = [
        ObjectScores(f"clip {n}", 1, {"J&F": n / 20}, {"J": {0: n / 20, 1: n / 20}})
        for n in range(20)
    ]
    items = [ItemScores(each.item, (each,), frames=2, seconds=1.0) for each in objects]
    run = replace(clip_run(), objects=tuple(objects), summary={})
    (time, values) = draw_figures(run, items)
    assert time.caption.startswith("9 of 20 clips, from the worst, clip 0 with a J of 0.0")
    assert "clip 19 with 95.0" in time.caption
    assert "10 are below 50, 4 at 80 or above" in values.caption


def test_pictures_get_the_curve_of_clicks():
    figures = draw_figures(click_run(), [])
    assert [figure.title for figure in figures] == [
        "IoU by clicks",
        "IoU@1 of all objects",
        "IoU@1 by category",
    ]
    assert figures[0].caption.startswith("From 55.5 with 1 to 90.4 with 9 clicks")


def test_what_was_expected_of_pictures_is_looked_at():
    values = {"IoU@1": 0.5, "predicted IoU@1": 0.7, "IoU box": 0.6, "predicted IoU box": 0.8}
    scores = ObjectScores("a", 1, values)
    item = ItemScores("a", (scores,), frames=1, seconds=1.0)
    run = replace(click_run(), objects=(scores,), summary={})
    (figure,) = draw_figures(run, [item])
    assert figure.title == "Calibration"
    assert "over 2 of them" in figure.caption
    assert "expects 20.0 more than it reaches" in figure.caption


def test_a_run_without_scores_has_no_figures():
    assert draw_figures(replace(clip_run(), objects=(), summary={}), []) == ()


def test_groups_beyond_what_fits_are_left_to_the_table():
    objects = tuple(ObjectScores("a", n, {"J&F": n / 40}, category=f"kind {n}") for n in range(40))
    run = replace(clip_run(), objects=objects, summary={})
    figure = draw_figures(run, [])[-1]
    assert "The worst 24 of 40 groups" in figure.caption


@pytest.mark.parametrize(("tiles", "told"), [(4, "the prompted frame"), (1, "and a box")])
def test_the_worst_objects_say_what_the_colours_mean(tiles, told):
    picture = np.zeros((225, 400, 3), np.uint8)
    case = Case("goat, object 1", "J&F 3.0", (Tile(picture, ""),) * tiles)
    figure = worst_figure([case] * 2, name="J&F")
    assert figure.title == "The 2 worst objects by J&F"
    assert "blue: predicted" in figure.caption
    assert told in figure.caption
    with Image.open(io.BytesIO(figure.light)) as sheet:
        assert sheet.format == "JPEG"
        assert sheet.width == 1700
