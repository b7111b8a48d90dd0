"""Find and read scenarios, their goldens and the models that they ask for.

A scenario is `golden/NAME.json`, what to do, with `golden/NAME.npz`, what the reference answered.
Some are committed beside this file; the whole set is looked for in `shared/parity` beside the
repository.
"""

import dataclasses
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import torch

from masklet.model.config import VARIANTS
from masklet.model.precision import set_precision
from masklet.model.sam2 import SAM2
from tests.parity import weights
from tests.parity.comparison import Golden

Dtype: TypeAlias = Literal["float32", "bfloat16"]

COMMITTED = Path(__file__).parent
WHOLE_SET = Path(__file__).parents[3] / "shared" / "parity"

# Entries of a committed golden that say how it was thinned, see `thin.py`.
THINNED_AGAIN, SPARED = "#thinned_again", "#spared"

_NEEDED = {
    "image": ("config", "seed", "image", "prompts", "files", "tolerances"),
    "modules": ("cases", "files", "tolerances"),
    "video": ("config", "seed", "image_size", "video", "steps", "files", "tolerances"),
}


# What their entries need.
_NEEDED_INSIDE = {
    "image": ("h", "w", "seed", "n_objects"),
    "prompts": ("name", "multimask_output"),
    "cases": ("name", "inputs", "weights"),
    "steps": ("op",),
}

# Images have no bfloat16 golden: the reference computes them in float32. Three times what rounding
# the operands of every product was seen to change in the tiny model (features have a deviation of
# 1.5, mask logits of 3 to 4).
_NARROW_IMAGE_LIMITS = {
    "features": 0.1,
    "masks": 0.6,
    "low_res": 0.8,
    "iou": 0.01,
    "area_fraction": 0.005,
}


class UnreadableError(Exception):
    """A scenario, a golden or a table of shapes that cannot be used; the message says why."""


@dataclass(frozen=True)
class Scenario:
    """One scenario as it was read."""

    name: str
    kind: str
    fields: Mapping[str, Any]
    """The whole file: the format is plain JSON with optional parts."""
    folders: tuple[Path, ...]
    """Where its golden and the tables of shapes may lie."""

    def golden(self, dtype: Dtype) -> Golden:
        """What the reference answered; videos have an answer for each dtype of their memories."""
        files = self.fields["files"]
        name = files["float32"] if self.kind == "image" else files.get(dtype)
        if name is None:
            raise UnreadableError(
                f"{self.name} has a golden for {', '.join(files)}, none for {dtype}"
            )
        return read_golden(_first_existing(name, self.folders))

    def limits(self, dtype: Dtype) -> Mapping[str, float]:
        """The tolerances of that golden."""
        if self.kind == "image" and dtype == "bfloat16":
            return _NARROW_IMAGE_LIMITS
        limits: Mapping[str, float] = self.fields["tolerances"].get(dtype, {})
        return limits


def default_folders() -> tuple[Path, ...]:
    """What is committed, and the whole set if it is there."""
    return tuple(root / "golden" for root in (COMMITTED, WHOLE_SET) if (root / "golden").is_dir())


def names(folder: Path, kind: str) -> list[str]:
    """The scenarios of a kind in a folder, by name."""
    return [
        path.stem
        for path in sorted(folder.glob("*.json"))
        if json.loads(path.read_text(encoding="utf-8")).get("kind") == kind
    ]


def read_scenario(reference: str, fixtures: Path | None = None) -> Scenario:
    """Read a scenario.

    Args:
        reference: a path, or the name of one in the fixtures.
        fixtures: a folder with `golden/` and perhaps `shapes/`; what is committed and the whole set
            unless given.

    Raises:
        UnreadableError: there is no such file, or it is no scenario.
    """
    given = () if fixtures is None else (fixtures / "golden",)
    path = Path(reference)
    if not path.is_file():
        path = _first_existing(
            f"{path.name.removesuffix('.json')}.json", given or default_folders()
        )
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnreadableError(f"{path} is not JSON: {error}") from error
    kind = fields.get("kind") if isinstance(fields, dict) else None
    if kind not in _NEEDED:
        raise UnreadableError(
            f"{path} is of kind {kind!r}; expected one of {', '.join(sorted(_NEEDED))}"
        )
    _check_complete(path, kind, fields)
    return Scenario(
        name=path.stem,
        kind=kind,
        fields=fields,
        folders=(*given, path.parent) if given else (path.parent, *default_folders()),
    )


def _check_complete(path: Path, kind: str, fields: Mapping[str, Any]) -> None:
    missing = [name for name in _NEEDED[kind] if name not in fields]
    if missing:
        raise UnreadableError(f"{path} lacks {', '.join(missing)}, which {kind} scenarios need")
    for part, needed in _NEEDED_INSIDE.items():
        entries = fields.get(part, [])
        for entry in entries if isinstance(entries, list) else [entries]:
            absent = [name for name in needed if name not in entry]
            if absent:
                raise UnreadableError(f"{path}: an entry of {part} lacks {', '.join(absent)}")


def read_golden(path: Path) -> Golden:
    """Read what the reference answered."""
    try:
        with path.open("rb") as file, np.load(file) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise UnreadableError(f"{path} is not an npz archive: {error}") from error
    return Golden(
        thinned_again=int(arrays.pop(THINNED_AGAIN, 1)),
        spared=int(arrays.pop(SPARED, 0)),
        arrays=arrays,
    )


def model_of(scenario: Scenario, dtype: Dtype = "float32") -> SAM2:
    """The model of an image or a video scenario, with its made-up weights."""
    fields = scenario.fields
    return build_model(
        fields["config"],
        fields["seed"],
        tuple(sorted(fields.get("overrides", {}).items())),
        fields.get("image_size", 1024),
        dtype,
        _shapes_file(fields["config"], scenario.folders),
    )


# A large model holds 0.9 GB: only the last one is kept.
@lru_cache(maxsize=1)
def build_model(
    config: str,
    seed: int,
    overrides: Sequence[tuple[str, float]] = (),
    image_size: int = 1024,
    dtype: Dtype = "float32",
    shapes_file: Path | None = None,
) -> SAM2:
    """A model with made-up weights, strictly loaded.

    Args:
        config: official name, such as `sam2.1_hiera_tiny`.
        seed: of the weights.
        overrides: numbers to add to some parameters.
        image_size: the model's own image size.
        dtype: of the matrix products.
        shapes_file: the official table of shapes; the model's own shapes unless given.
    """
    variant = VARIANTS.get(config.replace("_", "-"))
    if variant is None:
        raise UnreadableError(f"unknown model {config!r}; expected one of {', '.join(VARIANTS)}")
    with torch.device("meta"):
        model = SAM2(dataclasses.replace(variant, image_size=image_size))
    if shapes_file is None:
        shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    else:
        shapes = {name: tuple(shape) for name, shape in _read_shapes(shapes_file).items()}
    unknown = set(dict(overrides)) - set(shapes)
    if unknown:
        raise UnreadableError(f"{config} has no parameter {', '.join(sorted(unknown))} to override")
    state = weights.state_dict(shapes, seed, dict(overrides))
    try:
        model.load_state_dict(state, assign=True)
    except RuntimeError as error:
        raise UnreadableError(f"{shapes_file} is not the table of {config}: {error}") from error
    return set_precision(model.eval(), getattr(torch, dtype)).requires_grad_(requires_grad=False)


def _first_existing(name: str, folders: Sequence[Path]) -> Path:
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    looked = ", ".join(str(folder) for folder in folders)
    raise UnreadableError(f"there is no {name} in {looked}")


def _shapes_file(config: str, folders: Sequence[Path]) -> Path | None:
    for folder in folders:
        path = folder.parent / "shapes" / f"{config}.json"
        if path.is_file():
            return path
    return None


def _read_shapes(path: Path) -> dict[str, list[int]]:
    try:
        shapes: dict[str, list[int]] = json.loads(path.read_text(encoding="utf-8"))["shapes"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableError(f"{path} is no table of shapes: {error}") from error
    return shapes
