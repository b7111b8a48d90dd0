"""One measurement of a peer, in the process that this module is run in.

`python -m masklet.eval.bench.peer_process FOLDER` reads `job.json` of the folder and writes
`answer.json` there. Peers hold whole clips, so that a process of its own tells their memory, and what
one leaves behind does not slow down the next.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from masklet.eval.bench.laps import Laps
from masklet.eval.bench.memory_peak import Peak, PeakWatch
from masklet.eval.bench.peers import PEERS, Box, PeerSetup

FILLING = 8
"""Frames that are tracked, the prompted one among them, before the spatial memories are all there."""
JOB, ANSWER = "job.json", "answer.json"


@dataclass(frozen=True, slots=True)
class Job:
    """What is measured."""

    library: str
    setup: PeerSetup
    clip: Path
    """A folder of JPEG pictures, at least `FILLING` and one for every repetition."""
    boxes: Sequence[Box]
    """One for every object."""
    repeats: int
    """How many frames are timed."""
    threads: int


@dataclass(frozen=True, slots=True)
class Found:
    """How long frames took, and the memory of all of it, the model included."""

    seconds: tuple[float, ...]
    peak: Peak | None


def measure_peer(job: Job) -> Found:
    """Track a clip, and time its frames once the memory is full."""
    torch.set_num_threads(job.threads)
    device = torch.device(job.setup.device)
    peer = PEERS[job.library](job.setup)
    # Once the device is in use: before that it keeps no record.
    watch, laps = PeakWatch(device), Laps(device)
    peer.open(job.clip)
    peer.prompt(job.boxes)
    masks = peer.track()
    for number in range(FILLING + job.repeats):
        if number == FILLING:
            laps.forget()
        with laps.lap("frame"):
            next(masks)
    return Found(laps.seconds()["frame"], watch.peak())


def write_job(job: Job, folder: Path) -> None:
    """As `read_job` reads it."""
    (folder / JOB).write_text(json.dumps(asdict(job), default=str))


def read_job(folder: Path) -> Job:
    """What `write_job` wrote."""
    document = json.loads((folder / JOB).read_text())
    setup = document.pop("setup")
    return Job(
        **document
        | {
            "setup": PeerSetup(**setup | {"weights": Path(setup["weights"])}),
            "clip": Path(document["clip"]),
        }
    )


def read_answer(folder: Path) -> Found:
    """What the process found."""
    document = json.loads((folder / ANSWER).read_text())
    peak = document["peak"]
    return Found(tuple(document["seconds"]), None if peak is None else Peak(**peak))


def _main(folder: Path) -> None:
    answer = json.dumps(asdict(measure_peer(read_job(folder))))
    (folder / ANSWER).write_text(answer)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
