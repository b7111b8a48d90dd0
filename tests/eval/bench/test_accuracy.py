"""The accuracy beside speed is the one that `masklet eval` finds."""

import pytest

from masklet.errors import ImageError
from masklet.eval.bench.accuracy import tracking_accuracy
from masklet.eval.bootstrap import summarise
from masklet.eval.model_methods import VideoModel
from masklet.eval.scoring import Scoring
from masklet.eval.tasks import VosTask
from masklet.eval.vos import VosOptions
from masklet.memory.standard import StandardPolicy
from tests.eval.clips import ArrayClip, moving_square
from tests.tracking.made import made_model

EVEN = tuple(range(0, 12, 2))
CLIP = ArrayClip({1: moving_square(), 2: moving_square(first=5, y=14)}, EVEN, name="two")
OTHER = ArrayClip({1: moving_square(y=8)}, EVEN, name="one")


@pytest.fixture(scope="module")
def model():
    return made_model()


def test_it_is_what_the_evaluation_by_itself_finds(model):
    task, method = VosTask(VosOptions(), Scoring()), VideoModel(model, name="m", input_size=64)
    scores = [task(method, clip).scores for clip in (CLIP, OTHER)]
    expected = summarise(each for item in scores for each in item.objects)["J&F"]
    found = tracking_accuracy(model, (CLIP, OTHER), size=64)
    assert found == expected
    assert found.count == 3
    assert 0 < found.low <= found.mean <= found.high < 1


def test_the_size_is_the_one_that_is_asked_for(model):
    sizes = [tracking_accuracy(model, (OTHER,), size=size).mean for size in (64, 128)]
    assert sizes[0] != sizes[1]
    with pytest.raises(ImageError, match="input size is 50 x 50"):
        tracking_accuracy(model, (OTHER,), size=50)


def test_memories_are_those_of_the_policy(model):
    policies = [None, StandardPolicy(), StandardPolicy(memories="foveated")]
    means = [tracking_accuracy(model, (CLIP,), size=64, policy=each).mean for each in policies]
    assert means[0] == means[1] != means[2]


def test_it_tells_of_every_clip_that_is_done(model):
    shares = []
    tracking_accuracy(model, (OTHER, OTHER), size=64, progress=shares.append)
    assert shares == [0.5, 1.0]


def test_a_clip_of_which_no_frame_counts_has_no_accuracy(model):
    ends_only = ArrayClip({1: moving_square()}, (0, 11))
    assert tracking_accuracy(model, (ends_only,), size=64) is None
