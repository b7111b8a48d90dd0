"""The worst objects as pictures: which frames are chosen, what is drawn where."""

import numpy as np
import pytest

from masklet.eval.records import ObjectScores
from masklet.eval.reports.case_sheet import case_sheet
from masklet.eval.reports.pictures import (
    PREDICTED,
    TRUTH,
    Case,
    Tile,
    clip_case,
    picture_case,
    worst_objects,
)
from masklet.eval.reports.theme import DARK, LIGHT
from masklet.ops import rle
from masklet.types import FrameMasks, Prompt
from masklet.viz.palette import ON, colour_of
from tests.eval.clip_examples import FRAMES, SIZE, DiscClip, DiscPicture, answers, disc, overlap

BLUE, YELLOW = np.array(colour_of(PREDICTED)), np.array(colour_of(TRUTH))


def scores_of(number, predicted):
    series = {
        frame: overlap(disc(number, frame), rle.decode(predicted[frame].at(number).segmentation))
        for frame in range(2, FRAMES - 2, 2)
    }
    mean = float(np.mean(list(series.values())))
    return ObjectScores("discs", number, {"J&F": mean}, {"J": series}, category="disc")


def near(picture, colour, tolerance=40):
    return (np.abs(picture.astype(int) - colour) < tolerance).all(axis=2)


def frames_of(case):
    return [int(tile.caption.split(",")[0].removeprefix("frame ")) for tile in case.tiles]


def test_the_worst_come_first_and_no_score_is_no_worst():
    objects = [ObjectScores("a", n, {"J": n / 10, "NoC@90": n}) for n in (5, 2, 9, 7)]
    objects.append(ObjectScores("b", 1, {}))
    assert [each.object_id for each in worst_objects(objects, "J", count=3)] == [2, 5, 7]
    assert [each.object_id for each in worst_objects(objects, "NoC@90", count=2)] == [9, 7]
    assert len(worst_objects(objects, "J")) == 4


def test_a_clip_shows_the_prompted_frame_and_those_around_the_worst():
    predicted = answers(lost_at=14)
    scores = scores_of(1, predicted)
    case = clip_case(DiscClip(), scores, predicted, name="J&F", prompts={0: Prompt.point(30, 30)})
    assert frames_of(case) == [0, 12, 14, 16]
    assert [tile.caption for tile in case.tiles[:3]] == [
        "frame 0, prompted",
        "frame 12, J 100.0",
        f"frame 14, J {100 * scores.series['J'][14]:.1f}",
    ]
    assert case.heading == "discs, object 1"
    assert case.score == f"J&F {100 * scores.values['J&F']:.1f}"
    assert case.has_clicks


@pytest.mark.parametrize(
    ("worst", "chosen"), [(20, [0, 16, 18, 20]), (2, [0, 2, 4, 6]), (10, [0, 8, 10, 12])]
)
def test_a_worst_frame_at_an_end_has_both_neighbours_on_one_side(worst, chosen):
    series = {frame: 0.1 if frame == worst else 0.9 for frame in range(2, 22, 2)}
    scores = ObjectScores("discs", 1, {"J": 0.5}, {"J": series})
    prompts = {0: Prompt.from_mask(disc(1, 0))}
    case = clip_case(DiscClip(), scores, answers(lost_at=99), name="J", prompts=prompts)
    assert frames_of(case) == chosen
    assert not case.has_clicks


def test_without_prompts_or_series_there_is_still_a_picture():
    scores = ObjectScores("discs", 1, {"J": 0.5}, {"J": {4: 0.5}})
    assert frames_of(clip_case(DiscClip(), scores, (), name="J")) == [4]
    bare = ObjectScores("discs", 1, {"J": 0.5})
    case = clip_case(DiscClip(), bare, (), name="J")
    assert [tile.caption for tile in case.tiles] == ["frame 0"]


def test_truth_and_predicted_have_their_own_colours():
    predicted = answers(lost_at=0)
    case = clip_case(DiscClip(), scores_of(1, predicted), predicted, name="J&F")
    for tile in case.tiles:
        truth, said = (near(tile.picture, colour) for colour in (YELLOW, BLUE))
        assert truth.any()
        assert said.any()
        # The answer lies to the right of the truth in all frames.
        columns = [np.flatnonzero(each.any(axis=0)).mean() for each in (truth, said)]
        assert columns[1] > columns[0] + 10


def test_the_other_objects_are_not_drawn():
    predicted = answers(lost_at=99)
    only = tuple(FrameMasks(frame.frame_index, (frame.at(1),)) for frame in predicted)
    both, alone = (
        clip_case(DiscClip(), scores_of(1, predicted), each, name="J&F")
        for each in (predicted, only)
    )
    for one, other in zip(both.tiles, alone.tiles, strict=True):
        np.testing.assert_array_equal(one.picture, other.picture)


def test_a_frame_without_annotation_has_no_outline():
    scores = ObjectScores("discs", 1, {"J": 0.5}, {"J": {4: 0.5}})
    case = clip_case(DiscClip(), scores, (), name="J", prompts={3: Prompt.point(39, 30)})
    assert frames_of(case) == [3, 4]
    assert not near(case.tiles[0].picture, YELLOW).any()
    assert near(case.tiles[1].picture, YELLOW).any()


def test_all_frames_of_a_clip_show_the_same_part_of_it():
    predicted = answers(lost_at=99)
    scores = ObjectScores("discs", 2, {"J": 0.5}, {"J": {4: 0.5, 6: 0.4, 8: 0.5}})
    case = clip_case(DiscClip(), scores, predicted, name="J")
    places = [np.argwhere(near(tile.picture, YELLOW)) for tile in case.tiles]
    middles = [(each.min(axis=0) + each.max(axis=0)) / 2 for each in places]
    steps = np.diff(np.array(middles), axis=0)
    # The disc moves by 6 pixels of the clip each time, which are more on the tile: it is cut out.
    np.testing.assert_allclose(steps[:, 0], 0, atol=1)
    np.testing.assert_allclose(steps[:, 1], steps[0, 1], atol=1.5)
    whole = 6 * case.tiles[0].picture.shape[1] / SIZE[1]
    assert steps[0, 1] > 1.3 * whole


def test_a_picture_shows_clicks_box_and_masks():
    scores = ObjectScores("still", 2, {"IoU@1": 0.123}, category="cup")
    prompt = Prompt.point(30, 55) + Prompt.box_xyxy(15, 40, 45, 70)
    case = picture_case(DiscPicture(), scores, disc(2, 0, shift=6), name="IoU@1", prompt=prompt)
    (tile,) = case.tiles
    assert (case.score, tile.caption, case.has_clicks) == ("IoU@1 12.3", "cup", True)
    assert near(tile.picture, ON).sum() > 10
    unprompted = picture_case(DiscPicture(), scores, disc(2, 0, shift=6), name="IoU@1")
    assert not near(unprompted.tiles[0].picture, ON).any()
    assert near(tile.picture, YELLOW).sum() > near(unprompted.tiles[0].picture, YELLOW).sum()


def test_an_empty_answer_is_drawn_as_none():
    scores = ObjectScores("still", 1, {"IoU@1": 0.0})
    case = picture_case(DiscPicture(), scores, np.zeros(SIZE, bool), name="IoU@1")
    assert near(case.tiles[0].picture, YELLOW).any()
    assert not near(case.tiles[0].picture, BLUE).any()


def case_of(tiles, *, shade=200, has_clicks=False, heading="goat, object 1"):
    picture = np.full((225, 400, 3), shade, np.uint8)
    return Case(heading, "J 1.0", (Tile(picture, "frame 1"),) * tiles, has_clicks)


def test_clips_take_a_row_each_and_pictures_share_rows():
    title = "worst"
    heights = {
        (count, tiles): case_sheet([case_of(tiles)] * count, title=title).shape[0]
        for count, tiles in ((1, 1), (4, 1), (5, 1), (1, 4), (2, 4), (2, 3))
    }
    assert heights[1, 1] == heights[4, 1] == heights[1, 4]
    assert heights[5, 1] == heights[2, 4] == heights[2, 3] > heights[4, 1]


def test_every_tile_is_on_the_sheet_whole():
    sheet = case_sheet([case_of(4, shade=201), case_of(3, shade=77)], title="worst")
    assert (sheet == 201).all(axis=2).sum() == 4 * 225 * 400
    assert (sheet == 77).all(axis=2).sum() == 3 * 225 * 400


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_the_legend_has_both_colours_and_clicks_only_if_there_are_some(theme):
    with_clicks, without = (
        case_sheet([case_of(4, has_clicks=has_clicks)], title="worst", theme=theme)[:78]
        for has_clicks in (True, False)
    )
    for legend in (with_clicks, without):
        assert near(legend, YELLOW).any()
        assert near(legend, BLUE).any()
        assert tuple(legend[0, 0]) == theme.ground
    assert near(with_clicks, ON, 8).sum() > 100
    assert not near(without, ON, 8).any()


def test_a_long_heading_stays_over_its_tile():
    names = ("x" * 400, "short")
    sheets = [case_sheet([case_of(1, heading=name)] * 2, title="") for name in names]
    between = slice(20 + 400 + 2, 20 + 400 + 18)
    for sheet in sheets:
        assert (sheet[78:, between] == LIGHT.ground).all()
    assert (sheets[0] != sheets[1]).any()
