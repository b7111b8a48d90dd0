"""Rows of other implementations for the matrix of speed, each measured in a process of its own."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from PIL import Image

from masklet.eval.bench.peer_process import FILLING, Job, read_answer, write_job
from masklet.eval.bench.peers import Box, PeerSetup
from masklet.eval.bench.speed import (
    OUT_OF_MEMORY,
    Plan,
    Progress,
    give_back_memory,
    is_out_of_memory,
)
from masklet.eval.bench.speed_records import Cell, Measured, timing
from masklet.eval.bench.steady import boxes_beside
from masklet.io.video import Frame

_LETTERS = 80
"""Of an error, in a table."""


@dataclass(frozen=True, slots=True)
class PeerWeights:
    """A model as a peer reads it."""

    path: Path
    architecture: str
    """A name of `masklet.model.config.VARIANTS`."""


def peer_cells(cells: Sequence[Cell], library: str) -> tuple[Cell, ...]:
    """What a peer can do of a matrix: nothing compiled, all memories in full, everything once.

    >>> from masklet.eval.bench.speed_records import Setup
    >>> ours = Cell(Setup("tiny", "cpu", "float32"), 512, 4)
    >>> found = peer_cells([ours, replace(ours, memories="pooled")], "sam2")
    >>> [str(cell) for cell in found]
    ['512 float32, sam2, 4 objects']
    """
    setups = [
        replace(cell, memories="full", setup=replace(cell.setup, compiled=False, library=library))
        for cell in cells
    ]
    return tuple(dict.fromkeys(setups))


def peer_rows(
    cells: Sequence[Cell], plan: Plan, save: Callable[[Cell, Path], PeerWeights], progress: Progress
) -> Iterator[Measured]:
    """Measure one cell after the other; each is handed over when it is done.

    What is timed are frames of a clip from the ninth on, when one object has all its spatial memories:
    peers cannot begin in the steady state, and on a processor more would take minutes. A cell that
    does not fit into memory, or fails otherwise, is handed over as one that failed.

    Args:
        cells: of other libraries; those of one model together.
        plan: how often, and on which frames.
        save: writes a model as the library of a cell reads it, at its size, into a folder.
        progress: told after every cell.
    """
    give_back_memory()
    done = 0
    for _, alike in groupby(cells, key=_weights_of):
        of_model = tuple(alike)
        with TemporaryDirectory() as folder:
            weights = save(of_model[0], Path(folder))
            for cell in of_model:
                yield _measured(cell, plan, weights)
                done += 1
                progress(done / len(cells))


def _weights_of(cell: Cell) -> tuple[str, str, int]:
    return cell.setup.library, cell.setup.model, cell.size


def _measured(cell: Cell, plan: Plan, weights: PeerWeights) -> Measured:
    with TemporaryDirectory() as name:
        folder = Path(name)
        _write_clip(folder / "clip", plan.clip, FILLING + plan.repeats)
        write_job(_job(cell, plan, weights, folder / "clip"), folder)
        command = (sys.executable, "-m", "masklet.eval.bench.peer_process", name)
        ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own module
        if ended.returncode != 0:
            return Measured(cell, {}, failure=_failure(ended.stderr, ended.returncode))
        found = read_answer(folder)
    return Measured(cell, {"frame": timing(found.seconds)}, found.peak)


def _job(cell: Cell, plan: Plan, weights: PeerWeights, clip: Path) -> Job:
    setup = cell.setup
    height, width = plan.clip[0].shape[:2]
    return Job(
        setup.library,
        PeerSetup(weights.path, weights.architecture, cell.size, setup.dtype, setup.device),
        clip,
        _boxes((height, width), cell.objects),
        plan.repeats,
        torch.get_num_threads(),
    )


def _boxes(size: tuple[int, int], count: int) -> tuple[Box, ...]:
    """Those that our own objects have."""
    boxes = (prompt.box for prompt in boxes_beside(size, count).values())
    return tuple(tuple(box.tolist()) for box in boxes if box is not None)


def _write_clip(folder: Path, frames: Sequence[Frame], count: int) -> None:
    """So many pictures, the frames in turn, under the names that both peers sort by."""
    folder.mkdir()
    for number in range(count):
        picture = Image.fromarray(frames[number % len(frames)])
        picture.save(folder / f"{number:05d}.jpg", quality=95)


def _failure(told: str, code: int) -> str:
    """Why, in a few words."""
    if is_out_of_memory(RuntimeError(told)):
        return OUT_OF_MEMORY
    lines = told.strip().splitlines() or [f"its process ended with {code}"]
    return f"failed: {lines[-1].strip()}"[:_LETTERS]
