"""Laps: what is timed, under which name, and that timing a model changes none of its answers."""

import numpy as np
import pytest
import torch

from masklet.eval.bench.laps import Laps, TimedModel
from masklet.tracking.tracker import Tracker
from masklet.types import Prompt
from tests.tiny import tiny_model

CPU = torch.device("cpu")


def test_a_lap_within_another_takes_no_longer_than_it():
    laps = Laps(CPU)
    for _ in range(3):
        with laps.lap("outer"), laps.lap("inner"):
            torch.rand(100).sum()
    seconds = laps.seconds()
    assert len(seconds["outer"]) == len(seconds["inner"]) == 3
    assert all(o >= i > 0 for o, i in zip(seconds["outer"], seconds["inner"], strict=True))


def test_what_was_forgotten_does_not_count():
    laps = Laps(CPU)
    with laps.lap("warm-up"):
        pass
    laps.forget()
    assert laps.seconds() == {}


def test_a_lap_that_raises_does_not_count():
    laps = Laps(CPU)
    with pytest.raises(ZeroDivisionError), laps.lap("broken"):
        raise ZeroDivisionError
    assert laps.seconds() == {}


def test_a_timed_function_passes_everything_on():
    laps = Laps(CPU)
    call = laps.timed("round", round)
    assert call(2.567, ndigits=1) == 2.6
    assert len(laps.seconds()["round"]) == 1


def tracked(model):
    tracker = Tracker(model)
    frame = np.full((48, 64, 3), 90, np.uint8)
    first = tracker.step(frame, {1: Prompt.point(30, 20), 2: Prompt.box_xyxy(4, 4, 30, 30)})
    return [first, tracker.step(frame)]


def test_a_timed_model_answers_as_the_model_does():
    model, laps = tiny_model(), Laps(CPU)
    plain, timed = tracked(model), tracked(TimedModel(model, laps))
    for ours, theirs in zip(plain, timed, strict=True):
        assert torch.equal(ours.masks.logits, theirs.masks.logits)
        assert torch.equal(ours.masks.iou, theirs.masks.iou)


def test_the_three_verbs_of_tracking_are_laps_of_a_timed_model():
    laps = Laps(CPU)
    tracked(TimedModel(tiny_model(), laps))
    assert set(laps.seconds()) == {"memory attention", "decoder", "memory encoder"}


@pytest.mark.gpu
def test_on_cuda_laps_are_times_of_the_device():
    device = torch.device("cuda")
    laps, matrix = Laps(device), torch.rand(4096, 4096, device=device)
    with laps.lap("both"):
        with laps.lap("one"):
            matrix @ matrix
        with laps.lap("other"):
            matrix @ matrix
    seconds = {name: value for name, (value,) in laps.seconds().items()}
    # A product of 137 GFLOP: launching it takes microseconds.
    assert seconds["both"] >= seconds["one"] > 1e-4
    assert seconds["both"] >= seconds["other"] > 1e-4
