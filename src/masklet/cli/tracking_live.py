"""A camera is tracked until someone says stop; its frames come once and are not kept."""

import time
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import replace

from masklet.cli.interrupts import Interrupt, interrupts
from masklet.cli.progress import reporter
from masklet.cli.tracking_output import TrackOutput, check_output, deliver, say, summarise
from masklet.cli.tracking_plan import Direction, TrackTask
from masklet.cli.tracking_record import Record, begin_record
from masklet.cli.tracking_results import clear_results, write_results
from masklet.cli.tracking_steps import follow_live, open_model
from masklet.errors import PromptError, VideoError
from masklet.io.atomic import make_folder
from masklet.io.video import LiveSource
from masklet.types import FrameMasks
from masklet.weights.fingerprint import fingerprint


def track_live(source: LiveSource, task: TrackTask, output: TrackOutput) -> int:
    """Track a camera up to frame `task.end`, its own end or Ctrl-C; returns the exit code.

    Formats that need the frames again are left out, with a remark.

    Raises:
        MaskletError: an option asks for what a camera cannot give, the camera breaks off, or a
            file cannot be written.
    """
    _check_forward(task, output)
    kept = tuple(each for each in output.formats if not each.needs_pixels)
    for each in output.formats:
        if each.needs_pixels:
            say(f"{each.file_name} is not written: the frames of a camera are not kept")
    output = replace(output, formats=kept)
    check_output(output, has_pixels=False)
    model = open_model(task)
    make_folder(output.folder)
    if output.overwrite:
        clear_results(output.folder, output.formats)
    record = begin_record(output.folder, task.header(source.info, fingerprint(model), None))
    with record.log:
        begun = time.monotonic()
        failure = _advance(follow_live(model, source, task), task, record)
        seconds = time.monotonic() - begun
        masklets = record.masklets()
        with reporter(0) as report:
            write_results(output.folder, output.formats, masklets, None, report)
    if failure is not None:
        raise failure
    rate = len(masklets.frames) / seconds
    summary = summarise(masklets, task.video, output, frames_per_second=rate, has_pixels=False)
    deliver(summary, output)
    record.discard()
    return 0


def _check_forward(task: TrackTask, output: TrackOutput) -> None:
    if task.direction is not Direction.FORWARD or task.start is not None or output.resume:
        raise PromptError(
            f"{task.video} is a camera, which was asked to go back; expected none of --reverse, "
            "--both, --start and --resume: its frames come once, from 0 on. Record a video first."
        )


def _advance(
    frames: Generator[FrameMasks, None, None], task: TrackTask, record: Record
) -> VideoError | None:
    """Take frames until the last one that was asked for, the camera's end or Ctrl-C."""
    with interrupts("frame") as interrupt, closing(frames):
        try:
            _take(frames, task.end, record, interrupt)
        except VideoError as error:
            # What was tracked before it is worth having.
            return error
    return None


def _take(
    frames: Iterable[FrameMasks], end: int | None, record: Record, interrupt: Interrupt
) -> None:
    for frame in frames:
        record.log.append(frame)
        if interrupt.wanted or frame.frame_index == end:
            break
