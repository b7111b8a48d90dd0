"""Statistics count what is drawn: how much, how large, how often it hides."""

import json

import numpy as np
import pytest

from masklet.data.indexed_folders import open_davis_2017, open_youtube_vos
from masklet.data.packs import open_picture_pack, open_video_pack
from masklet.data.sav import open_sav
from masklet.data.statistics import (
    Facts,
    ObjectFacts,
    Spread,
    clip_facts,
    picture_facts,
    summarise,
)
from masklet.errors import DatasetError
from tests.data.made_clips import (
    SIZE,
    TWO,
    labels,
    square,
    write_davis,
    write_meta,
    write_sav_video,
    write_split,
)
from tests.data.made_packs import (
    NOTHING,
    annotated,
    box,
    clip,
    jpeg,
    masklet_json,
    runs,
    write_tar,
)


def facts_of(dataset):
    return [clip_facts(each) for each in dataset.items]


def one(*areas, **fields):
    return ObjectFacts(areas, **fields)


def item(*objects, name="dog", size=(48, 64), frames=3):
    return Facts(name, size, frames, tuple(range(frames)), objects, 0)


def test_areas_are_counted_from_the_first_frame_that_shows_an_object(tmp_path):
    (facts,) = facts_of(open_davis_2017(write_davis(tmp_path, ["dog"])))
    assert (facts.name, facts.size, facts.num_frames, facts.annotated) == (
        "dog",
        SIZE,
        3,
        (0, 1, 2),
    )
    assert facts.objects == (one(36, 36, 0), one(36, 36, is_late=True))
    assert facts.shows_most == 1


def test_of_frames_with_equally_many_objects_the_one_with_most_pixels_is_shown(tmp_path):
    larger = labels({1: (2, 3)}) | labels({1: (4, 5)})
    drawn = {0: labels({1: (2, 3)}), 1: larger, 2: labels({1: (2, 3)})}
    (facts,) = facts_of(open_davis_2017(write_davis(tmp_path, ["dog"], drawn=drawn)))
    assert facts.shows_most == 1


def test_pixels_that_nobody_judged_belong_to_no_object(tmp_path):
    drawn = {0: labels({1: (2, 3), 255: (12, 20)})}
    (facts,) = facts_of(open_davis_2017(write_davis(tmp_path, ["dog"], drawn=drawn)))
    assert facts.objects == (one(36),)


def test_frames_on_which_nobody_looked_do_not_count(tmp_path):
    mask = runs(box(2, 3, 8, 9))
    rows = [[mask, None], [NOTHING, mask], [None, NOTHING], [mask, None]]
    packed = clip(masks=masklet_json(rows, ((4, 0, 3), (2, 0, 3))), frames=4)
    (facts,) = facts_of(open_video_pack([write_tar(tmp_path / "a.tar", packed)]))
    assert facts.objects == (one(36, 0, is_late=True), one(36, 0, 36))


def test_between_annotated_frames_nothing_is_counted(tmp_path):
    write_sav_video(tmp_path, "sav_000001", [[square(1, 2)], [square(1, 2)]], ids=(5,))
    (facts,) = facts_of(open_sav(tmp_path))
    assert (facts.num_frames, facts.annotated, facts.objects) == (9, (0, 4), (one(36, 36),))


def test_categories_come_from_the_annotations(tmp_path):
    root = write_split(tmp_path / "train", {"dog": TWO})
    frames = {"frames": ["00000", "00001", "00002"]}
    write_meta(root / "meta.json", {"dog": {"1": {"category": "ox"} | frames, "2": frames}})
    (facts,) = facts_of(open_youtube_vos(tmp_path, "train"))
    assert [each.category for each in facts.objects] == ["ox", None]


def test_a_picture_is_one_frame(tmp_path):
    described = annotated([runs(box(2, 3, 8, 9)), runs(box(0, 0, 2, 2))], label="cup")
    files = {"7.jpg": jpeg(), "7.json": described}
    (picture,) = open_picture_pack([write_tar(tmp_path / "a.tar", files)]).items
    objects = (one(36, category="cup"), one(4, category="cup"))
    assert picture_facts(picture) == Facts("7", (20, 30), 1, (0,), objects, 0)


def test_what_is_broken_is_not_counted(tmp_path):
    root = write_davis(tmp_path, ["dog"])
    (root / "Annotations/480p/dog/00001.png").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"00001\.png cannot be read"):
        facts_of(open_davis_2017(root))


@pytest.mark.parametrize(
    ("areas", "bucket"),
    [
        ((1023,), "small"),
        ((1024,), "medium"),
        ((9216,), "medium"),
        ((9217,), "large"),
        ((2000, 0, 0, 0), "medium"),
        ((1000, 1047), "small"),
    ],
)
def test_objects_are_as_large_as_their_mean_mask_while_they_are_seen(areas, bucket):
    assert one(*areas).bucket == bucket


@pytest.mark.parametrize(
    ("areas", "answer"),
    [
        ((9, 0, 9), True),
        ((9, 9, 0), False),
        ((9,), False),
        ((9, 0, 0, 4, 0), True),
        ((9, 8), False),
    ],
)
def test_who_comes_back_was_hidden_and_is_seen_again(areas, answer):
    assert one(*areas).comes_back is answer


def test_numbers_are_those_of_all_items():
    told = summarise(
        [
            item(one(9, 0, 9), one(2000, 2000, is_late=True), name="a"),
            item(one(9, 9, 0, 0), size=(100, 200), frames=5, name="b"),
            item(size=(10, 20), frames=1, name="c"),
        ]
    )
    assert (told.items, told.items_without_objects, told.frames) == (3, 1, 9)
    assert (told.annotated_frames, told.objects, told.masks, told.late_objects) == (9, 3, 6, 1)
    assert told.frames_per_item == Spread(1, 3, 5)
    assert told.objects_per_item == Spread(0, 1, 2)
    assert (told.smallest, told.median_size, told.largest) == ((10, 20), (48, 64), (100, 200))
    assert told.areas == {"small": 2, "medium": 1, "large": 0}
    assert told.hidden_share == pytest.approx(3 / 9)
    assert told.disappearance_rate == pytest.approx(1 / 3)


def test_pictures_cannot_hide_anything():
    told = summarise([item(one(9), frames=1), item(one(30), frames=1)])
    assert (told.hidden_share, told.disappearance_rate) == (None, None)
    assert (told.masks, told.objects_per_item) == (2, Spread(1, 1, 1))


def test_a_dataset_without_objects_has_statistics_too():
    told = summarise([item()])
    assert (told.objects, told.masks, told.hidden_share) == (0, 0, None)
    assert told.categories == ()


def test_of_many_categories_the_most_frequent_are_told():
    objects = [one(9, category=f"kind {n}") for n in range(30) for _ in range(n + 1)]
    told = summarise([item(*objects, one(9))])
    assert told.num_categories == 30
    assert len(told.categories) == 20
    assert told.categories[:2] == (("kind 29", 30), ("kind 28", 29))


def test_statistics_are_ready_for_json():
    told = json.loads(json.dumps(summarise([item(one(9, 0, 9))]).describe()))
    assert told["areas"] == {"small": 1, "medium": 0, "large": 0}
    assert told["largest"] == [48, 64]
    assert told["frames_per_item"] == {"least": 3, "median": 3.0, "most": 3}
    assert np.isclose(told["hidden_share"], 1 / 3)
