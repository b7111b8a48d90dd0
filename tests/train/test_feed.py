"""Both ways to feed a training give batches of one kind that depend on the step alone, or on a place."""

from collections import Counter
from pathlib import Path

import pytest
import torch

from masklet.data.augment import FROM_SCRATCH, UNCHANGED, AugmentOptions
from masklet.data.records import Dataset
from masklet.data.scenes.tiny import tiny_clips
from masklet.errors import DatasetError
from masklet.train.config import DataOptions, Stage
from masklet.train.feed import at_most, drawn_kind
from masklet.train.feed_ahead import AheadFeed, drawing_ahead
from masklet.train.feed_loaded import LoadedFeed
from masklet.train.feed_resident import ResidentFeed
from masklet.train.parallel import Crew
from tests.train.clips import tiny_batch
from tests.train.made_run import ALONE, tiny_store, tiny_training

TINY = Dataset("tiny", Path(), "generated", tiny_clips())
PICTURES, CLIPS = Stage(side=64, pictures=4), Stage(side=64, clips=2, frames=3, picture_share=0.0)


def resident(crew=ALONE, **changes):
    return ResidentFeed(tiny_store(), tiny_training(**changes), crew)


def loaded(crew=ALONE, datasets=(TINY,), **changes):
    return LoadedFeed(datasets, tiny_training(**changes), crew, workers=0)


@pytest.fixture(params=[resident, loaded], ids=["resident", "loaded"])
def make(request):
    return request.param


def equal(one, other):
    pairs = zip(one.batches, other.batches, strict=True)
    return one.kind == other.kind and all(
        torch.equal(a.frames_F3SS, b.frames_F3SS) and torch.equal(a.masks_TBSS, b.masks_TBSS)
        for a, b in pairs
    )


def test_pictures_have_as_many_rows_each(make):
    given = make().step(0, PICTURES)
    (batch,) = given.batches
    assert given.kind == "pictures"
    assert (batch.clips, batch.length, batch.rows, batch.side) == (4, 1, 12, 64)
    assert batch.row_to_frame_TB[0].tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3


def test_clips_have_at_most_so_many_rows(make):
    given = make().step(0, CLIPS)
    (batch,) = given.batches
    assert given.kind == "clips"
    assert (batch.clips, batch.length) == (2, 3)
    assert max(Counter(batch.row_to_frame_TB[0].tolist()).values()) <= 2


def test_pictures_are_set_in_motion(make):
    data = DataOptions(objects=2, clips=UNCHANGED, animated=1.0, stored_side=64)
    given = make(data=data).step(0, CLIPS)
    (batch,) = given.batches
    assert given.kind == "animated"
    assert (batch.clips, batch.length) == (2, 3)
    assert not torch.equal(batch.frames_F3SS[0], batch.frames_F3SS[2])


def test_a_step_has_as_many_batches_as_it_accumulates(make):
    batches = make(accumulate=3).step(0, PICTURES).batches
    assert len({batch.frames_F3SS.sum().item() for batch in batches}) == 3


def test_the_same_training_is_fed_the_same_and_others_are_not(make):
    one, other, seeded = make(), make(), make(seed=1)
    first = one.step(0, PICTURES)
    assert equal(first, other.step(0, PICTURES))
    assert not equal(first, one.step(1, PICTURES))
    assert not equal(first, seeded.step(0, PICTURES))


def test_processes_are_fed_different_things_of_the_same_kind(make):
    first, second = (make(Crew(torch.device("cpu"), rank, 2)) for rank in (0, 1))
    stage = Stage(side=64, pictures=4, clips=2, frames=3, picture_share=0.5)
    pairs = [(first.step(step, stage), second.step(step, stage)) for step in range(4)]
    assert all(one.kind == other.kind for one, other in pairs)
    assert not any(equal(one, other) for one, other in pairs)


def test_a_feed_goes_on_where_another_one_was(make):
    stage = Stage(side=64, pictures=4, clips=2, frames=3, picture_share=0.5)
    whole, begun = make(), make()
    steps = [whole.step(step, stage) for step in range(6)]
    for step in range(3):
        begun.step(step, stage)
    rest = make()
    rest.go_on(begun.position)
    assert all(equal(steps[step], rest.step(step, stage)) for step in range(3, 6))


def test_drawing_ahead_gives_the_same_batches(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    plain, later = resident(), Stage(side=96, pictures=2)
    asked = [(0, PICTURES), (1, PICTURES), (2, later), (3, later), (9, later), (4, PICTURES)]
    with drawing_ahead(plain, torch.device("cpu")) as feed:
        assert isinstance(feed, AheadFeed)
        assert all(equal(feed.step(*step), plain.step(*step)) for step in asked)
        feed.go_on(feed.position)
        assert feed.skipped == 0


def test_what_is_read_from_the_disk_is_not_drawn_ahead():
    feed = loaded()
    with drawing_ahead(feed, torch.device("cpu")) as same:
        assert same is feed


def test_a_new_stage_changes_the_batches(make):
    feed = make()
    feed.step(0, PICTURES)
    (batch,) = feed.step(1, Stage(side=96, pictures=2)).batches
    assert (batch.clips, batch.side) == (2, 96)


def test_all_kinds_are_drawn_as_often_as_the_stage_says():
    stage, config = Stage(picture_share=0.25), tiny_training(data=DataOptions(animated=0.5))
    kinds = Counter(drawn_kind(config, step, stage) for step in range(400))
    assert 70 < kinds["pictures"] < 130
    assert 120 < kinds["animated"] < 180


def test_data_of_which_nothing_can_be_asked_are_told(make):
    tiny_only = AugmentOptions(view=UNCHANGED.view, colour=UNCHANGED.colour, largest=0.0001)
    feed = make(data=DataOptions(3, pictures=tiny_only, stored_side=64))
    with pytest.raises(DatasetError, match=r"20 batches one after another had no object.*smallest"):
        feed.step(0, PICTURES)


def test_a_strong_augmentation_still_feeds(make):
    feed = make(data=DataOptions(3, pictures=FROM_SCRATCH, clips=FROM_SCRATCH, stored_side=64))
    assert feed.step(0, PICTURES).batches[0].rows == 12
    assert feed.step(1, CLIPS).batches[0].rows > 0


class _Broken:
    """A picture that cannot be read."""

    name = "broken"

    def image(self):
        raise DatasetError("broken.jpg cannot be read: it ends too early; expected a whole JPEG.")

    objects = image


def test_what_cannot_be_read_is_skipped_and_counted():
    with_broken = Dataset("tiny", Path(), "generated", (*tiny_clips(), _Broken()))
    feed = loaded(datasets=[with_broken])
    for step in range(4):
        feed.step(step, PICTURES)
    before = feed.skipped
    assert before > 0
    feed.step(4, Stage(side=64, pictures=2))
    assert feed.skipped >= before


def test_rows_above_the_limit_are_left_out_clip_by_clip():
    batch = at_most(tiny_batch(clips=3, objects=3), 2)
    assert batch.row_to_frame_TB[0].tolist() == [0, 0, 4, 4, 8, 8]
    assert batch.known_TB.shape == (4, 6)
    assert batch.masks_TBSS.shape[:2] == (4, 6)
