"""Flicker counts pixels that change for one frame, where the truth does not."""

import numpy as np
import pytest

from masklet.eval.flicker import Flicker


def counted(said, truth, void=None):
    """Frames are strings of pixels, "#" inside."""
    flicker = Flicker()
    for place, masks in enumerate(zip(said, truth, strict=True)):
        arrays = [np.array([[pixel == "#" for pixel in frame]]) for frame in masks]
        unknown = None if void is None else np.array([[pixel == "#" for pixel in void[place]]])
        flicker.add(*arrays, unknown)
    return flicker


@pytest.mark.parametrize(
    ("said", "pixels"),
    [
        (["##..", "##..", "##.."], 0),
        (["##..", "#...", "##.."], 1),
        (["##..", "####", "##.."], 2),
        (["##..", "..##", "##.."], 4),
        (["##..", "#...", "#..."], 0),
        (["####", "#..#", "####", "#..#"], 4),
    ],
    ids=str,
)
def test_a_pixel_flickers_when_it_changes_and_changes_back(said, pixels):
    flicker = counted(said, ["##.."] * len(said))
    assert flicker.pixels == pixels
    assert flicker.share() == pixels / (2 * (len(said) - 2))


@pytest.mark.parametrize("changed", range(3))
def test_where_the_truth_changes_nothing_flickers(changed):
    truth = ["##.."] * 3
    truth[changed] = "#..."
    assert counted(["##..", "#...", "##.."], truth).pixels == 0


def test_the_truth_does_not_flicker():
    frames = ["#...", "##..", "#...", ".#..", "#..."]
    assert counted(frames, frames).share() == 0


@pytest.mark.parametrize("unjudged", range(3))
def test_pixels_that_nobody_judged_on_one_of_the_frames_do_not_count(unjudged):
    void = ["...."] * 3
    void[unjudged] = ".#.#"
    flicker = counted(["##..", "#..#", "##.."], ["##.."] * 3, void)
    assert flicker.pixels == 0
    assert flicker.area == (1 if unjudged == 1 else 2)


def test_there_is_no_share_without_three_frames_that_follow_each_other():
    assert counted(["##..", "#..."], ["##.."] * 2).share() is None
    flicker = counted(["##..", "#..."], ["##.."] * 2)
    flicker.interrupt()
    flicker.add(*(np.array([[True, True, False, False]]) for _ in range(2)))
    assert flicker.share() is None


def test_there_is_no_share_of_an_object_that_is_hidden_between():
    assert counted(["....", "#...", "...."], ["####", "....", "####"]).share() is None
