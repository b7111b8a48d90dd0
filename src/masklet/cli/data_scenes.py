"""Made scenes are written as a dataset, to train on or to measure with."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from masklet.cli.progress import Reporter, reporter
from masklet.data.davis_writer import write_davis
from masklet.data.scenes.kinds import SCENE_KINDS, SceneKind
from masklet.data.scenes.suite import GeneratedClip, generated_clip
from masklet.errors import DatasetError


def write_scenes(
    out: Path, kinds: Sequence[str], *, clips_per_kind: int, seed: int, quiet: bool
) -> int:
    """Write clips of these kinds into a new folder; returns how many.

    Raises:
        DatasetError: a kind is unknown.
        OutputError: the folder is there already, or cannot be written.
    """
    wanted = [_kind(kind) for kind in kinds] or list(SCENE_KINDS)
    clips = [
        generated_clip(kind, number, seed=seed)
        for number in range(clips_per_kind)
        for kind in wanted
    ]
    with reporter(len(clips), quiet=quiet) as report:
        write_davis(out, _told(clips, report))
    return len(clips)


def _kind(word: str) -> SceneKind:
    for kind in SCENE_KINDS:
        if word == kind:
            return kind
    raise DatasetError(
        f"there are no scenes of the kind {word!r}; expected {', '.join(SCENE_KINDS)}. Check the "
        "spelling."
    )


def _told(clips: Sequence[GeneratedClip], report: Reporter) -> Iterator[GeneratedClip]:
    for clip in clips:
        yield clip
        report.step()
