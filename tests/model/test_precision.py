"""One function decides which weights are narrow."""

import dataclasses

import pytest
import torch

from masklet.model.config import HybridConfig
from masklet.model.int8 import Int8Linear, has_int8, int8_hindrance
from masklet.model.kernels import HAS_BFLOAT16
from masklet.model.layers import Linear
from masklet.model.precision import set_precision
from masklet.model.sam2 import SAM2
from tests.tiny import noise, tiny_config, tiny_model, with_weights

NARROW_PARTS = ("image_encoder.trunk.", "memory_attention.")
needs_int8 = pytest.mark.skipif(
    int8_hindrance(torch.device("cpu")) is not None, reason="no products of eight bits here"
)


def wide_model():
    """Its first stage has fewer channels than eight bits are worth, the others more; gates are
    narrow."""
    trunk = HybridConfig(
        widths=(32, 96, 96, 128), stages=(1, 2, 1, 1), global_blocks=(3,), num_heads=2
    )
    model = SAM2(dataclasses.replace(tiny_config(), trunk=trunk)).eval()
    return with_weights(model).requires_grad_(False)


def test_bfloat16_narrows_the_products_of_the_trunk_and_of_memory_attention_alone():
    model = set_precision(tiny_model(), torch.bfloat16)
    linear = {name for name, module in model.named_modules() if isinstance(module, Linear)}
    narrow = {name for name in linear if name.startswith(NARROW_PARTS)}
    for name, value in model.state_dict().items():
        is_narrow = name.rsplit(".", 1)[0] in narrow
        assert value.dtype == (torch.bfloat16 if is_narrow else torch.float32), name
    assert "image_encoder.trunk.blocks.0.attn.qkv" in narrow
    assert "memory_attention.layers.0.cross_attn_image.k_proj" in narrow
    assert narrow < linear


def test_float32_undoes_it_up_to_rounding():
    model = tiny_model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    after = set_precision(set_precision(model, torch.bfloat16), torch.float32).state_dict()
    assert {value.dtype for value in after.values()} == {torch.float32}
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, atol=0, rtol=2**-8)


def test_the_model_stays_the_same_object_and_keeps_its_parameters():
    model = tiny_model()
    parameters = list(model.parameters())
    assert set_precision(model, torch.bfloat16) is model
    assert all(a is b for a, b in zip(model.parameters(), parameters, strict=True))


def test_a_model_in_half_precision_is_brought_back():
    model = set_precision(tiny_model().half(), torch.float32)
    assert {value.dtype for value in model.state_dict().values()} == {torch.float32}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_features_of_a_narrow_model_are_close_and_float32(dtype):
    images = noise(1, 3, 64, 64)
    with torch.no_grad():
        wide = tiny_model().encode_image(images)
        narrow = set_precision(tiny_model(), dtype).encode_image(images)
    for name in ("embedding_FLC", "eighth_FL4c", "quarter_FL16c"):
        ours, expected = getattr(narrow, name), getattr(wide, name)
        assert ours.dtype == torch.float32
        difference = (ours - expected).abs().mean() / expected.std()
        assert 1e-5 < difference < 0.03


def test_int8_is_for_maps_of_the_trunk_between_many_channels():
    model = set_precision(wide_model(), torch.int8)
    eight = {name for name, module in model.named_modules() if isinstance(module, Int8Linear)}
    blocks = "image_encoder.trunk.blocks"
    hidden = [f"{blocks}.{block}.mlp.layers.{layer}" for block in range(1, 5) for layer in (0, 1)]
    attention = [f"{blocks}.3.attn.qkv", f"{blocks}.3.attn.proj"]
    merges = [f"{blocks}.{first}.merge" for first in (1, 3, 4)]
    assert eight == {*hidden, *attention, *merges}


def test_beside_int8_all_is_as_in_bfloat16_where_the_processor_has_it():
    eight = set_precision(wide_model(), torch.int8)
    narrow = set_precision(wide_model(), torch.bfloat16 if HAS_BFLOAT16 else torch.float32)
    dtypes = {name: value.dtype for name, value in narrow.named_parameters()}
    assert list(dict(eight.named_parameters())) == list(dtypes)
    for name, value in eight.named_parameters():
        if value.dtype != torch.int8 and not isinstance(_owner(eight, name), Int8Linear):
            assert value.dtype == dtypes[name], name


def test_names_in_a_state_dict_stay_and_so_do_shapes():
    state, eight = (
        {name: value.shape for name, value in model.state_dict().items()}
        for model in (wide_model(), set_precision(wide_model(), torch.int8))
    )
    assert list(state.items()) == list(eight.items())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_another_precision_undoes_int8_up_to_rounding(dtype):
    model = set_precision(set_precision(wide_model(), torch.int8), dtype)
    assert not has_int8(model)
    expected = set_precision(wide_model(), dtype).state_dict()
    for name, value in model.state_dict().items():
        assert value.dtype == expected[name].dtype, name
        step = expected[name].float().abs().max() * 2**-7
        assert (value.float() - expected[name].float()).abs().max() <= step, name


@needs_int8
def test_features_in_int8_are_close_and_float32():
    images = noise(2, 3, 64, 64)
    with torch.no_grad():
        wide = wide_model().encode_image(images)
        eight = set_precision(wide_model(), torch.int8).encode_image(images)
    for name in ("embedding_FLC", "eighth_FL4c", "quarter_FL16c"):
        ours, expected = getattr(eight, name), getattr(wide, name)
        assert ours.dtype == torch.float32
        difference = (ours - expected).abs().mean() / expected.std()
        assert 1e-5 < difference < 0.06


@needs_int8
def test_frames_in_int8_are_encoded_alone_as_together():
    model, images = set_precision(wide_model(), torch.int8), noise(2, 3, 64, 64)
    with torch.no_grad():
        together, alone = model.encode_image(images), model.encode_image(images[1:])
    torch.testing.assert_close(together.embedding_FLC[1:], alone.embedding_FLC)


def _owner(model, name):
    return model.get_submodule(name.rpartition(".")[0])
