"""Products and attention equal their plain form on every path, with and without a gradient."""

import pytest
import torch
import torch.nn.functional as F

from masklet.model import kernels
from masklet.model.kernels import attend, key_padding, linear
from tests.tiny import noise

ACTIVATIONS = {"none": lambda x: x, "relu": F.relu, "gelu": F.gelu}
# Rounding of one bfloat16 operand is 2 ** -9; sums of a few dozen of them stay below this.
NARROW = 0.05


def plain_attention(q_BLGD, k_BSGD, v_BSGE):
    scores = torch.einsum("blgd,bsgd->bgls", q_BLGD, k_BSGD) / q_BLGD.shape[-1] ** 0.5
    return torch.einsum("bgls,bsge->blge", scores.softmax(dim=-1), v_BSGE)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("has_bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("shape", [(5, 12), (2, 3, 12), (1, 0, 12), (2, 2, 3, 12)], ids=str)
def test_a_product_equals_its_plain_form(activation, has_bias, shape):
    x, weight = noise(*shape), noise(7, 12, seed=1)
    bias = noise(7, seed=2) if has_bias else None
    expected = ACTIVATIONS[activation](F.linear(x, weight, bias))
    torch.testing.assert_close(linear(x, weight, bias, activation), expected)


STRIDED = {
    "transposed": lambda: noise(12, 4).t(),
    "every other column": lambda: noise(4, 24)[:, ::2],
    "one token of many": lambda: noise(3, 7, 12)[:, 2],
    "shared by rows": lambda: noise(1, 4, 12).expand(3, -1, -1),
    "channels first": lambda: noise(2, 12, 5).transpose(1, 2),
}


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("view", STRIDED)
def test_a_product_of_views_equals_its_plain_form(activation, view):
    x, weight, bias = STRIDED[view](), noise(12, 7, seed=1).t(), noise(7, seed=2)
    assert not x.is_contiguous()
    expected = ACTIVATIONS[activation](F.linear(x, weight, bias))
    torch.testing.assert_close(linear(x, weight, bias, activation), expected)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_product_has_the_gradients_of_its_plain_form(activation):
    gradients = []
    for product in (linear, lambda x, w, b, _: ACTIVATIONS[activation](F.linear(x, w, b))):
        tensors = [noise(4, 6), noise(5, 6, seed=1), noise(5, seed=2)]
        for tensor in tensors:
            tensor.requires_grad_()
        product(*tensors, activation).square().sum().backward()
        gradients.append([tensor.grad for tensor in tensors])
    for ours, plain in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, plain)


@pytest.mark.parametrize("trained", [0, 1], ids=["input", "weight"])
def test_a_gradient_is_kept_if_only_one_operand_needs_it(trained):
    tensors = [noise(4, 6), noise(5, 6, seed=1)]
    tensors[trained].requires_grad_()
    assert linear(*tensors, None).requires_grad


def test_a_bias_that_is_trained_alone_gets_its_gradient():
    bias = noise(5, seed=2).requires_grad_()
    linear(noise(4, 6), noise(5, 6, seed=1), bias).sum().backward()
    torch.testing.assert_close(bias.grad, torch.full((5,), 4.0))


def test_a_product_takes_the_precision_of_its_weight():
    x, weight = noise(4, 64), noise(5, 64, seed=1, scale=0.1)
    narrow = linear(x, weight.bfloat16(), None, "gelu")
    assert narrow.dtype == torch.bfloat16
    torch.testing.assert_close(narrow.float(), F.gelu(x @ weight.t()), atol=NARROW, rtol=NARROW)
    wide = linear(x.bfloat16(), weight, None)
    assert wide.dtype == torch.float32


@pytest.mark.parametrize("has_onednn", [True, False], ids=["oneDNN", "plain"])
@pytest.mark.parametrize(
    "sizes",
    [(2, 5, 7, 3, 4, 4), (2, 5, 7, 3, 4, 6), (1, 4, 4, 1, 8, 2), (2, 0, 3, 1, 4, 4)],
    ids=["small", "wide values", "narrow values", "no queries"],
)
def test_attention_equals_its_plain_form(monkeypatch, has_onednn, sizes):
    monkeypatch.setattr(kernels, "_HAS_ONEDNN", has_onednn and kernels._HAS_ONEDNN)
    batch, length, keys, heads, width, value_width = sizes
    q = noise(batch, length, heads, width)
    k, v = noise(batch, keys, heads, width, seed=1), noise(batch, keys, heads, value_width, seed=2)
    torch.testing.assert_close(attend(q, k, v), plain_attention(q, k, v))


@pytest.mark.parametrize("length", [1, 255, 1023, 1024, 1025, 2047, 2048, 2049], ids=str)
@pytest.mark.parametrize("block", [0, kernels.SYSTEM_BLOCK], ids=["small", "large"])
def test_attention_in_tiles_equals_its_plain_form(monkeypatch, length, block):
    monkeypatch.setattr(kernels, "_TILED_FROM", 1)
    monkeypatch.setattr(kernels, "SYSTEM_BLOCK", block)
    q = noise(2, length, 2, 8)
    k, v = noise(2, 33, 2, 8, seed=1), noise(2, 33, 2, 5, seed=2)
    torch.testing.assert_close(attend(q, k, v), plain_attention(q, k, v))


@pytest.mark.skipif(not kernels._HAS_ONEDNN, reason="this build of torch has no oneDNN")
def test_long_attention_takes_the_tiles(monkeypatch):
    taken = []
    in_tiles = kernels._attend_in_tiles
    monkeypatch.setattr(kernels, "_attend_in_tiles", lambda *a: taken.append(1) or in_tiles(*a))
    q, k, v = noise(1, 1024, 1, 4), noise(1, 1024, 1, 4, seed=1), noise(1, 1024, 1, 4, seed=2)
    torch.testing.assert_close(attend(q, k, v), plain_attention(q, k, v))
    attend(q[:, :1000], k, v)
    assert taken == [1]


@pytest.mark.parametrize("tiled_from", [1, 10**9], ids=["tiles", "whole"])
def test_attention_in_bfloat16_stays_close_to_float32(monkeypatch, tiled_from):
    monkeypatch.setattr(kernels, "_TILED_FROM", tiled_from)
    q, k, v = noise(2, 40, 2, 8), noise(2, 33, 2, 8, seed=1), noise(2, 33, 2, 8, seed=2)
    narrow = attend(q.bfloat16(), k.bfloat16(), v.bfloat16())
    assert narrow.dtype == torch.bfloat16
    torch.testing.assert_close(narrow.float(), plain_attention(q, k, v), atol=NARROW, rtol=NARROW)


def test_rows_that_share_a_query_are_attended_like_copies(monkeypatch):
    for tiled_from in (1, 10**9):
        monkeypatch.setattr(kernels, "_TILED_FROM", tiled_from)
        q = noise(1, 6, 2, 8).expand(3, -1, -1, -1)
        k, v = noise(3, 9, 2, 8, seed=1), noise(3, 9, 2, 8, seed=2)
        torch.testing.assert_close(attend(q, k, v), plain_attention(q, k, v))


@pytest.mark.parametrize("has_onednn", [True, False], ids=["oneDNN", "plain"])
@pytest.mark.parametrize("tiled_from", [1, 10**9], ids=["tiles", "whole"])
def test_empty_keys_count_for_nothing(monkeypatch, tiled_from, has_onednn):
    monkeypatch.setattr(kernels, "_TILED_FROM", tiled_from)
    monkeypatch.setattr(kernels, "_HAS_ONEDNN", has_onednn and kernels._HAS_ONEDNN)
    q, k, v = noise(2, 40, 2, 8), noise(2, 33, 2, 8, seed=1), noise(2, 33, 2, 5, seed=2)
    longer_k = F.pad(k, (0, 0, 0, 0, 0, 31), value=9.0)
    longer_v = F.pad(v, (0, 0, 0, 0, 0, 31), value=9.0)
    padded = attend(q, longer_k, longer_v, padding=31)
    torch.testing.assert_close(padded, plain_attention(q, k, v))


@pytest.mark.parametrize("has_onednn", [True, False], ids=["oneDNN", "plain"])
@pytest.mark.parametrize("tiled_from", [1, 10**9], ids=["tiles", "whole"])
@pytest.mark.parametrize("padding", [0, 31])
def test_a_key_that_stands_for_several_counts_as_often(
    monkeypatch, tiled_from, has_onednn, padding
):
    monkeypatch.setattr(kernels, "_TILED_FROM", tiled_from)
    monkeypatch.setattr(kernels, "_HAS_ONEDNN", has_onednn and kernels._HAS_ONEDNN)
    counts = torch.tensor([[1, 4, 0, 16, 1, 3], [2, 0, 1, 1, 16, 4]])
    q, k, v = noise(2, 40, 2, 8), noise(2, 6, 2, 8, seed=1), noise(2, 6, 2, 5, seed=2)
    rows = [
        plain_attention(
            q[row : row + 1],
            k[row].repeat_interleave(counts[row], dim=0)[None],
            v[row].repeat_interleave(counts[row], dim=0)[None],
        )
        for row in range(2)
    ]
    ours = attend(
        q,
        F.pad(k, (0, 0, 0, 0, 0, padding), value=9.0),
        F.pad(v, (0, 0, 0, 0, 0, padding), value=9.0),
        padding,
        F.pad(counts.float().log(), (0, padding)),
    )
    torch.testing.assert_close(ours, torch.cat(rows))


@pytest.mark.parametrize("tiled_from", [1, 10**9], ids=["tiles", "whole"])
def test_counts_stay_close_in_bfloat16(monkeypatch, tiled_from):
    monkeypatch.setattr(kernels, "_TILED_FROM", tiled_from)
    counts = torch.tensor([[1, 4, 0, 16, 1, 3]])
    q, k, v = noise(1, 40, 2, 8), noise(1, 6, 2, 8, seed=1), noise(1, 6, 2, 5, seed=2)
    narrow = attend(q.bfloat16(), k.bfloat16(), v.bfloat16(), bias_BS=counts.float().log())
    assert narrow.dtype == torch.bfloat16
    several = (x.repeat_interleave(counts[0], dim=1) for x in (k, v))
    torch.testing.assert_close(
        narrow.float(), plain_attention(q, *several), atol=NARROW, rtol=NARROW
    )


def test_counts_let_gradients_through():
    counts = torch.tensor([1, 4, 2])

    def counted(q, k, v):
        return attend(q, k, v, bias_BS=counts.float().log()[None])

    def repeated(q, k, v):
        return plain_attention(q, *(x.repeat_interleave(counts, dim=1) for x in (k, v)))

    gradients = []
    for attention in (counted, repeated):
        tensors = [noise(1, 5, 1, 4), noise(1, 3, 1, 4, seed=1), noise(1, 3, 1, 3, seed=2)]
        for tensor in tensors:
            tensor.requires_grad_()
        attention(*tensors).square().sum().backward()
        gradients.append([tensor.grad for tensor in tensors])
    for ours, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-4)


def test_long_rows_of_keys_are_padded_until_all_pointers_are_there():
    spatial = 7 * 4096
    lengths = {spatial + 4 * count for count in range(1, 17)}
    assert {length + key_padding(length) for length in lengths} == {spatial + 64}
    assert key_padding(spatial) == 0
    assert key_padding(4095) == 0


@pytest.mark.parametrize("trained", [0, 1, 2], ids=["queries", "keys", "values"])
@pytest.mark.parametrize("keys", [7, 1100], ids=["short", "long"])
def test_attention_has_the_gradients_of_its_plain_form(trained, keys):
    gradients = []
    for attention in (attend, plain_attention):
        tensors = [noise(1, 1000, 1, 4), noise(1, keys, 1, 4, seed=1), noise(1, keys, 1, 3, seed=2)]
        tensors[trained].requires_grad_()
        attention(*tensors).square().sum().backward()
        gradients.append(tensors[trained].grad)
    torch.testing.assert_close(*gradients, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("has_bias", [False, True], ids=["plain", "counted"])
def test_values_made_as_wide_as_keys_change_nothing(has_bias):
    q, k, v = noise(2, 7, 2, 8), noise(2, 9, 2, 8, seed=1), noise(2, 9, 2, 5, seed=2)
    bias = noise(2, 1, 1, 9, seed=3) if has_bias else None
    narrow, widened = (
        kernels._attend_fused(q, k, v, bias, is_widened=is_widened) for is_widened in (False, True)
    )
    assert widened.shape == (2, 7, 2, 5)
    torch.testing.assert_close(widened, narrow)


@pytest.fixture
def nothing_measured(monkeypatch):
    monkeypatch.setattr(kernels, "_TRIED_QUERIES", 16)
    monkeypatch.setattr(kernels, "_TRIED_KEYS", 32)
    kernels._measured_widening.cache_clear()
    yield
    kernels._measured_widening.cache_clear()


@pytest.mark.usefixtures("nothing_measured")
@pytest.mark.parametrize(("seconds", "pays"), [((2.0, 1.0), True), ((1.0, 2.0), False)])
def test_the_faster_width_of_values_is_taken_and_measured_once(monkeypatch, seconds, pays):
    left = list(seconds)
    monkeypatch.setattr(kernels, "_least_seconds", lambda *_: left.pop(0))
    kind = (torch.device("cpu"), torch.float32, 8, 5)
    assert [kernels.widening_pays(*kind, has_bias=False) for _ in range(3)] == [pays] * 3
    assert left == []


@pytest.mark.usefixtures("nothing_measured")
def test_compiled_code_knows_the_faster_width():
    torch.compiler.assume_constant_result(kernels.widening_pays)

    def attention(q, k, v):
        pays = kernels.widening_pays(q.device, q.dtype, q.shape[3], v.shape[3], has_bias=False)
        return kernels._attend_fused(q, k, v, None, is_widened=pays)

    operands = noise(1, 7, 1, 8), noise(1, 9, 1, 8, seed=1), noise(1, 9, 1, 5, seed=2)
    compiled = torch.compile(attention, backend="eager", fullgraph=True, dynamic=False)
    torch.testing.assert_close(compiled(*operands), attention(*operands))
