"""Made-up weights that follow from a seed, a parameter's name and its shape alone.

Whoever follows the same formulas gets the same bits on every platform, so two implementations can be
compared without a pretrained file. A parameter's numbers are drawn from numpy's Philox generator,
whose raw stream is promised never to change: the four 16-bit parts of each 64-bit word are added up,
which is close enough to a normal distribution. How wide it is depends on what the parameter does, so
that activations stay in range, attention is neither flat nor one-hot, and masks have both signs.
"""

import hashlib
import math
import re
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

# Four uniform 16-bit numbers: their mean, and one over their standard deviation.
_MEAN_OF_FOUR = 4 * 65535 // 2
_ONE_OVER_DEVIATION = 1.0 / math.sqrt(4.0 * (65536.0**2 - 1.0) / 12.0)

# What a parameter's name ends in, the mean and the deviation of its numbers.
_LEARNED_VECTORS = (
    (r"positional_encoding_gaussian_matrix$", 0.0, 1.0),
    (r"(^|\.)gamma$", 0.5, 0.1),
    (r"(^|\.)pos_embed(_window)?$", 0.0, 0.4),
    (r"(^|\.)(maskmem_tpos_enc|no_mem_(embed|pos_enc)|no_obj_(ptr|embed_spatial))$", 0.0, 0.7),
    (r"(^|\.)bias$", 0.0, 0.1),
    (r"(point_embeddings\.\d|not_a_point_embed|no_mask_embed)\.weight$", 0.0, 0.8),
    (r"(iou_token|mask_tokens|obj_score_token)\.weight$", 0.0, 0.8),
)
_NORM = (1.0, 0.15)

# Matrices and convolutions: the deviation is the gain over the root of the number of inputs.
_GAINS = (
    (r"trunk\.blocks\.\d+\.(attn\.proj|mlp\.layers\.1)\.weight$", 0.6),
    (r"attn\.qkv\.weight$", 1.3),
    (r"(q_proj|k_proj)\.weight$", 1.6),
    (r"memory_attention\.layers\.\d+\.(self_attn|cross_attn_image)\.out_proj\.weight$", 1.5),
    (r"neck\.convs\.\d+\.conv\.weight$", 0.5),
    (r"output_hypernetworks_mlps\.\d\.layers\.\d\.weight$", 1.4),
    (r"(iou_prediction_head|pred_obj_score_head|obj_ptr_proj)\.layers\.\d\.weight$", 1.4),
    (r"mask_downsampler\.encoder\.\d+\.weight$", 1.4),
)
_TRANSPOSED = r"output_upscaling\.[03]\.weight$"
_BRUSHES = r"output_hypernetworks_mlps\.\d\.layers\.2\.weight$"


def state_dict(
    shapes: Mapping[str, tuple[int, ...]],
    seed: int,
    overrides: Mapping[str, float] | None = None,
) -> dict[str, Tensor]:
    """A float32 tensor for every name of `shapes`, official checkpoint names.

    Args:
        shapes: what the model's `state_dict` holds.
        seed: another seed gives unrelated weights.
        overrides: numbers to add to all elements of some parameters.
    """
    state = {name: parameter(name, shape, seed) for name, shape in shapes.items()}
    for name, delta in (overrides or {}).items():
        state[name] = state[name] + float(delta)
    return state


def parameter(name: str, shape: tuple[int, ...], seed: int) -> Tensor:
    """The numbers of one parameter."""
    mean, deviation = _spread(name, shape)
    values = near_normal(f"{seed}:{name}", math.prod(shape)) * deviation + mean
    values = values.reshape(shape)
    if re.search(_BRUSHES, name):
        # What these vectors multiply leans to the positive; centred, they do not decide its sign.
        values = values - values.mean(axis=0, keepdims=True)
    return torch.from_numpy(values.astype(np.float32))


def near_normal(tag: str, count: int) -> npt.NDArray[np.float64]:
    """`count` numbers of mean 0 and variance 1, never beyond 3.47, that depend on `tag` alone."""
    key = np.frombuffer(hashlib.sha256(tag.encode()).digest()[:16], dtype="<u8")
    words = np.random.Philox(key=key.astype(np.uint64)).random_raw(count)
    parts = np.asarray(words, dtype="<u8").reshape(-1, 1).view("<u2")
    total = parts[:, 0].astype(np.int64)
    for part in range(1, 4):
        total += parts[:, part]
    return (total - _MEAN_OF_FOUR).astype(np.float64) * _ONE_OVER_DEVIATION


def digest(state: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, shapes and float32 bytes, in the order of names."""
    running = hashlib.sha256()
    for name in sorted(state):
        values = state[name].detach().contiguous().numpy()
        running.update(name.encode())
        running.update(repr(tuple(values.shape)).encode())
        running.update(values.astype("<f4").tobytes())
    return running.hexdigest()


def _spread(name: str, shape: tuple[int, ...]) -> tuple[float, float]:
    """The mean and the standard deviation of a parameter's numbers."""
    for pattern, mean, deviation in _LEARNED_VECTORS:
        if re.search(pattern, name):
            return mean, deviation
    if len(shape) == 1:
        return _NORM
    # A transposed convolution keeps its inputs in the first dimension.
    inputs = shape[0] if re.search(_TRANSPOSED, name) else math.prod(shape[1:])
    gain = next((gain for pattern, gain in _GAINS if re.search(pattern, name)), 1.0)
    return 0.0, gain / math.sqrt(inputs)
