"""Replay the module fixtures: one part of the network at a time, on made-up tensors.

The reference computes in images of channels first; what this package keeps as tokens is turned into
those by `cases`.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import torch

from masklet.model.sam2 import SAM2
from tests.parity import decoder_cases, image_cases, memory_cases
from tests.parity.cases import Case, Outputs
from tests.parity.recording import Recording
from tests.parity.scenarios import UnreadableError


def kind_of(name: str) -> str:
    """The kind of value in `case/output`; mask logits and transforms have limits of their own."""
    case, output = name.rsplit("/", 1)
    if "transform_" in case:
        return "transforms"
    is_decoder = case.startswith(("decoder_", "sam_heads_", "mask_as_output"))
    if is_decoder and output.startswith(("masks", "low", "high")):
        return "masks"
    return "features"


def limits_of(stated: Mapping[str, float]) -> Mapping[str, float]:
    """The limits of all kinds; those of mask logits and transforms are stated in a note only."""
    return {"masks": 2e-4, "area_fraction": 1e-4, "transforms": 1e-5, **stated}


@torch.inference_mode()
def replay_case(case: Case, model: SAM2 | None) -> Recording:
    """What one module answers; the model is None for what has no weights."""
    recording = Recording()
    for name, values in _function_of(case["name"])(case, model).items():
        recording.add(f"{case['name']}/{name}", values)
    return recording


def weights_of(case: Case) -> tuple[str, int] | None:
    """The config and the seed of the model that a case needs."""
    needed = case["weights"]
    return None if needed is None else (needed["config"], needed["seed"])


def _function_of(name: str) -> "Callable[[Case, Any], Outputs]":  # Any: the model, None for some
    for pattern, function in (
        *image_cases.FUNCTIONS,
        *decoder_cases.FUNCTIONS,
        *memory_cases.FUNCTIONS,
    ):
        if re.fullmatch(pattern, name):
            return function
    raise UnreadableError(f"there is no module fixture {name!r} in this package's tests")
