"""What a measurement of speed finds out, and its JSON.

    {"format": "masklet-bench", "format_version": 3,
     "environment": {"cpu": "...", "threads": 2, ..., "devices": [{"device": "cpu", ...}]},
     "frame_size": [720, 1280],
     "scored": {"dataset": "davis-2017", "clips": 30} | null,
     "peers": {"transformers": "5.23.0"},
     "rows": [{"model": "masklet-small", "device": "cpu", "dtype": "float32", "compiled": false,
               "library": "masklet", "size": 512, "objects": 4, "memories": "full",
               "failure": null,
               "parts": {"frame": {"count": 10, "mean": s, "p50": s, "p90": s, "p95": s, "p99": s}},
               "peak": {"num_bytes": 812000000, "kind": "process"} | null,
               "floor": {"flops": 31000000000, "flops_per_second": 2.1e11} | null,
               "accuracy": {"mean": 0.6, "low": 0.5, "high": 0.7, "count": 61} | null}]}

Times are seconds. In version 2 all memories were full and there were no peers; in version 1 there
was nothing compiled, no floor and no accuracy either.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args

import numpy as np

from masklet.errors import StateError
from masklet.eval.bench.memory_peak import Kind, Peak
from masklet.eval.environment import DeviceRecord, Environment
from masklet.eval.records import Interval
from masklet.io import json_parts
from masklet.io.atomic import write_json
from masklet.memory.standard import MemoryForm

FORMAT = "masklet-bench"
FORMAT_VERSION = 3
_WHAT = "figures of `masklet bench`"

Part = TypeVar("Part")

OURS = "masklet"
"""The library that is this one."""

PARTS = (
    "frame",
    "encode",
    "tracker",
    "memory attention",
    "decoder",
    "memory encoder",
    "masks",
    "click",
    "boxes",
)
"""What is timed. A tracked frame in the steady state: the whole of it, from pixels to masks in the
host's memory, and of it resizing and encoding, then everything that the tracker does, of which three
parts stand alone, then the masks at the size of the frame. On an encoded picture: one click with its
three candidates, and a box for each object with its mask."""


@dataclass(frozen=True, slots=True)
class Setup:
    """A model and how it runs."""

    model: str
    device: str
    dtype: str
    compiled: bool = False
    library: str = OURS
    """Whose code runs it: ours, or a peer's."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One place of the matrix that is measured."""

    setup: Setup
    size: int
    """Side of the network's input."""
    objects: int
    memories: MemoryForm = "full"
    """In which form past frames are remembered."""

    def __str__(self) -> str:
        """For people, without what is usually the same for all."""
        told = [f"{self.size} {self.setup.dtype}"]
        told += [self.setup.library] if self.setup.library != OURS else []
        told += ["compiled"] if self.setup.compiled else []
        told += [self.memories] if self.memories != "full" else []
        return ", ".join([*told, f"{self.objects} object{'' if self.objects == 1 else 's'}"])


@dataclass(frozen=True, slots=True)
class Timing:
    """How long something took, in seconds, over all times that it was done."""

    count: int
    mean: float
    p50: float
    p90: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class Floor:
    """The least time that a tracked frame could take: its arithmetic alone, at full speed."""

    flops: int
    """Of a frame in the steady state; a multiplication and its addition are two."""
    flops_per_second: float
    """Of a large matrix product, measured on the same device in the same dtype."""

    @property
    def seconds(self) -> float:
        """That time."""
        return self.flops / self.flops_per_second


@dataclass(frozen=True, slots=True)
class Measured:
    """A cell and what was found: times and memory, or why there are none."""

    cell: Cell
    parts: Mapping[str, Timing]
    """By a name of `PARTS`; empty where it failed."""
    peak: Peak | None = None
    floor: Floor | None = None
    failure: str | None = None
    accuracy: Interval | None = None
    """J&F on labelled clips, 0 to 1, whatever the number of objects; None where none were given."""

    @property
    def frames_per_second(self) -> float | None:
        """Tracked frames, everything included; None where it failed."""
        return 1 / self.parts["frame"].mean if "frame" in self.parts else None

    @property
    def share_of_floor(self) -> float | None:
        """The floor's time over that of the median frame, 1 at best; None where either is missing."""
        if self.floor is None or "frame" not in self.parts:
            return None
        return self.floor.seconds / self.parts["frame"].p50


@dataclass(frozen=True, slots=True)
class Scored:
    """On what masks were scored."""

    dataset: str
    clips: int


@dataclass(frozen=True, slots=True)
class Bench:
    """A matrix of measurements, whole or as far as it went."""

    environment: Environment
    frame_size: tuple[int, int]
    """`(height, width)` of the frames."""
    rows: tuple[Measured, ...]
    scored: Scored | None = None
    """None where there is no accuracy."""
    peers: Mapping[str, str] = field(default_factory=dict)
    """Versions of the other libraries that were measured, by name."""


def timing(seconds: Sequence[float]) -> Timing:
    """Mean and percentiles, by linear interpolation, of at least one time.

    >>> timing([0.1, 0.2, 0.3, 0.4, 0.5]).p50
    0.3
    """
    p50, p90, p95, p99 = np.percentile(seconds, (50, 90, 95, 99)).tolist()
    return Timing(len(seconds), float(np.mean(seconds)), p50, p90, p95, p99)


def describe_bench(bench: Bench) -> dict[str, Any]:  # Any: JSON
    """The figures as JSON."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "environment": asdict(bench.environment),
        "frame_size": list(bench.frame_size),
        "scored": None if bench.scored is None else asdict(bench.scored),
        "peers": dict(bench.peers),
        "rows": [_describe_row(row) for row in bench.rows],
    }


def write_bench(path: str | Path, bench: Bench) -> None:
    """Write the figures, whole or not at all. Raises `OutputError`.

    >>> from tempfile import mkdtemp
    >>> from masklet.eval.environment import environment
    >>> path = Path(mkdtemp()) / "bench.json"
    >>> write_bench(path, Bench(environment(), (720, 1280), ()))
    >>> read_bench(path).frame_size
    (720, 1280)
    """
    write_json(path, describe_bench(bench))


def read_bench(path: str | Path) -> Bench:
    """What `write_bench` wrote.

    Raises:
        StateError: the file is missing, damaged, of another format or of a newer version.
    """
    document = json_parts.read_document(path, _WHAT)
    where = str(path)
    _check_format(document, where)
    return Bench(
        environment=_read_environment(
            json_parts.field(document, "environment", dict, where), f"{where}, environment"
        ),
        frame_size=_read_size(document, where),
        rows=tuple(
            _read_row(each, f"{where}, rows[{place}]")
            for place, each in enumerate(json_parts.objects(document, "rows", where))
        ),
        scored=_part_or_none(document, "scored", _read_scored, where),
        peers=_part_or_none(document, "peers", _read_peers, where) or {},
    )


def _describe_row(row: Measured) -> dict[str, Any]:  # Any: JSON
    return {
        **asdict(row.cell.setup),
        "size": row.cell.size,
        "objects": row.cell.objects,
        "memories": row.cell.memories,
        "failure": row.failure,
        "parts": {name: asdict(of_part) for name, of_part in row.parts.items()},
        "peak": None if row.peak is None else asdict(row.peak),
        "floor": None if row.floor is None else asdict(row.floor),
        "accuracy": None if row.accuracy is None else asdict(row.accuracy),
    }


def _check_format(document: dict[str, Any], where: str) -> None:
    if document.get("format") != FORMAT:
        raise StateError(
            f"{where} has the format {document.get('format')!r}; expected {FORMAT!r}, {_WHAT}. "
            "Check the name."
        )
    version = json_parts.field(document, "format_version", int, where)
    if not 1 <= version <= FORMAT_VERSION:
        raise StateError(
            f"{where} has version {version} of its format; expected at most {FORMAT_VERSION}. It "
            "was written by a newer masklet: pip install --upgrade masklet."
        )


def _read_environment(document: dict[str, Any], where: str) -> Environment:
    def text(name: str) -> str:
        return json_parts.field(document, name, str, where)

    return Environment(
        cpu=text("cpu"),
        cores=_count_or_none(document, "cores", where),
        threads=json_parts.field(document, "threads", int, where),
        memory_bytes=_count_or_none(document, "memory_bytes", where),
        system=text("system"),
        python=text("python"),
        torch=text("torch"),
        masklet=text("masklet"),
        cuda=_text_or_none(document, "cuda", where),
        driver=_text_or_none(document, "driver", where),
        devices=tuple(
            _read_device(each, f"{where}, devices[{place}]")
            for place, each in enumerate(json_parts.objects(document, "devices", where))
        ),
    )


def _read_device(document: dict[str, Any], where: str) -> DeviceRecord:
    return DeviceRecord(
        device=json_parts.field(document, "device", str, where),
        name=json_parts.field(document, "name", str, where),
        memory_bytes=_count_or_none(document, "memory_bytes", where),
        matmul_gflops=json_parts.number(document, "matmul_gflops", where),
    )


def _read_size(document: dict[str, Any], where: str) -> tuple[int, int]:
    sides = json_parts.field(document, "frame_size", list, where)
    if len(sides) != 2 or not all(isinstance(side, int) for side in sides):
        raise StateError(
            f"{where} says {sides} for 'frame_size'; expected [height, width]. The file is damaged "
            "or was edited: write it again."
        )
    return sides[0], sides[1]


def _read_scored(document: dict[str, Any], where: str) -> Scored:
    dataset = json_parts.field(document, "dataset", str, where)
    return Scored(dataset, json_parts.field(document, "clips", int, where))


def _read_peers(document: dict[str, Any], where: str) -> dict[str, str]:
    return {name: json_parts.field(document, name, str, where) for name in document}


def _read_row(document: dict[str, Any], where: str) -> Measured:
    setup = _read_setup(document, where)
    size = json_parts.field(document, "size", int, where)
    objects = json_parts.field(document, "objects", int, where)
    cell = Cell(setup, size, objects, _read_memories(document, where))
    parts = json_parts.field(document, "parts", dict, where)
    return Measured(
        cell=cell,
        parts={
            name: _read_timing(json_parts.field(parts, name, dict, where), f"{where}, {name}")
            for name in parts
        },
        peak=_part_or_none(document, "peak", _read_peak, where),
        floor=_part_or_none(document, "floor", _read_floor, where),
        accuracy=_part_or_none(document, "accuracy", _read_accuracy, where),
        failure=_text_or_none(document, "failure", where),
    )


def _read_setup(document: dict[str, Any], where: str) -> Setup:
    compiled = document.get("compiled", False)
    if not isinstance(compiled, bool):
        raise StateError(
            f"{where} says {compiled!r} for 'compiled'; expected true or false. The file is "
            "damaged or was edited: write it again."
        )
    model, device, dtype = (
        json_parts.field(document, name, str, where) for name in ("model", "device", "dtype")
    )
    library = OURS
    if "library" in document:
        library = json_parts.field(document, "library", str, where)
    return Setup(model, device, dtype, compiled, library)


def _read_memories(document: dict[str, Any], where: str) -> MemoryForm:
    found = document.get("memories", "full")
    for form in get_args(MemoryForm):
        if form == found:
            return form
    raise StateError(
        f"{where} says {found!r} for 'memories'; expected one of "
        f"{', '.join(get_args(MemoryForm))}. The file is damaged or was edited: write it again."
    )


def _read_timing(document: dict[str, Any], where: str) -> Timing:
    mean, p50, p90, p95, p99 = (
        json_parts.number(document, name, where) for name in ("mean", "p50", "p90", "p95", "p99")
    )
    return Timing(json_parts.field(document, "count", int, where), mean, p50, p90, p95, p99)


def _read_peak(document: dict[str, Any], where: str) -> Peak:
    found = json_parts.field(document, "kind", str, where)
    for kind in get_args(Kind):
        if kind == found:
            return Peak(json_parts.field(document, "num_bytes", int, where), kind)
    raise StateError(
        f"{where} is of the kind {found!r}; expected one of {', '.join(get_args(Kind))}. "
        "The file is damaged or was edited: write it again."
    )


def _read_floor(document: dict[str, Any], where: str) -> Floor:
    flops = json_parts.field(document, "flops", int, where)
    return Floor(flops, json_parts.number(document, "flops_per_second", where))


def _read_accuracy(document: dict[str, Any], where: str) -> Interval:
    mean, low, high = (json_parts.number(document, name, where) for name in ("mean", "low", "high"))
    return Interval(mean, low, high, json_parts.field(document, "count", int, where))


def _part_or_none(
    document: dict[str, Any], name: str, read: Callable[[dict[str, Any], str], Part], where: str
) -> Part | None:
    if document.get(name) is None:
        return None
    return read(json_parts.field(document, name, dict, where), f"{where}, {name}")


def _text_or_none(document: dict[str, Any], name: str, where: str) -> str | None:
    return None if document.get(name) is None else json_parts.field(document, name, str, where)


def _count_or_none(document: dict[str, Any], name: str, where: str) -> int | None:
    return None if document.get(name) is None else json_parts.field(document, name, int, where)
