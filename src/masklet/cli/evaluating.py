"""One evaluation: open the dataset, measure item after item, put it together, tell."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import typer
from rich.console import Console
from rich.table import Table

from masklet.cli.eval_options import Pngs, Task
from masklet.cli.eval_plan import AnyTask, EvalPlan, are_clips
from masklet.cli.interrupts import interrupts
from masklet.cli.progress import reporter
from masklet.data.records import Clip, ImageDataset, VideoDataset
from masklet.errors import DatasetError
from masklet.eval.environment import environment
from masklet.eval.gathering import Told, gather, write_results
from masklet.eval.records import RunScores, Skipped
from masklet.eval.reports.score_words import ordered, shown
from masklet.eval.run_json import describe_run
from masklet.eval.running import Job, Method, built, run
from masklet.eval.runs import RunFolder, file_name
from masklet.io.object_png import write_object_pngs
from masklet.io.palette_png import write_palette_pngs

INTERRUPTED = 130
"""The exit code after Ctrl-C."""

_PROBLEMS_TOLD = 3


@dataclass(frozen=True, slots=True)
class Output:
    """Where results go, and how the run is done."""

    folder: Path | None
    """None: a folder by the names of dataset, task and method."""
    png: Pngs | None = None
    workers: int = 1
    skip_broken: bool = False
    as_json: bool = False
    quiet: bool = False
    command: str = ""
    """What was typed, for those who want to repeat it."""

    def place(self, *names: str) -> Path:
        """The folder of the run."""
        return self.folder or Path("masklet-eval") / file_name("-".join(names).replace(" ", "-"))


def evaluate(plan: EvalPlan, output: Output) -> int:
    """Measure what the plan says; returns the exit code.

    Raises:
        MaskletError: something cannot be read, or was asked for that does not fit together. Items
            that are done stay done.
    """
    if plan.source.name is None and plan.task is not Task.ROBUSTNESS:
        raise DatasetError(
            "no dataset was given; expected a folder, a file or a name of `masklet data list`, or "
            "--task robustness, which makes its own clips."
        )
    dataset = plan.source.open()
    check_listing(dataset, output)
    kind = plan.kind(dataset)
    task = plan.protocol.task(kind)
    build = plan.video_method() if are_clips(dataset) else plan.picture_method()
    method = built(build)
    settings = {
        "task": str(kind),
        "dataset": {"name": dataset.name, "layout": dataset.layout},
        "protocol": dict(task.protocol),
        "method": dict(method.settings),
    }
    folder = RunFolder(output.place(dataset.name, str(kind), plan.method_label))
    folder.begin(settings)
    skipped = _measure(build, task, folder, dataset, output)
    if skipped is None:
        return INTERRUPTED
    if output.png is not None:
        _write_pngs(folder, cast("VideoDataset", dataset), output.png)
    told = Told(
        task=task.kind,
        dataset=dataset.name,
        method=method.name,
        settings={**settings, "limit": plan.source.limit, "command": output.command},
        environment=environment([plan.device]),
        skipped=skipped,
    )
    items = folder.scores_of(item.name for item in dataset.items)
    whole = gather(told, items)
    if are_clips(dataset):
        clips = {clip.name: clip for clip in cast("VideoDataset", dataset).items}
        write_results(folder, whole, items, clips=clips)
    else:
        pictures = {each.name: each for each in cast("ImageDataset", dataset).items}
        write_results(folder, whole, items, pictures=pictures)
    tell(whole, folder.root, output)
    return 0


def check_listing(dataset: VideoDataset | ImageDataset, output: Output) -> None:
    """Raise `DatasetError` for what was seen to be wrong while listing, unless it is skipped."""
    if not dataset.problems:
        return
    first = "; ".join(str(problem) for problem in dataset.problems[:_PROBLEMS_TOLD])
    told = f"{len(dataset.problems)} problems, such as: {first}"
    if not output.skip_broken:
        raise DatasetError(
            f"{dataset.name} has {told}. Expected a whole dataset; `masklet data check` names all "
            "of it. Mend it, or leave out what is broken with --skip-broken."
        )
    with reporter(1, quiet=output.quiet) as report:
        report.say(f"{dataset.name} has {told}")


def tell(whole: RunScores, place: Path | None, output: Output) -> None:
    """The scores on standard output, as a table or as JSON, and where the rest is."""
    if output.as_json:
        typer.echo(json.dumps(describe_run(whole), indent=2))
        return
    if output.quiet:
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("score", "mean", "95 %", "objects"):
        table.add_column(heading, justify="left" if heading == "score" else "right")
    for name in ordered(whole.summary):
        interval = whole.summary[name]
        ends = f"{shown(name, interval.low)} to {shown(name, interval.high)}"
        table.add_row(name, shown(name, interval.mean), ends, str(interval.count))
    console = Console()
    console.print(f"{whole.method} on {whole.dataset}", markup=False, highlight=False)
    console.print(table)
    for skipped in whole.skipped:
        console.print(f"skipped {skipped.item}: {skipped.why}", markup=False, highlight=False)
    if place is not None:
        console.print(f"{place / 'report.html'}", markup=False, highlight=False, soft_wrap=True)


def _measure(
    build: Callable[[], Method],
    task: AnyTask,
    folder: RunFolder,
    dataset: VideoDataset | ImageDataset,
    output: Output,
) -> tuple[Skipped, ...] | None:
    """Evaluate what is not done yet; what was left out, or None if it was interrupted."""
    waiting = [item for item in dataset.items if not folder.is_done(item.name)]
    job: Job[Any, Any] = Job(build, task, folder, output.skip_broken)
    skipped: list[Skipped] = []
    with (
        interrupts("clip" if are_clips(dataset) else "picture") as interrupt,
        reporter(len(waiting), quiet=output.quiet) as report,
    ):
        if len(waiting) < len(dataset.items):
            report.say(f"{len(dataset.items) - len(waiting)} of {len(dataset.items)} are done")
        for problem in run(job, waiting, workers=output.workers, stop=lambda: interrupt.wanted):
            report.step()
            if problem is not None:
                skipped.append(problem)
                report.say(f"skipped {problem.item}: {problem.why}")
        if report.done < len(waiting):
            left = len(waiting) - report.done
            report.say(f"{left} left; the same command goes on in {folder.root}")
            return None
    return tuple(skipped)


def _write_pngs(folder: RunFolder, dataset: VideoDataset, kind: Pngs) -> None:
    """The masks as PNGs, named as the frames of the dataset are."""
    for clip in _done(folder, dataset.items):
        kept = folder.masks_of(clip.name)
        place = folder.root / "png" / clip.name

        def name_of(index: int, names: Sequence[str] = clip.frame_names) -> str:
            return f"{names[index]}.png"

        if kind is Pngs.PALETTE:
            write_palette_pngs(place, kept.frames, kept.video.size, name_of=name_of)
        else:
            write_object_pngs(place, kept.frames, name_of=name_of)


def _done(folder: RunFolder, clips: Sequence[Clip]) -> list[Clip]:
    return [clip for clip in clips if folder.is_done(clip.name)]
