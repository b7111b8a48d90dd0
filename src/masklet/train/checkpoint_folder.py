"""The checkpoints of one training: the last few and the best one stay, the others go."""

import math
import re
from pathlib import Path

from masklet.io.streamed import failure_told
from masklet.train.checkpoint import Progress, TrainingState, save_checkpoint
from masklet.train.tensor_files import read_document

_NAME = re.compile(r"step-(\d{9,})\.safetensors")


def keep_checkpoint(folder: Path, state: TrainingState, progress: Progress, *, last: int) -> Path:
    """Write a checkpoint, then remove all but the `last` ones and the best; gives its path.

    Nothing is removed before the new one is on the disk: a full disk leaves all that were there.

    Args:
        folder: of this training alone, which exists.
        state: what to write.
        progress: at which step, and with which score.
        last: how many of the latest steps stay, at least 1; the best one stays beside them.

    Raises:
        OutputError: the checkpoint cannot be written, or an old one not be removed.
    """
    path = folder / f"step-{progress.step:09d}.safetensors"
    save_checkpoint(path, state, progress)
    kept = {path, best_checkpoint(folder), *_by_step(folder)[-last:]}
    # A process that was killed while it wrote has left its temporary file.
    for old in [*_by_step(folder), *folder.glob(".masklet-*.tmp")]:
        if old not in kept:
            with failure_told(old):
                old.unlink(missing_ok=True)
    return path


def newest_checkpoint(folder: Path) -> Path | None:
    """The checkpoint of the latest step; None if there is none, or no such folder.

    >>> newest_checkpoint(Path("gone")) is None
    True
    """
    return next(reversed(_by_step(folder)), None)


def best_checkpoint(folder: Path) -> Path | None:
    """The checkpoint with the highest score, of equals the latest; None if none has a score."""
    scored = [(score, path) for path in _by_step(folder) if (score := _score(path)) is not None]
    return max(scored)[1] if scored else None


def _by_step(folder: Path) -> list[Path]:
    """All checkpoints, of the first step first."""
    named = [(found, path) for path in folder.glob("*") if (found := _NAME.fullmatch(path.name))]
    return [path for _, path in sorted((int(found[1]), path) for found, path in named)]


def _score(path: Path) -> float | None:
    try:
        score: float | None = read_document(path).get("score")
    except (OSError, ValueError):
        # A damaged one is not the best; it must not stop a training that goes well.
        return None
    return score if score is not None and math.isfinite(score) else None
