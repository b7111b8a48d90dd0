"""The floor: operations as sums by hand have them, of the steady state, and a rate that was measured."""

import math

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from masklet.eval.bench.floor import flops_of, frame_flops
from masklet.eval.bench.product_rate import product_rate
from masklet.eval.bench.steady import steady_tracker
from masklet.model.kernels import attend, linear
from masklet.model.layers import Linear
from masklet.model.sam2 import SAM2
from masklet.tracking.tracker import Tracker
from masklet.types import Prompt
from tests.tiny import tiny_config, tiny_model

CPU = torch.device("cpu")
FRAME = np.zeros((48, 64, 3), np.uint8)


@pytest.fixture(scope="module")
def model():
    """Without numbers."""
    with torch.device("meta"):
        return SAM2(tiny_config()).eval().requires_grad_(requires_grad=False)


def product(left, right):
    """The one of the network."""
    return linear(left, right, None)


def meta(*shape):
    return torch.empty(shape, device="meta")


def test_a_linear_map_takes_two_operations_for_every_weight_and_token():
    layer = Linear(48, 20, device="meta")
    assert flops_of(lambda: layer(meta(3, 7, 48), "gelu")) == 2 * (3 * 7) * 48 * 20


@pytest.mark.parametrize("values", [16, 4], ids=["values as wide as keys", "narrow values"])
def test_attention_takes_a_product_for_scores_and_one_for_values(values):
    batch, queries, keys, heads, width = 2, 30, 50, 3, 16
    q, k = meta(batch, queries, heads, width), meta(batch, keys, heads, width)
    v = meta(batch, keys, heads, values)
    scores = 2 * batch * heads * queries * keys * width
    weighted = 2 * batch * heads * queries * keys * values
    assert flops_of(lambda: attend(q, k, v)) == scores + weighted


def test_a_frame_takes_what_its_image_takes_and_as_much_more_for_every_object(model):
    image = flops_of(lambda: model.encode_image(meta(1, 3, 64, 64)))
    one, two, three, four = (frame_flops(model, size=64, objects=n) for n in (1, 2, 3, 4))
    # One row is decoded as rows that share their image are, which takes a little less.
    assert 0 < image < one < two
    assert four - three == three - two
    assert three - two < one


def test_the_frame_that_is_counted_reads_all_memories(model):
    young = Tracker(model)
    young.step(FRAME, {1: Prompt.point(20, 20)})
    young.step(FRAME)
    steady = steady_tracker(model, [FRAME], size=64, objects=1)
    counted = flops_of(lambda: steady.step(FRAME))
    assert counted == frame_flops(model, size=64, objects=1)
    # Five more spatial memories, of 16 tokens each: at least their part in scores and values.
    config = model.config
    tokens, layers = 16, config.memory.layers
    read = 2 * layers * tokens * (5 * tokens) * (config.width + config.memory.width)
    assert counted - flops_of(lambda: young.step(FRAME)) >= read


def test_what_a_processor_computes_is_what_was_counted(model):
    real = tiny_model().requires_grad_(requires_grad=False)
    tracker = steady_tracker(real, [FRAME], size=64, objects=2)
    formulas = {}
    if hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        formulas[torch.ops.mkldnn._linear_pointwise] = _of_linear
    with (
        sdpa_kernel(SDPBackend.MATH),
        FlopCounterMode(display=False, custom_mapping=formulas) as counter,
    ):
        tracker.step(FRAME)
    # Tables of positions are kept on a processor, on the meta device they are made again.
    counted = frame_flops(model, size=64, objects=2)
    assert counter.get_total_flops() == pytest.approx(counted, rel=1e-2)


def _of_linear(x_shape, weight_shape, *_, **__):
    """Two for every weight and token."""
    return 2 * math.prod(x_shape) * weight_shape[0]


def test_smaller_memories_take_less(model):
    full, pooled, foveated = (
        frame_flops(model, size=256, objects=1, memories=form)
        for form in ("full", "pooled", "foveated")
    )
    assert foveated < pooled < full


def test_a_larger_input_takes_more(model):
    small, large = (frame_flops(model, size=side, objects=1) for side in (128, 256))
    assert large > 4 * small


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_the_rate_is_one_that_a_processor_can_have(dtype):
    assert 1e7 < product_rate(product, CPU, dtype) < 1e15


def test_the_rate_is_that_of_the_product_which_is_given():
    def four_times(left, right):
        for _ in range(4):
            product(left, right)

    once, slower = (product_rate(each, CPU, torch.float32) for each in (product, four_times))
    # A quarter of it, on a computer that does nothing else.
    assert slower < once


def test_matrices_have_the_dtype_that_is_asked_for():
    seen = []
    product_rate(lambda left, right: seen.append((left.dtype, right.shape)), CPU, torch.bfloat16)
    assert set(seen) == {(torch.bfloat16, (1024, 1024))}


@pytest.mark.gpu
def test_half_precision_is_faster_on_cuda():
    device = torch.device("cuda")
    narrow, wide = (product_rate(product, device, d) for d in (torch.bfloat16, torch.float32))
    assert narrow > 2 * wide
