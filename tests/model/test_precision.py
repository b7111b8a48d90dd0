"""One function decides which weights are narrow."""

import pytest
import torch

from masklet.model.layers import Linear
from masklet.model.precision import set_precision
from tests.tiny import noise, tiny_model

NARROW_PARTS = ("image_encoder.trunk.", "memory_attention.")


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
