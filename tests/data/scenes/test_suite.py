"""Generated clips are labelled clips like all others, and the suite is the same everywhere."""

import hashlib
import pickle

import numpy as np
import pytest

from masklet.data.records import Clip
from masklet.data.scenes.kinds import SCENE_KINDS
from masklet.data.scenes.suite import generated_clip, robustness_suite
from masklet.data.scenes.tiny import TINY_SIZE, tiny_clips
from masklet.errors import DatasetError

SIZE = (96, 128)

# Of the first frame and the middle one, pictures and truth. Scores can be compared with older ones
# only as long as these stay; where they must change, `SUITE_VERSION` must too.
DIGESTS = {
    "occlusion": "11d1fe9183d9dc7f",
    "look-alikes": "372e1a953c7bf29a",
    "leaving": "15e6b2bebd961c88",
    "cut": "c994f988770562de",
    "fast": "c8e1bcf8994a3f4d",
    "long": "d8c2549cd0c29093",
    "small": "3c952b61ee02e2ce",
    "thin": "653356858ebf3b1c",
    "deform": "2162df5f42cdd083",
    "light": "92c02a640e9984f3",
}
TINY_DIGESTS = {
    "alone": "566628c08f1c7a07",
    "behind": "0f0947cc7a2ed1ce",
    "late": "f868d71bdead3022",
}


def digest(clip: Clip) -> str:
    whole = hashlib.sha256()
    with clip.open() as frames:
        for index in (0, len(frames) // 2):
            whole.update(frames[index].tobytes())
            for object_id, mask in sorted(clip.truth(index).masks.items()):
                whole.update(bytes([object_id]))
                whole.update(np.packbits(mask).tobytes())
    return whole.hexdigest()[:16]


@pytest.mark.parametrize("kind", SCENE_KINDS)
def test_the_clips_of_the_suite_are_those_that_they_have_always_been(kind):
    assert digest(generated_clip(kind, 0, size=SIZE)) == DIGESTS[kind]


def test_the_tiny_clips_are_those_that_they_have_always_been():
    assert {clip.name: digest(clip) for clip in tiny_clips()} == TINY_DIGESTS


def test_the_suite_has_clips_of_every_kind_in_turns():
    suite = robustness_suite(clips_per_kind=3, size=SIZE)
    names = [f"{kind}-{number:03d}" for number in range(3) for kind in SCENE_KINDS]
    assert [clip.name for clip in suite.items] == names
    assert (suite.name, suite.layout, suite.problems) == (
        "robustness 1, 96x128, seed 0",
        "generated",
        (),
    )
    assert "".join(names).isascii()


def test_a_clip_does_not_depend_on_how_many_there_are_but_on_size_and_seed():
    few = robustness_suite(clips_per_kind=1, size=SIZE).items
    assert few == robustness_suite(clips_per_kind=2, size=SIZE).items[: len(few)]
    assert few[0] == generated_clip("occlusion", 0, size=SIZE)
    assert few[0] != generated_clip("occlusion", 0, size=SIZE, seed=1)
    assert few[0] != generated_clip("occlusion", 0, size=(100, 128))


@pytest.mark.parametrize("clip", [*tiny_clips(), generated_clip("cut", 0, size=SIZE)])
def test_a_generated_clip_keeps_the_promises_of_clips(clip):
    last = len(clip.frame_names) - 1
    assert clip.frame_names[0] == "00000"
    assert clip.frame_names[last] == f"{last:05d}"
    assert clip.annotated == tuple(range(last + 1))
    with clip.open() as frames:
        assert len(frames) == last + 1
        assert frames.info.name == clip.name
        assert frames.info.size == clip.size
        assert frames[last].shape == (*clip.size, 3)
    for record in clip.objects():
        shown = [clip.truth(index).masks[record.object_id].any() for index in clip.annotated]
        assert shown.index(True) == record.first_frame
        assert record.category == clip.category
    assert clip.truth(0).void is None
    assert {record.object_id for record in clip.objects()} == set(clip.truth(last).masks)


def test_objects_of_the_suite_have_their_kind_as_category():
    assert {each.category for each in generated_clip("small", 1, size=SIZE).objects()} == {"small"}


def test_a_clip_can_be_sent_to_another_process():
    clip = generated_clip("deform", 2, size=SIZE)
    sent = pickle.loads(pickle.dumps(clip))
    assert sent == clip
    assert digest(sent) == digest(clip)
    assert len(pickle.dumps(clip)) < 50_000


@pytest.mark.parametrize("index", [-1, 10])
def test_there_is_no_truth_of_frames_that_are_not_there(index):
    with pytest.raises(IndexError, match=f"there is no frame {index}; the video has 10"):
        tiny_clips()[1].truth(index)


def test_a_suite_without_clips_is_refused():
    with pytest.raises(DatasetError, match=r"0 clips per kind were asked for; expected 1 or more"):
        robustness_suite(clips_per_kind=0)


def test_a_suite_of_too_small_frames_is_refused():
    with pytest.raises(DatasetError, match=r"to be 200x95 pixels; expected at least 96 each way"):
        robustness_suite(clips_per_kind=1, size=(95, 200))


def test_in_the_tiny_clips_one_object_is_hidden_and_one_is_late():
    alone, behind, late = tiny_clips()
    assert {clip.size for clip in tiny_clips()} == {TINY_SIZE}
    assert [len(clip.objects()) for clip in (alone, behind, late)] == [1, 2, 3]
    shown = [bool(behind.truth(index).masks[1].any()) for index in behind.annotated]
    assert shown == [True] * 4 + [False] * 3 + [True] * 3
    assert [each.first_frame for each in late.objects()] == [0, 4, 0]
    areas = [late.truth(index).masks[2].sum() for index in late.annotated]
    assert areas[:4] == [0] * 4
    assert min(areas[4:]) > 200
