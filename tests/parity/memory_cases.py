"""Module fixtures of memory: rotation, memory attention, memory encoder, pointer times."""

import numpy as np
import torch

from masklet.model.memory_attention import Reading
from masklet.model.positions import rotary_table, rotate, sine_grid, sine_times
from masklet.model.sam2 import SAM2
from masklet.model.tensors import FrameFeatures
from tests.keys import placed_keys
from tests.parity import inputs
from tests.parity.cases import (
    CPU,
    Case,
    Outputs,
    Table,
    image_of,
    square,
    tensors_of,
    times_of,
    tokens_of,
)


def _pointer_times(case: Case, model: SAM2) -> Outputs:
    return {"out": model.obj_ptr_tpos_proj(sine_times(times_of(case), model.config.width))}


def _rotary_table(case: Case, model: None) -> Outputs:
    given = case["inputs"]
    cos, sin = rotary_table((given["end_y"], given["end_x"]), given["dim"], CPU)
    return {"cos": cos, "sin": sin}


def _rotate(case: Case, model: None) -> Outputs:
    side = case["inputs"]["side"]
    tensors = tensors_of(case)
    table = rotary_table((side, side), 256, CPU)
    q, k = tensors["rope_q"], tensors["rope_k"]
    return {"q": rotate(q[0], table)[None], "k": rotate(k[0], table)[None]}


def _rotary_self_attention(case: Case, model: SAM2) -> Outputs:
    q = tensors_of(case)["ra_q"]
    attention = model.memory_attention.get_submodule("layers.0.self_attn")
    table = rotary_table(square(q.shape[1]), 256, CPU)
    reading = Reading(q, q, unturned=0, padding=0, table=table, bias_BS=None)
    return {"out": attention(attention.queries(q, table), reading)}


def _rotary_cross_attention(case: Case, model: SAM2) -> Outputs:
    q, k, v = tensors_of(case).values()
    table = rotary_table(square(q.shape[1]), 256, CPU)
    unturned = case["inputs"]["num_k_exclude_rope"]
    attention = model.memory_attention.get_submodule("layers.0.cross_attn_image")
    reading = Reading(v, k, unturned, padding=0, table=table, bias_BS=None)
    return {"out": attention(attention.queries(q, table), reading)}


def _memory_attention(case: Case, model: SAM2) -> Outputs:
    frame, positions, memory, memory_positions = (
        x.transpose(0, 1) for x in tensors_of(case).values()
    )
    places = memory.shape[1] - case["inputs"]["num_obj_ptr_tokens"]
    conditioned = model.memory_attention(
        frame,
        placed_keys(memory[:, :places], memory_positions[:, :places]),
        (memory[:, places:], memory_positions[:, places:]),
        grid=square(frame.shape[1]),
        frame_positions=positions,
    )
    return {"out": conditioned.transpose(0, 1)}


def _memory_encoder(case: Case, model: SAM2) -> Outputs:
    (pixels,) = tensors_of(case).values()
    grid = (pixels.shape[2], pixels.shape[3])
    blobs = [inputs.blob_mask(16 * grid[0], 16 * grid[1], seed) for seed in (11, 12)]
    mask = torch.from_numpy(np.stack(blobs)).float() * 20 - 10
    encoder = model.memory_encoder
    positions = sine_grid(grid, model.config.memory.width, CPU).expand(len(pixels), -1, -1)
    return {
        "features": image_of(encoder(tokens_of(pixels), mask, grid=grid), grid),
        "pos": image_of(positions, grid),
        "mask_downsampler": image_of(encoder.mask_downsampler(mask), grid),
    }


def _fuser(case: Case, model: SAM2) -> Outputs:
    x = tensors_of(case)["fuser_x"]
    grid = (x.shape[2], x.shape[3])
    return {"out": image_of(model.memory_encoder.fuser(tokens_of(x), grid), grid)}


def _encode_memory(case: Case, model: SAM2) -> Outputs:
    tensors = tensors_of(case)
    embedding = tensors["enm_feat"].transpose(0, 1)
    grid = square(embedding.shape[1])
    features = FrameFeatures(
        embedding_FLC=embedding,
        eighth_FL4c=torch.empty(0),
        quarter_FL16c=torch.empty(0),
        grid=grid,
    )
    memory = model.encode_memory(
        features,
        tensors["enm_mask"][:, 0],
        torch.tensor([case["inputs"]["score"]]),
        binarize=case["inputs"]["from_points"],
    )
    return {"features": image_of(memory, grid)}


FUNCTIONS: Table = (
    (r"obj_ptr_tpos_proj", _pointer_times),
    (r"rope_table_.*", _rotary_table),
    (r"rope_apply", _rotate),
    (r"rope_self_attn", _rotary_self_attention),
    (r"rope_cross_attn", _rotary_cross_attention),
    (r"memory_attention_.", _memory_attention),
    (r"memory_encoder_.*", _memory_encoder),
    (r"memory_fuser", _fuser),
    (r"encode_memory_.*", _encode_memory),
)
