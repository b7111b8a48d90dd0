"""Where the results of tracking go, whether there is room for them, and what is said of them."""

import json
from dataclasses import dataclass
from pathlib import Path

from masklet.cli.formats import Format
from masklet.cli.progress import one_line, reporter
from masklet.cli.results import check_free
from masklet.cli.tracking_record import LOG_NAME, has_record
from masklet.cli.tracking_results import result_names
from masklet.cli.tracking_summary import Summary, summarise_objects
from masklet.errors import OutputError, StateError
from masklet.io.masklets import Masklets


@dataclass(frozen=True, slots=True)
class TrackOutput:
    """Where results go."""

    folder: Path
    formats: tuple[Format, ...]
    overwrite: bool = False
    """Files that exist may be replaced."""
    resume: bool = False
    """An earlier run in the folder is gone on with."""
    as_json: bool = False
    is_quiet: bool = False
    resuming: str = ""
    """The command that goes on after an interrupt, where there is one."""

    @property
    def shows_progress(self) -> bool:
        """Whether a bar is wanted."""
        return not (self.as_json or self.is_quiet)


def check_output(output: TrackOutput, *, has_pixels: bool = True) -> None:
    """Raise unless there is room for the results, or an earlier run to go on with.

    Raises:
        OutputError: results exist, or an earlier run was not completed.
        StateError: there is no earlier run.
    """
    if output.resume and output.overwrite:
        raise OutputError(
            "--resume and --overwrite were given; expected one of them: --resume goes on with what "
            "is there, --overwrite starts anew."
        )
    if output.resume:
        if not has_record(output.folder):
            raise StateError(
                f"{output.folder} holds no unfinished run: there is no {LOG_NAME}; expected the "
                "folder of a run that was stopped. Check --out, or leave --resume away."
            )
    elif not output.overwrite:
        if has_record(output.folder):
            raise OutputError(
                f"{output.folder} holds an unfinished run, {LOG_NAME}; expected to write new "
                "files. Go on with it with --resume, start anew with --overwrite, or choose "
                "another folder with --out."
            )
        check_free(output.folder, result_names(output.formats, has_pixels=has_pixels))


def summarise(
    masklets: Masklets,
    video: str,
    output: TrackOutput,
    *,
    frames_per_second: float | None,
    is_complete: bool = True,
    has_pixels: bool = True,
) -> Summary:
    """What came of a run."""
    return Summary(
        video=video,
        folder=output.folder,
        files=result_names(output.formats, has_pixels=has_pixels),
        frames=masklets.frames,
        frames_per_second=frames_per_second,
        is_complete=is_complete,
        objects=summarise_objects(masklets.frames),
    )


def deliver(summary: Summary, output: TrackOutput) -> None:
    """Print the summary, for people or for programs."""
    if output.as_json:
        print(json.dumps(summary.document()), flush=True)
    elif not output.is_quiet:
        for line in summary.lines():
            print(one_line(line))


def say(text: str) -> None:
    """One remark on standard error."""
    with reporter(0) as report:
        report.say(text)
