"""A frame on which nothing happens is a fixed program of tensor operations, as CUDA graphs want it.

Each verb is traced into a list of operations, with one frame's numbers, and replayed with another's.
"""

from dataclasses import fields, is_dataclass

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils import _pytree as tree

from masklet.model.positions import LearnedTable, rotary_table, sine_grid
from masklet.model.sam2 import SAM2
from masklet.model.tensors import FrameFeatures, MemoryReadout, PromptTensors
from masklet.model.trunks.hiera import window_places
from tests.tiny import noise, tiny_config, tiny_light_config, with_weights

ROWS, MEMORIES, POINTERS, TOKENS = 2, 7, 16, 16
# What reads a number on the host, or gives as many as there happen to be.
HOST_READS = ("aten._local_scalar_dense", "aten.item", "aten.nonzero", "aten.masked_select")


@pytest.fixture(
    scope="module",
    params=[tiny_config(), tiny_light_config()],
    ids=["as SAM 2", "as our small model"],
)
def model(request):
    return with_weights(SAM2(request.param).eval()).requires_grad_(False)


def features(model, seed):
    with torch.no_grad():
        return model.encode_image(noise(1, 3, 64, 64, seed=seed))


def readout(seed):
    return MemoryReadout(
        spatial_BNLD=noise(ROWS, MEMORIES, TOKENS, 8, seed=seed),
        slots_BN=torch.arange(MEMORIES).expand(ROWS, -1).contiguous(),
        pointers_BKC=noise(ROWS, POINTERS, 32, seed=seed + 1),
        times_BK=noise(ROWS, POINTERS, seed=seed + 2).abs(),
    )


def encode(model, seed):
    return lambda image: tensors(model.encode_image(image)), (noise(1, 3, 64, 64, seed=seed),)


def condition(model, seed):
    seen, remembered = tensors(features(model, seed)), tensors(readout(seed))

    def work(*given):
        frame = FrameFeatures(*given[: len(seen)], grid=(4, 4))
        return model.condition(frame, MemoryReadout(*given[len(seen) :]))

    return work, (*seen, *remembered)


def decode(model, seed):
    seen = tensors(features(model, seed))
    labels = torch.full((ROWS, 1), -1, dtype=torch.int64)

    def work(embedding, points, labels, *given):
        frame = FrameFeatures(*given, grid=(4, 4))
        return tensors(model.decode(embedding, frame, PromptTensors(points, labels)))

    embedding = noise(ROWS, TOKENS, 32, seed=seed)
    return work, (embedding, torch.zeros(ROWS, 1, 2), labels, *seen)


def remember(model, seed):
    seen = tensors(features(model, seed))

    def work(logits, score, *given):
        frame = FrameFeatures(*given, grid=(4, 4))
        return model.encode_memory(frame, logits, score, binarize=False)

    return work, (noise(ROWS, 64, 64, seed=seed, scale=9.0), noise(ROWS, seed=seed), *seen)


def tensors(record):
    """The tensors of a record, in the order of its fields."""
    assert is_dataclass(record)
    values = (getattr(record, field.name) for field in fields(record))
    return tuple(value for value in values if isinstance(value, torch.Tensor))


def known(model):
    """What may be part of the program beside its arguments: weights and tables of positions."""
    cpu = torch.device("cpu")
    # Tables that are made of weights are kept on CPUs alone.
    learned = [module._kept[2] for module in learned_tables(model) if module._kept]
    tables = [sine_grid((4, 4), width, cpu) for width in (8, 32)]
    for width in (16, 32):
        tables += rotary_table((4, 4), width, cpu)
    for grid in ((16, 16), (8, 8), (4, 4), (2, 2)):
        for window in (7, 8, 4, 14):
            parts = tree.tree_leaves(window_places(grid, window, cpu))
            tables += [part for part in parts if isinstance(part, torch.Tensor)]
    return {value.data_ptr() for value in (*model.state_dict().values(), *tables, *learned)}


def learned_tables(model):
    parts = [value for module in model.modules() for value in vars(module).values()]
    return [part for part in parts if isinstance(part, LearnedTable)]


@pytest.fixture(scope="module", params=[encode, condition, decode, remember])
def traced(request, model):
    """A verb as a program of operations, and the verb with other numbers to be asked about."""
    work, given = request.param(model, seed=0)
    with torch.no_grad():
        # Tables that depend on sizes alone are made when they are first wanted.
        work(*given)
        program = make_fx(work, tracing_mode="real")(*given)
    return program, *request.param(model, seed=7)


def test_a_verb_is_a_fixed_program_of_tensor_operations(traced):
    program, work, given = traced
    with torch.no_grad():
        replayed, expected = program(*given), work(*given)
    for ours, theirs in zip(tree.tree_leaves(replayed), tree.tree_leaves(expected), strict=True):
        torch.testing.assert_close(ours, theirs)
    names = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    assert names
    assert not [name for name in names if name.startswith(HOST_READS)]


def test_a_verb_brings_no_numbers_from_the_host(model, traced):
    """A number that Python makes would be copied from the host, which a graph cannot repeat."""
    program, _, _ = traced
    constants = {
        node.target: getattr(program, node.target)
        for node in program.graph.nodes
        if node.op == "get_attr"
    }
    ours = known(model)
    strangers = [tuple(x.shape) for x in constants.values() if x.data_ptr() not in ours]
    assert constants
    assert strangers == []
