"""Which frames are visited in which order, what is written and what is said of it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from masklet.cli.formats import DEFAULT_FORMATS, Format, read_formats
from masklet.cli.interrupts import interrupts
from masklet.cli.tracking_plan import Direction, TrackTask, Walk, plan_walks
from masklet.cli.tracking_summary import Summary, spans, summarise_objects
from masklet.errors import OutputError, PromptError
from masklet.ops import rle
from masklet.types import FrameMasks, ObjectMask, Prompt

CLICK = Prompt.point(4, 3)


def task(direction, *frames, start=None, end=None):
    prompts = {frame: {number: CLICK} for number, frame in enumerate(frames, start=1)}
    return TrackTask(
        "clip.mp4", prompts, "tiny", direction=Direction(direction), start=start, end=end
    )


@pytest.mark.parametrize(
    ("asked", "walks"),
    [
        (task("forward", 5), [Walk(5, 20, reverse=False)]),
        (task("forward", 9, 5), [Walk(5, 20, reverse=False)]),
        (task("forward", 5, start=2, end=7), [Walk(2, 8, reverse=False)]),
        (task("reverse", 5, 9), [Walk(0, 10, reverse=True)]),
        (task("reverse", 5, start=5, end=6), [Walk(5, 7, reverse=True)]),
        (task("both", 5), [Walk(5, 20, reverse=False), Walk(0, 5, reverse=True)]),
        (task("both", 5, 9), [Walk(5, 20, reverse=False), Walk(0, 9, reverse=True)]),
        (task("both", 0), [Walk(0, 20, reverse=False)]),
        (
            task("both", 5, start=3, end=8),
            [Walk(5, 9, reverse=False), Walk(3, 5, reverse=True)],
        ),
    ],
)
def test_a_task_becomes_walks(asked, walks):
    assert list(plan_walks(asked, 20)) == walks


def test_a_walk_back_visits_the_last_frame_first():
    assert list(Walk(3, 6, reverse=True).indices) == [5, 4, 3]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (task("forward", 5, end=20), "frames 5 to 20 were asked for; expected a span within"),
        (task("forward", 5, end=3), "frames 5 to 3 were asked for"),
        (task("both", 5, start=9, end=8), "frames 9 to 8 were asked for"),
        (task("forward", 5, start=6), "frame 5 is prompted, but frames 6 to 19 are tracked"),
        (task("reverse", 5, end=4), "frame 5 is prompted, but frames 0 to 4 are tracked"),
        (task("both", 5, 12, end=8), "frame 12 is prompted, but frames 0 to 8 are tracked"),
    ],
)
def test_a_span_that_does_not_fit_is_told(asked, message):
    with pytest.raises(PromptError) as told:
        plan_walks(asked, 20)
    assert message in str(told.value)


def test_formats_come_one_by_one_or_with_commas():
    assert read_formats(["palette, coco", "coco"]) == (Format.PALETTE, Format.COCO)
    assert read_formats([]) == DEFAULT_FORMATS


def test_an_unknown_format_is_told_with_those_that_are_known():
    with pytest.raises(OutputError, match="--format 'mp4' is unknown; expected masklets, palette"):
        read_formats(["masklets,mp4"])


def masks(frame_index, iou, score=1.0, object_id=1):
    empty = rle.encode(np.zeros((2, 3), bool))
    return FrameMasks(frame_index, (ObjectMask(object_id, empty, iou, score, 0.9),))


def test_the_summary_says_where_an_object_is_absent_or_unsure():
    frames = [masks(3, 0.9), masks(4, 0.5), masks(5, 0.4), masks(6, 0.9, -2.0), masks(7, 0.1, -1.0)]
    (summary,) = summarise_objects(frames)
    assert summary.frames == 5
    assert summary.mean_iou == pytest.approx(0.6)
    assert summary.unsure == ((4, 5),)
    assert summary.absent == ((6, 7),)
    told = Summary("clip.mp4", Path("out"), ["masklets.json"], frames, 7.25, True, (summary,))
    assert told.lines() == [
        "clip.mp4: frames 3 to 7, 1 object, 7.2 frames/s",
        "object 1: mean predicted IoU 0.60, absent at 6-7, unsure at 4-5",
        "written to out: masklets.json",
    ]


def test_many_stretches_are_counted_instead_of_listed():
    frames = [masks(number, 0.9, 1.0 if number % 2 else -1.0) for number in range(14)]
    told = Summary("a", Path("out"), [], frames, None, True, summarise_objects(frames))
    assert "absent at 0 2 4 6 and 3 more" in told.lines()[1]


def test_a_run_without_frames_says_so():
    told = Summary("clip.mp4", Path("out"), [], [], None, False, ())
    assert told.lines() == ["clip.mp4: no frame was tracked"]
    assert told.document()["first_frame"] is None


def test_numbers_become_stretches():
    assert spans([]) == ()
    assert spans([0, 1, 2, 9, 11, 12]) == ((0, 2), (9, 9), (11, 12))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that a program hears")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_a_request_and_the_second_one_is_not(number):
    before = signal.getsignal(number)
    with interrupts("frame") as interrupt:
        os.kill(os.getpid(), number)
        assert interrupt.wanted
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_a_signal_that_is_ignored_stays_so():
    code = (
        "import os, signal\n"
        "from masklet.cli.interrupts import interrupts\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "with interrupts('frame') as interrupt:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    print(interrupt.wanted)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("False\n", "")
