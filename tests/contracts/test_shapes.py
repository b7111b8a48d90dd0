"""Names and shapes of every official checkpoint, in both dialects, equal those of our network.

The lists in `shapes/` were made once from the released models: official name, name in transformers,
shape. They let strict loading be proved without any weights.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from masklet.model.config import VARIANTS
from masklet.model.sam2 import SAM2
from masklet.weights.dialects import huggingface_name, huggingface_tensors, official_name
from masklet.weights.zoo import ZOO

SHAPES = Path(__file__).parent / "shapes"
MODELS = json.loads((SHAPES / "models.json").read_text())
STACKED = "prompt_encoder.point_embed.weight"


@dataclass(frozen=True)
class Contract:
    official: dict
    """Official name to shape."""
    foreign: dict
    """Official name to the name in transformers."""
    rows: dict
    """Official name to the row of the stacked tensor."""
    copies: dict
    """Name in transformers to the name it repeats."""


def contract(name):
    official, foreign, rows, copies = {}, {}, {}, {}
    for piece in MODELS[name]["pieces"]:
        document = json.loads((SHAPES / f"{piece}.json").read_text())
        rows |= document.get("huggingface_row", {})
        copies |= document.get("huggingface_copy", {})
        for ours, (theirs, shape) in document["tensors"].items():
            key = document["official_prefix"] + ours
            official[key] = tuple(shape)
            foreign[key] = document["huggingface_prefix"] + theirs
    return Contract(official, foreign, rows, copies)


def empty(name):
    with torch.device("meta"):
        return SAM2(VARIANTS[name])


def shapes(tensors):
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def test_there_is_a_contract_for_every_released_model():
    assert set(MODELS) == set(VARIANTS)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_network_has_the_official_names_and_shapes(name):
    assert shapes(empty(name).state_dict()) == contract(name).official
    assert len(contract(name).official) == MODELS[name]["tensors"]


@pytest.mark.parametrize("name", VARIANTS)
def test_the_network_has_the_official_number_of_parameters(name):
    parameters = sum(parameter.numel() for parameter in empty(name).parameters())
    assert parameters == MODELS[name]["parameters"]
    assert parameters == ZOO[name].parameters


@pytest.mark.parametrize("name", VARIANTS)
def test_every_name_is_translated_both_ways(name):
    for ours, theirs in contract(name).foreign.items():
        assert huggingface_name(ours) == theirs
        assert official_name(theirs) == (None if theirs == STACKED else ours)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_network_in_the_other_dialect_has_the_names_and_shapes_of_transformers(name):
    known = contract(name)
    expected = {theirs: known.official[ours] for ours, theirs in known.foreign.items()}
    assert sorted(known.rows.values()) == [0, 1, 2, 3]
    expected[STACKED] = (len(known.rows), *expected[STACKED][1:])
    expected |= {copy: expected[original] for copy, original in known.copies.items()}
    assert shapes(huggingface_tensors(empty(name).state_dict())) == expected
