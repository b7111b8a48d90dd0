"""Reading memories without projecting them first equals reading their projections."""

import pytest
import torch
import torch.nn.functional as F

from masklet.model import kernels
from masklet.model.config import MemoryConfig, Version
from masklet.model.memory_attention import MemoryAttention
from masklet.model.positions import rotary_table, rotate, sine_grid
from tests.keys import placed_keys
from tests.tiny import noise, with_weights

GRID = (3, 4)
WIDTH, MEMORY_WIDTH = 32, 8
CPU = torch.device("cpu")


MEMORY = MemoryConfig(version=Version.V2_1, width=MEMORY_WIDTH, layers=2)
LIGHT = MemoryConfig(
    version=Version.V2_1, width=MEMORY_WIDTH, layers=2, attention_width=16, expansion=2
)


def attention(memory=MEMORY):
    return with_weights(MemoryAttention(WIDTH, memory).eval(), prefix="memory_attention.")


def plain_attention(layer, q, k, v, unturned=0):
    q, k, v = (
        F.linear(x, projection.weight, projection.bias)
        for x, projection in ((q, layer.q_proj), (k, layer.k_proj), (v, layer.v_proj))
    )
    channels = q.shape[-1]
    table = rotary_table(GRID, channels, CPU)
    places = k.shape[1] - unturned
    k = torch.cat([rotate(k[:, :places], table), k[:, places:]], dim=1)
    scores = rotate(q, table) @ k.transpose(1, 2) / channels**0.5
    return F.linear(scores.softmax(dim=-1) @ v, layer.out_proj.weight, layer.out_proj.bias)


def plain(model, frame, memory, positions, pointers, frame_positions):
    x = (frame + 0.1 * frame_positions).expand(len(memory), -1, -1)
    for layer in model.layers:
        normed = layer.norm1(x)
        x = x + plain_attention(layer.self_attn, normed, normed, normed)
        x = x + plain_attention(
            layer.cross_attn_image, layer.norm2(x), memory + positions, memory, pointers
        )
        hidden = F.relu(F.linear(layer.norm3(x), layer.linear1.weight, layer.linear1.bias))
        x = x + F.linear(hidden, layer.linear2.weight, layer.linear2.bias)
    return model.norm(x)


def arguments(rows=3, frames=1, memories=2, pointers=4):
    tokens = memories * 12 + pointers
    return {
        "frame": noise(frames, 12, WIDTH),
        "memory": noise(rows, tokens, MEMORY_WIDTH, seed=1),
        "positions": noise(rows, tokens, MEMORY_WIDTH, seed=2),
        "pointers": pointers,
    }


def read(model, frame, memory, positions, pointers, frame_positions=None):
    places = memory.shape[1] - pointers
    return model(
        frame,
        placed_keys(memory[:, :places], positions[:, :places]),
        (memory[:, places:], positions[:, places:]),
        grid=GRID,
        frame_positions=frame_positions,
    )


@pytest.mark.parametrize("frames", [1, 3], ids=["one frame for all rows", "a frame per row"])
@pytest.mark.parametrize(
    ("memories", "pointers"), [(1, 0), (2, 4), (0, 8)], ids=["no pointer", "both", "only pointers"]
)
@pytest.mark.parametrize("memory", [MEMORY, LIGHT], ids=["as SAM 2", "light"])
def test_conditioning_equals_its_plain_form(frames, memories, pointers, memory):
    model, given = attention(memory), arguments(3, frames, memories, pointers)
    with torch.no_grad():
        ours = read(model, **given)
        expected = plain(model, **given, frame_positions=sine_grid(GRID, WIDTH, CPU))
    assert ours.shape == (3, 12, WIDTH)
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("tiled_from", [1, 10**9], ids=["tiles", "whole"])
def test_long_memories_are_padded_and_read_as_they_are(monkeypatch, tiled_from):
    monkeypatch.setattr(kernels, "_PADDED_FROM", 20)
    monkeypatch.setattr(kernels, "_TILED_FROM", tiled_from)
    model, given = attention(), arguments(3, memories=2, pointers=4)
    with torch.no_grad():
        ours = read(model, **given)
        expected = plain(model, **given, frame_positions=sine_grid(GRID, WIDTH, CPU))
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("shape", [(12, WIDTH), (3, 12, WIDTH)], ids=["shared", "per row"])
def test_positions_of_the_frame_can_be_given(shape):
    model, given, positions = attention(), arguments(), noise(*shape, seed=5)
    with torch.no_grad():
        ours = read(model, **given, frame_positions=positions)
        expected = plain(model, **given, frame_positions=positions)
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("frames", [1, 3], ids=["one frame for all rows", "a frame per row"])
def test_conditioning_has_the_gradients_of_its_plain_form(frames):
    gradients = []
    for forward in (read, plain):
        model = attention().train()
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        given = arguments(3, frames)
        tensors = [value for value in given.values() if isinstance(value, torch.Tensor)]
        for tensor in tensors:
            tensor.requires_grad_()
        result = forward(model, **given, frame_positions=sine_grid(GRID, WIDTH, CPU))
        (result * noise(3, 12, WIDTH, seed=6)).sum().backward()
        inputs = {f"input {n}": x.grad for n, x in enumerate(tensors)}
        gradients.append({**inputs, **{name: p.grad for name, p in model.named_parameters()}})
    ours, expected = gradients
    assert all(gradient is not None for gradient in ours.values())
    for name, gradient in expected.items():
        torch.testing.assert_close(ours[name], gradient, atol=1e-3, rtol=1e-3, msg=name)


def test_rows_do_not_see_each_others_memories():
    model, given = attention(), arguments()
    alone = {name: x[1:2] if name in ("memory", "positions") else x for name, x in given.items()}
    with torch.no_grad():
        torch.testing.assert_close(
            read(model, **given)[1:2], read(model, **alone), atol=1e-5, rtol=1e-4
        )


def test_memories_and_keys_of_the_caller_are_left_alone():
    model, given = attention(), arguments()
    before = {name: x.clone() for name, x in given.items() if isinstance(x, torch.Tensor)}
    with torch.no_grad():
        read(model, **given)
    assert all(torch.equal(given[name], x) for name, x in before.items())


def test_pointers_do_not_turn_and_memories_do():
    model, given = attention(), arguments(memories=2, pointers=0)
    as_pointers = {**given, "pointers": 12}
    with torch.no_grad():
        difference = read(model, **given) - read(model, **as_pointers)
    assert difference.abs().max() > 1e-3


def test_dropout_acts_in_training_alone():
    model, given = attention(), arguments()
    with torch.no_grad():
        assert torch.equal(read(model, **given), read(model, **given))
        model.train()
        assert not torch.equal(read(model, **given), read(model, **given))
