"""Frames are encoded in their order, some of them ahead of the tracker, and errors wait for their turn."""

from concurrent.futures import Future

import numpy as np
import pytest
import torch

from masklet.tracking import stream
from masklet.tracking.stream import default_lookahead, encode_frames
from tests.tiny import tiny_model

SIZE = (64, 64)
AHEAD = pytest.mark.parametrize("ahead", [False, True], ids=["in its turn", "ahead"])


def pictures(count):
    dice = np.random.default_rng(0)
    return [dice.integers(0, 255, (40, 50, 3), np.uint8) for _ in range(count)]


class Counting:
    """A model that counts the frames it has encoded."""

    def __init__(self, model):
        self._model, self.encoded = model, 0

    def encode_image(self, images):
        self.encoded += len(images)
        return self._model.encode_image(images)

    def __getattr__(self, name):
        return getattr(self._model, name)


class AtOnce:
    """An executor without threads: everything is read as soon as it is wanted."""

    def __init__(self, max_workers):
        assert max_workers == 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def submit(self, work, *given):
        future = Future()
        future.set_result(work(*given))
        return future


@pytest.fixture
def read_at_once(monkeypatch):
    monkeypatch.setattr(stream, "ThreadPoolExecutor", AtOnce)


def test_a_gpu_is_given_several_frames_at_once_and_a_cpu_one():
    assert default_lookahead(torch.device("cuda", 1)) > 1
    assert default_lookahead(torch.device("cpu")) == 1


@AHEAD
@pytest.mark.parametrize("batch", [1, 3, 7, 8])
def test_frames_keep_their_order(batch, ahead):
    model, frames = tiny_model(), pictures(7)
    found = list(encode_frames(model, frames, input_size=SIZE, batch=batch, ahead=ahead))
    alone = [next(encode_frames(model, [frame], input_size=SIZE)) for frame in frames]
    assert len(found) == 7
    for ours, expected in zip(found, alone, strict=True):
        assert ours.size == (40, 50)
        torch.testing.assert_close(
            ours.features.embedding_FLC, expected.features.embedding_FLC, atol=1e-5, rtol=1e-4
        )


@pytest.mark.usefixtures("read_at_once")
@pytest.mark.parametrize(("ahead", "encoded"), [(False, [2, 2, 4, 4, 5]), (True, [4, 4, 5, 5, 5])])
def test_the_next_batch_is_encoded_before_the_present_one_is_handed_over(ahead, encoded):
    model = Counting(tiny_model())
    found = encode_frames(model, pictures(5), input_size=SIZE, batch=2, ahead=ahead)
    assert [model.encoded for _ in found] == encoded


@AHEAD
@pytest.mark.usefixtures("read_at_once")
def test_an_error_of_the_source_waits_for_the_frames_before_it(ahead):
    def source():
        yield from pictures(3)
        raise OSError("the disk is gone")

    found = encode_frames(tiny_model(), source(), input_size=SIZE, batch=2, ahead=ahead)
    for _ in range(3):
        next(found)
    with pytest.raises(OSError, match="the disk is gone"):
        next(found)


@AHEAD
@pytest.mark.usefixtures("read_at_once")
def test_an_error_of_the_encoder_waits_for_the_frames_before_it(ahead):
    frames = [*pictures(2), np.zeros((5, 5), np.uint8)]
    found = encode_frames(tiny_model(), frames, input_size=SIZE, batch=1, ahead=ahead)
    next(found)
    next(found)
    with pytest.raises(RuntimeError, match="permute"):
        next(found)
