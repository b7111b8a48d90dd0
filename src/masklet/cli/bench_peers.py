"""Which peers `masklet bench` measures beside ours, and the weights they are given."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from masklet.cli.bench_plan import open_named
from masklet.eval.bench.peer_rows import PeerWeights, peer_cells
from masklet.eval.bench.peers import PEERS, installed_version
from masklet.eval.bench.speed_records import Cell
from masklet.model.config import VARIANTS, ModelConfig
from masklet.model.sam2 import SAM2
from masklet.weights.save import save_huggingface, save_official


@dataclass(frozen=True, slots=True)
class PeerPlan:
    """What is measured of peers."""

    cells: tuple[Cell, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of those that are measured, by name."""
    notes: tuple[str, ...] = ()
    """What is not measured, and why."""


def plan_peers(cells: Sequence[Cell]) -> PeerPlan:
    """The same cells for every peer that is installed, as far as it has their networks.

    Args:
        cells: ours; their models can be opened.
    """
    models = dict.fromkeys(cell.setup.model for cell in cells)
    known = {name for name in models if _architecture(_config_of(name)) is not None}
    versions = {name: installed_version(name) for name in PEERS}
    there = {name: version for name, version in versions.items() if version is not None}
    possible = [cell for cell in cells if cell.setup.model in known]
    return PeerPlan(
        tuple(cell for library in there for cell in peer_cells(possible, library)),
        there if possible else {},
        (
            *(f"{name}: no peer has this network" for name in models if name not in known),
            *_missing(versions),
        ),
    )


def save_for_peer(cell: Cell, folder: Path) -> PeerWeights:
    """Write the model of a cell as the cell's library reads it.

    Raises:
        OutputError: there is no room.
    """
    model = open_named(cell.setup.model, device="cpu", dtype="float32")
    # The same weights for pictures of another size, which peers read from the config.
    with torch.device("meta"):
        resized = SAM2(replace(model.config, image_size=cell.size))
    resized.load_state_dict(model.state_dict(), assign=True)
    path = folder / "weights"
    save = save_huggingface if cell.setup.library == "transformers" else save_official
    save(resized, path)
    architecture = _architecture(model.config)
    assert architecture is not None
    return PeerWeights(path, architecture)


def _config_of(name: str) -> ModelConfig:
    return open_named(name, device="cpu", dtype="float32").config


def _architecture(config: ModelConfig) -> str | None:
    """The released network that this is at some size."""
    alike = (
        name
        for name, known in VARIANTS.items()
        if replace(known, image_size=config.image_size) == config
    )
    return next(alike, None)


def _missing(versions: Mapping[str, str | None]) -> Iterator[str]:
    for name, version in versions.items():
        if version is None:
            yield (
                f"{name} is not installed and not measured; `make peers` in a clone of masklet "
                "installs it"
            )
