"""Products of eight bits equal whole numbers multiplied one by one, and never mix pictures."""

import copy
import pickle
import platform

import pytest
import torch
import torch.nn.functional as F

from masklet.model import int8
from masklet.model.int8 import (
    Int8Linear,
    has_int8,
    int8_hindrance,
    quantise_tokens,
    quantise_weight,
)
from masklet.model.layers import Linear
from tests.tiny import noise, with_weights

CPU = torch.device("cpu")
ACTIVATIONS = {"none": lambda x: x, "relu": F.relu, "gelu": F.gelu}
needs_int8 = pytest.mark.skipif(
    int8_hindrance(CPU) is not None, reason=f"weights of eight bits: {int8_hindrance(CPU)}"
)
TOKENS = {
    "of both signs": noise(9, 20),
    "positive": noise(9, 20).abs() + 3,
    "negative": -noise(9, 20).abs() - 3,
    "zero": torch.zeros(9, 20),
    "one of them far off": noise(9, 20).index_fill(1, torch.tensor([3]), 1e4),
    "huge": noise(9, 20) * 1e30,
    "next to nothing": noise(9, 20) * 1e-35,
}


def made(inputs=20, outputs=12, *, has_bias=True):
    return with_weights(Linear(inputs, outputs, bias=has_bias)).requires_grad_(False)


def product_of_whole_numbers(linear, x_LI, activation):
    """The same in plain torch: sums of whole numbers, which float64 holds exactly."""
    x, (weight, scale) = quantise_tokens(x_LI), quantise_weight(linear.weight)
    sums = (x.values_LI.double() - x.zero) @ weight.double().t()
    wide = sums * x.scale * scale.double()
    return ACTIVATIONS[activation](wide if linear.bias is None else wide + linear.bias.double())


@pytest.mark.parametrize("kind", TOKENS)
def test_tokens_are_rounded_by_half_a_step_at_most(kind):
    tokens = quantise_tokens(TOKENS[kind])
    assert tokens.values_LI.dtype == torch.uint8
    back = tokens.scale * (tokens.values_LI.double() - tokens.zero)
    # A thousandth more: scale and sum are rounded too.
    assert (back - TOKENS[kind].double()).abs().max() <= 0.501 * tokens.scale


@pytest.mark.parametrize("kind", TOKENS)
def test_zero_stays_zero(kind):
    tokens = quantise_tokens(F.pad(TOKENS[kind], (0, 1)))
    assert set(tokens.values_LI[:, -1].tolist()) == {tokens.zero}


def test_no_range_of_tokens_wraps_around():
    for number in range(300):
        low, high = -noise(1, seed=number).exp(), noise(1, seed=number + 999).exp()
        values = quantise_tokens(torch.cat([low, high])[None]).values_LI[0].tolist()
        assert values[1] - values[0] in (252, 253, 254)


@pytest.mark.parametrize("number", [torch.nan, torch.inf, -torch.inf])
def test_tokens_that_are_not_finite_are_refused(number):
    with pytest.raises(ValueError, match=r"reaches from .* to .*; expected finite numbers"):
        quantise_tokens(noise(9, 20).index_fill(0, torch.tensor([3]), number))


def test_a_weight_is_rounded_by_half_a_step_of_its_channel():
    weight = noise(12, 20) * torch.logspace(-4, 4, 12)[:, None]
    whole, scale = quantise_weight(weight)
    assert whole.dtype == torch.int8
    assert whole.abs().amax(dim=1).tolist() == [127] * 12
    assert ((whole * scale[:, None] - weight).abs().amax(dim=1) <= 0.501 * scale).all()


def test_a_channel_of_zeros_stays_one():
    whole, scale = quantise_weight(torch.zeros(2, 3))
    assert not whole.any()
    assert (scale > 0).all()


@needs_int8
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("has_bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("shape", [(1, 1, 20), (1, 70, 20), (3, 5, 20)], ids=str)
def test_a_product_is_that_of_whole_numbers(activation, has_bias, shape):
    linear, x_BLI = made(has_bias=has_bias), noise(*shape)
    found = Int8Linear(linear)(x_BLI, activation)
    expected = torch.stack([product_of_whole_numbers(linear, x, activation) for x in x_BLI])
    assert found.shape == (*shape[:2], 12)
    # What comes out last is rounded to bfloat16 where the processor has it.
    near = {"atol": 1e-5, "rtol": 2**-8 if found.dtype == torch.bfloat16 else 1e-5}
    torch.testing.assert_close(found.double(), expected, **near)


@needs_int8
def test_sums_of_many_large_products_do_not_overflow():
    linear = made(4096, 16, has_bias=False)
    linear.weight.fill_(1.0)
    found = Int8Linear(linear)(torch.ones(1, 2, 4096), "relu")
    torch.testing.assert_close(found, torch.full((1, 2, 16), 4096.0))


@needs_int8
@pytest.mark.parametrize("activation", ["none", "relu"])
def test_after_an_activation_the_product_is_float32(activation):
    is_narrow = activation == "none" and int8.HAS_BFLOAT16
    found = Int8Linear(made())(noise(1, 5, 20), activation)
    assert found.dtype == (torch.bfloat16 if is_narrow else torch.float32)


@needs_int8
def test_a_product_is_near_that_of_the_wide_weights():
    linear, x = made(256, 64), noise(1, 50, 256)
    found, expected = Int8Linear(linear)(x, "gelu"), linear(x, "gelu")
    difference = (found - expected).norm() / expected.norm()
    assert 1e-3 < difference < 0.02


@needs_int8
def test_pictures_of_a_batch_do_not_change_each_other():
    narrow, x = Int8Linear(made()), noise(3, 7, 20)
    alone = narrow(x[:1])
    x[1:] *= 1000
    assert torch.equal(narrow(x)[:1], alone)


VIEWS = {
    "transposed": lambda x: x.transpose(1, 2).contiguous().transpose(1, 2),
    "every other channel": lambda x: x.repeat_interleave(2, dim=2)[:, :, ::2],
    "shared": lambda x: x[:1].expand(3, -1, -1),
}


@needs_int8
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_multiplied_like_its_copy(view):
    narrow, x = Int8Linear(made()), VIEWS[view](noise(2, 7, 20))
    assert not x.is_contiguous()
    assert torch.equal(narrow(x), narrow(x.contiguous()))


@needs_int8
def test_bfloat16_is_taken_as_it_is():
    narrow, x = Int8Linear(made()), noise(2, 7, 20).bfloat16()
    assert torch.equal(narrow(x), narrow(x.float()))


def test_a_gradient_is_refused():
    narrow, x = Int8Linear(made()), noise(1, 7, 20).requires_grad_()
    with pytest.raises(ValueError, match=r"a gradient is wanted .*Use torch\.inference_mode"):
        narrow(x)


@needs_int8
def test_without_one_an_input_that_could_have_it_is_taken():
    narrow, x = Int8Linear(made()), noise(1, 7, 20).requires_grad_()
    with torch.no_grad():
        assert torch.equal(narrow(x), narrow(x.detach()))


def test_another_device_is_refused():
    with pytest.raises(ValueError, match="met an input on meta; expected the processor"):
        Int8Linear(made())(noise(1, 7, 20).to("meta"))


def test_a_state_dict_has_the_same_names_and_what_the_weights_stand_for():
    linear = made()
    state = Int8Linear(linear).state_dict()
    whole, scale = quantise_weight(linear.weight)
    assert list(state) == list(linear.state_dict())
    assert torch.equal(state["weight"], whole * scale[:, None])
    assert torch.equal(state["bias"], linear.bias)


def test_a_widened_map_has_the_weights_of_the_state_dict():
    narrow = Int8Linear(made())
    state = narrow.widened().state_dict()
    assert all(torch.equal(state[name], value) for name, value in narrow.state_dict().items())


@needs_int8
@pytest.mark.parametrize("assign", [False, True])
def test_weights_are_loaded_in_eight_bits(assign):
    other = Int8Linear(with_weights(Linear(20, 12), seed=5).requires_grad_(False))
    narrow, x = Int8Linear(made()), noise(1, 7, 20)
    before = narrow(x)
    narrow.load_state_dict(other.state_dict(), assign=assign)
    assert narrow.weight.dtype == torch.int8
    torch.testing.assert_close(narrow(x), other(x))
    assert not torch.equal(narrow(x), before)


def test_weights_of_another_shape_are_not_loaded():
    with pytest.raises(RuntimeError, match="size mismatch for weight"):
        Int8Linear(made()).load_state_dict(made(inputs=8).state_dict())


@needs_int8
@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda part: pickle.loads(pickle.dumps(part))], ids=["copy", "pickle"]
)
def test_a_copy_of_a_map_in_use_computes_the_same(copied):
    narrow, x = Int8Linear(made()), noise(1, 7, 20)
    expected = narrow(x)
    assert torch.equal(copied(narrow)(x), expected)


def test_models_tell_whether_they_have_weights_of_eight_bits():
    assert has_int8(torch.nn.Sequential(made(), Int8Linear(made())))
    assert not has_int8(torch.nn.Sequential(made(), made()))


@pytest.fixture
def asked_anew():
    int8_hindrance.cache_clear()
    yield
    int8_hindrance.cache_clear()


def test_other_devices_are_a_hindrance():
    assert int8_hindrance(torch.device("cuda:1")) == "they are for processors, and this is cuda:1"


@pytest.mark.usefixtures("asked_anew")
def test_other_processors_are_a_hindrance(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    expected = "they are for x86-64 processors, and this one is aarch64"
    assert int8_hindrance(CPU) == expected


@needs_int8
@pytest.mark.usefixtures("asked_anew")
def test_a_torch_without_the_operator_is_a_hindrance(monkeypatch):
    monkeypatch.setattr(int8, "_qlinear", None)
    assert "lacks the operator onednn::qlinear_pointwise" in int8_hindrance(CPU)


@needs_int8
@pytest.mark.usefixtures("asked_anew")
def test_an_operator_that_takes_something_else_is_a_hindrance(monkeypatch):
    monkeypatch.setattr(int8, "_qlinear", torch.ops.aten.mm)
    assert int8_hindrance(CPU).startswith("RuntimeError: Overloaded torch operator")


@needs_int8
@pytest.mark.usefixtures("asked_anew")
def test_sums_that_overflow_are_a_hindrance(monkeypatch):
    """As without VNNI: of two products sixteen bits are kept."""
    overflown = torch.full((16, 16), 32767.0 * 32)
    monkeypatch.setattr(int8, "_qlinear", lambda *_: overflown)
    assert int8_hindrance(CPU) == "the processor has no exact products of eight bits (VNNI)"
