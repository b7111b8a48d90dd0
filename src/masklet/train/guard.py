"""Stops a training whose numbers are no numbers any more, with the batch that did it saved."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import torch
from torch import Tensor

from masklet.data.batches import ClipBatch
from masklet.errors import OutputError, TrainingError
from masklet.train.tensor_files import write_tensors


def require_finite(
    numbers: Mapping[str, Tensor], batch: ClipBatch, *, step: int, folder: Path
) -> None:
    """Raise unless all numbers of a step are finite; reads them from the device once.

    Call it after the gradients are there and before the optimisers take them: the weights are
    still good then, and so is the last checkpoint.

    Args:
        numbers: single values by what they are, such as the loss and the norm of the gradients.
        batch: that the step was made of.
        step: that is being made.
        folder: where the batch is saved as `bad-batch-<step>.safetensors`; it exists.

    Raises:
        TrainingError: a number is infinite or not a number.

    >>> frames, masks = torch.zeros(1, 3, 32, 32), torch.zeros(1, 1, 32, 32, dtype=torch.bool)
    >>> known, rows = torch.ones(1, 1, dtype=torch.bool), torch.zeros(1, 1, dtype=torch.int64)
    >>> batch = ClipBatch(frames, masks, known, rows, names=("picture",))
    >>> require_finite({"loss": torch.tensor(0.5)}, batch, step=1, folder=Path())
    """
    values = torch.stack([number.detach().float() for number in numbers.values()])
    if values.isfinite().all():
        return
    told = ", ".join(
        f"{name} {value:.6g}" for name, value in zip(numbers, values.tolist(), strict=True)
    )
    path = folder / f"bad-batch-{step:09d}.safetensors"
    try:
        write_tensors(path, _tensors(batch), {"step": step, "names": batch.names, "numbers": told})
        where = f"The batch is saved in {path}"
    except OutputError as error:
        # What stopped the training is told first.
        where = f"The batch could not be saved ({error})"
    listed = ", ".join(batch.names[:4])
    if len(batch.names) > 4:
        listed += f" and {len(batch.names) - 4} more"
    raise TrainingError(
        f"training cannot go on at step {step}: {told}, with {listed}; expected finite numbers. "
        f"{where}; look at it, then go on from the last checkpoint with a lower learning rate, a "
        "longer warm-up or without this item."
    )


def _tensors(batch: ClipBatch) -> dict[str, Tensor]:
    values = {field.name: getattr(batch, field.name) for field in fields(batch)}
    return {name: value for name, value in values.items() if isinstance(value, Tensor)}
