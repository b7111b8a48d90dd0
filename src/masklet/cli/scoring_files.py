"""Score the masks that some tool left."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

from masklet.cli.eval_options import LeftOut
from masklet.cli.eval_plan import Source, are_clips, scoring_of
from masklet.cli.evaluating import Output, check_listing, tell
from masklet.cli.progress import reporter
from masklet.errors import DatasetError
from masklet.eval.environment import environment
from masklet.eval.folder_scoring import score_folder
from masklet.eval.gathering import Told, gather
from masklet.eval.reports.figures import draw_figures
from masklet.eval.reports.report import write_report
from masklet.eval.run_json import write_run
from masklet.io.atomic import make_folder

if TYPE_CHECKING:
    from masklet.data.records import VideoDataset


def score_files(
    predictions: Path,
    source: Source,
    output: Output,
    *,
    leave_out: LeftOut,
    strict: bool,
    name: str | None,
) -> int:
    """Score a folder of masks, and tell; files are written if a folder for them was given.

    Raises:
        DatasetError: the dataset holds pictures, or masks or truth do not fit or are missing.
    """
    dataset = source.open()
    if not are_clips(dataset):
        raise DatasetError(
            f"{dataset.name} holds pictures; expected a dataset of clips. Measure pictures with "
            "`masklet eval DATASET --task clicks`."
        )
    check_listing(dataset, output)
    scoring = scoring_of(leave_out, strict=strict)
    with reporter(len(dataset.items), quiet=output.quiet) as report:
        items, skipped = score_folder(
            predictions,
            cast("VideoDataset", dataset),
            scoring=scoring,
            workers=output.workers,
            skip_broken=output.skip_broken,
            progress=lambda _done: report.step(),
        )
    told = Told(
        task="vos",
        dataset=dataset.name,
        method=name or predictions.name,
        settings={
            "dataset": {"name": dataset.name, "layout": dataset.layout},
            "protocol": {"frames": scoring.frames, "strict": scoring.strict},
            "command": output.command,
        },
        environment=environment(()),
        skipped=skipped,
    )
    whole = gather(told, items)
    if output.folder is not None:
        write_report(make_folder(output.folder), whole, draw_figures(whole, items))
        write_run(output.folder / "scores.json", whole)
    tell(whole, output.folder, output)
    return 0
