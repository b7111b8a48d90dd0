"""Which model a set of tensors belongs to, and how the answer reads when it is none."""

from pathlib import Path

import pytest

from masklet.errors import CheckpointError
from masklet.model.config import VARIANTS
from masklet.weights.assemble import shapes_of
from masklet.weights.recognise import (
    check,
    describe,
    facts_of,
    facts_of_config,
    nearest_variant,
)

PATH = Path("model.pt")


def test_a_model_shows_the_facts_of_its_config(small, wide):
    for model in (small, wide):
        assert facts_of(shapes_of(model)) == facts_of_config(model.config)


def test_two_released_models_differ_in_a_fact():
    assert len({facts_of_config(config) for config in VARIANTS.values()}) == len(VARIANTS)


def test_facts_of_nothing_are_no_facts():
    facts = facts_of({})
    assert facts.embed_dim is None
    assert facts.blocks == ()


@pytest.mark.parametrize("name", VARIANTS)
def test_a_damaged_model_still_looks_like_itself(name):
    config = VARIANTS[name]
    facts = facts_of_config(config)
    shapes = {
        "image_encoder.trunk.patch_embed.proj.bias": (facts.embed_dim,),
        "maskmem_tpos_enc": (7, 1, 1, 64),
        "no_mem_embed": (),
    }
    if name.startswith("sam2.1"):
        shapes["no_obj_embed_spatial"] = (1, 64)
    first_block = "image_encoder.trunk.blocks.{}.norm2.weight"
    widths = [facts.embed_dim * 2**stage for stage in range(4) for _ in range(facts.blocks[stage])]
    shapes |= {first_block.format(number): (width,) for number, width in enumerate(widths)}
    assert nearest_variant(shapes) == config


def test_a_released_model_is_described_by_its_name(small):
    assert describe(VARIANTS["sam2-hiera-large"]) == "sam2-hiera-large"
    assert describe(small.config) == "a model of 1-1-1-1 blocks, 16 channels, width 16"


def test_equal_shapes_pass(small):
    shapes = shapes_of(small)
    check(shapes, dict(shapes), path=PATH, config=small.config)


def test_a_mismatch_lists_the_first_keys_of_each_kind(small):
    expected = shapes_of(small)
    found = dict(expected)
    for layer in range(3):
        del found[f"obj_ptr_proj.layers.{layer}.weight"]
        del found[f"obj_ptr_proj.layers.{layer}.bias"]
    found |= {"head.weight": (3,), "no_obj_ptr": (1, 8)}
    with pytest.raises(CheckpointError) as caught:
        check(found, expected, path=PATH, config=VARIANTS["sam2-hiera-tiny"])
    message = str(caught.value)
    assert message.startswith("model.pt looks like sam2-hiera-tiny and does not fit it: ")
    assert "6 missing: obj_ptr_proj.layers.0.weight, obj_ptr_proj.layers.0.bias, " in message
    assert "obj_ptr_proj.layers.1.weight, ...;" in message
    assert "1 unexpected: head.weight;" in message
    assert "1 of another shape: no_obj_ptr [1, 8], expected [1, 16]." in message
    assert f"Expected exactly the {len(expected)} tensors of that model. Fetch" in message


def test_what_has_nothing_in_common_is_not_listed(small):
    with pytest.raises(
        CheckpointError, match=r"is no SAM 2 checkpoint: none of its 1 tensors is known .fc\."
    ):
        check({"fc.weight": (3, 3)}, shapes_of(small), path=PATH, config=small.config)


def test_the_image_part_alone_is_recognised(small):
    expected = shapes_of(small)
    parts = ("image_encoder.", "sam_prompt_encoder.", "sam_mask_decoder.", "no_mem_embed")
    found = {name: shape for name, shape in expected.items() if name.startswith(parts)}
    with pytest.raises(
        CheckpointError, match="transformers' Sam2Model saves it, without the memory"
    ):
        check(found, expected, path=PATH, config=small.config)
