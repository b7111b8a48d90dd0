"""One video is tracked: read, ask, remember what is done, and write what came of it."""

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from masklet.cli.interrupts import Interrupt, interrupts
from masklet.cli.progress import Reporter, reporter
from masklet.cli.tracking_live import track_live
from masklet.cli.tracking_output import TrackOutput, check_output, deliver, say, summarise
from masklet.cli.tracking_plan import TrackTask, Walk, plan_walks
from masklet.cli.tracking_record import Record, begin_record, resume_record
from masklet.cli.tracking_results import clear_results, write_results
from masklet.cli.tracking_steps import Step, follow, lookahead_of, open_model
from masklet.cli.video_prompts import check_prompts, joined_prompts, recorded_prompts
from masklet.errors import OutputError, VideoError
from masklet.io.atomic import make_folder
from masklet.io.masklets import Masklets
from masklet.io.open import open_stream
from masklet.io.video import FrameSource
from masklet.model.preprocess import checked_input_size
from masklet.model.sam2 import SAM2
from masklet.weights.fingerprint import fingerprint

INTERRUPTED = 130
"""The exit code after Ctrl-C."""


def track_video(task: TrackTask, output: TrackOutput, *, prompt_file: Path | None = None) -> int:
    """Track through one video and write what comes; returns the exit code.

    Args:
        task: what to do.
        output: where results go.
        prompt_file: prompts besides those of the task.

    Raises:
        MaskletError: the video, a prompt or an option is bad, or a file cannot be written. What
            was tracked before that is kept, and a remark says how to go on.
    """
    if task.size is not None:
        checked_input_size(task.size, task.size)
    with open_stream(task.video) as source:
        if prompt_file is not None:
            recorded = recorded_prompts(prompt_file, source.info)
            task = replace(task, prompts=joined_prompts(recorded, task.prompts))
        check_prompts(task.prompts, source.info)
        if not isinstance(source, FrameSource):
            # Frames that come when they come are not waited for.
            return track_live(source, replace(task, lookahead=1), output)
        walks = plan_walks(task, len(source))
        check_output(output)
        model = open_model(task)
        task = replace(task, lookahead=lookahead_of(task, model.device))
        # Not before: bad input leaves no empty folder behind.
        record = _open_record(source, task, output, model)
        with record.log:
            return _track(source, task, walks, output, record, model)


def _open_record(source: FrameSource, task: TrackTask, output: TrackOutput, model: SAM2) -> Record:
    header = task.header(source.info, fingerprint(model), _bytes_of(task.video))
    if output.resume:
        return resume_record(output.folder, header, model.device)
    make_folder(output.folder)
    if output.overwrite:
        clear_results(output.folder, output.formats)
    return begin_record(output.folder, header)


def _track(
    source: FrameSource,
    task: TrackTask,
    walks: Sequence[Walk],
    output: TrackOutput,
    record: Record,
    model: SAM2,
) -> int:
    total, before, begun = sum(map(len, walks)), len(record.log), time.monotonic()
    steps = follow(model, source, task, walks, record.checkpoint)
    with _hint_of_resuming(output):
        failure = _advance(steps, record, total - before, is_quiet=not output.shows_progress)
        seconds, done = time.monotonic() - begun, len(record.log)
        masklets = record.masklets()
        _write(masklets, source, output)
    if failure is not None:
        raise failure
    rate = (done - before) / seconds if done > before else None
    is_complete = done == total
    told = summarise(masklets, task.video, output, frames_per_second=rate, is_complete=is_complete)
    deliver(told, output)
    if is_complete:
        record.discard()
        return 0
    say(f"interrupted after {done} of {total} frames{_going_on(output)}")
    return INTERRUPTED


def _advance(
    steps: Generator[Step, None, None], record: Record, left: int, *, is_quiet: bool
) -> VideoError | None:
    """Take all steps, or those until an interrupt; an error of the video ends them too."""
    failure = None
    # Closed, so that no thread reads ahead while the frames are read again for the results.
    with interrupts("frame") as interrupt, closing(steps):
        try:
            with reporter(left, quiet=is_quiet) as report:
                _take(steps, record, interrupt, report)
        except VideoError as error:
            # What was tracked before it is worth having.
            failure = error
        record.save()
    return failure


def _take(steps: Iterable[Step], record: Record, interrupt: Interrupt, report: Reporter) -> None:
    for step in _one_behind(steps, interrupt):
        record.add(step)
        report.step()


def _one_behind(steps: Iterable[Step], interrupt: Interrupt) -> Iterator[Step]:
    """The steps until an interrupt, each when the device has the next one to work on.

    So a frame is written meanwhile, and its copy from the device has had time. An error of the
    video comes after the frame before it.
    """
    latest: Step | None = None
    failure: VideoError | None = None
    try:
        for step in steps:
            if latest is not None:
                yield latest
            latest = step
            if interrupt.wanted:
                break
    except VideoError as error:
        failure = error
    if latest is not None:
        yield latest
    if failure is not None:
        raise failure


def _write(masklets: Masklets, source: FrameSource, output: TrackOutput) -> None:
    if not masklets.frames:
        return
    passes = sum(each.needs_pixels for each in output.formats)
    with reporter(passes * len(masklets.frames), quiet=not output.shows_progress) as report:
        write_results(output.folder, output.formats, masklets, source, report)


@contextmanager
def _hint_of_resuming(output: TrackOutput) -> Iterator[None]:
    """Say how to go on if the block is ended early by the disk or by Ctrl-C."""
    try:
        yield
    except (OutputError, KeyboardInterrupt):
        say(f"what was tracked is kept{_going_on(output)}")
        raise


def _going_on(output: TrackOutput) -> str:
    return f"; go on with: {output.resuming}" if output.resuming else ""


def _bytes_of(video: str) -> int | None:
    """How large the file is, or the files of the folder together; None for an address."""
    path = Path(video)
    if path.is_dir():
        return sum(each.stat().st_size for each in path.iterdir() if each.is_file())
    return path.stat().st_size if path.is_file() else None
