"""Weights of a training as a model that anybody loads."""

from contextlib import nullcontext
from pathlib import Path

import torch

from masklet.errors import TrainingError
from masklet.model.sam2 import SAM2
from masklet.train.ema import Average
from masklet.train.lora import plain_tensors
from masklet.weights.save import save_safetensors


def export_weights(
    model: SAM2,
    path: str | Path,
    *,
    average: Average | None = None,
    dtype: torch.dtype = torch.float16,
    name: str = "",
    licence: str = "",
) -> None:
    """Write the weights, with adapters merged, under the official names for `masklet.load`.

    Args:
        model: that trains; it is unchanged afterwards.
        path: what to write; a file that is there is replaced.
        average: of the model, whose weights are written in place of the latest.
        dtype: of the file; half the bytes of float32 lose nothing that can be measured.
        name: of the model; empty for one without a name.
        licence: of a named model's weights, an SPDX name.

    Raises:
        TrainingError: a weight is too large for `dtype`, or no number at all.
        OutputError: the file cannot be written; one that was there before is untouched.

    >>> import masklet, tempfile
    >>> path = Path(tempfile.mkdtemp()) / "small.safetensors"
    >>> export_weights(masklet.load(), path)
    >>> masklet.load(path).config == masklet.load().config
    True
    """
    with nullcontext() if average is None else average.swapped(model):
        tensors = {name: t.to("cpu", dtype, copy=True) for name, t in plain_tensors(model).items()}
    for weight, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise TrainingError(
                f"{weight} holds numbers that are not finite in {str(dtype).removeprefix('torch.')}; "
                "expected weights that fit. Export bfloat16 or float32, or weights of an earlier "
                "step if they are not finite there either."
            )
    with torch.device("meta"):
        plain = SAM2(model.config)
    plain.load_state_dict(tensors, assign=True)
    save_safetensors(plain, path, name=name, licence=licence)
