"""The processes that train one model together, as torchrun starts them; one alone is a crew too.

Every process draws the same plans and its own batches, and all take the same steps, because the mean
gradient of all is what each of them gets. Gradients are averaged once a step, after the last backward
pass: what torch's wrapper wins by averaging meanwhile is little beside clips that are unrolled, and
parts that a step does not use need no search.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn

from masklet.errors import TrainingError

_VARIABLES = ("RANK", "LOCAL_RANK", "WORLD_SIZE")
# Numbers that are sent at once: a copy of them is needed meanwhile.
_BUCKET = 1 << 25


@dataclass(frozen=True, slots=True)
class Crew:
    """One process among those that train together.

    >>> Crew(torch.device("cpu")).mean(torch.tensor(3.0))
    tensor(3.)
    """

    device: torch.device
    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and talks."""
        return self.rank == 0

    def mean(self, values: Tensor) -> Tensor:
        """The mean over all processes of float values, which stay on the device."""
        if self.size == 1:
            return values
        total = values.detach().clone()
        distributed.all_reduce(total)
        return total / self.size

    def first_says(self, values: Sequence[float]) -> list[float]:
        """What the first process gave; all give as many."""
        if self.size == 1:
            return list(values)
        said = torch.tensor(values, dtype=torch.float64, device=self.device)
        distributed.broadcast(said, src=0)
        told: list[float] = said.tolist()
        return told

    def wait(self) -> None:
        """Go on when all processes are here."""
        if self.size > 1:
            distributed.barrier()

    def begin_alike(self, tensors: Iterable[Tensor]) -> None:
        """Give all processes the numbers of the first one; all have tensors of the same sizes."""
        if self.size == 1:
            return
        with torch.no_grad():
            for tensor in tensors:
                distributed.broadcast(tensor, src=0)

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Give all processes the mean of their gradients.

        What no process used keeps its gradient at `None`, so that nothing decays that is not learned:
        pictures alone do not use the memory.
        """
        if self.size == 1:
            return
        used = torch.tensor([float(each.grad is not None) for each in parameters])
        used = used.to(self.device)
        distributed.all_reduce(used, distributed.ReduceOp.MAX)
        learning = [
            each for each, is_used in zip(parameters, used.tolist(), strict=True) if is_used
        ]
        for parameter in learning:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        for gradients in _buckets([each.grad for each in learning if each.grad is not None]):
            flat = torch.cat([gradient.reshape(-1).float() for gradient in gradients])
            distributed.all_reduce(flat)
            flat /= self.size
            pieces = flat.split([gradient.numel() for gradient in gradients])
            for gradient, piece in zip(gradients, pieces, strict=True):
                gradient.copy_(piece.view(gradient.shape))


@contextmanager
def joined_crew(device: torch.device) -> Iterator[Crew]:
    """The crew that torchrun started, or this process alone; on GPUs each process has its own.

    Args:
        device: what kind; "cuda" without a number is the GPU of this process.

    Raises:
        TrainingError: only some of the variables are there that torchrun sets, or there are fewer
            GPUs than processes on this computer.
    """
    known = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
    if not known:
        yield Crew(device)
        return
    if len(known) < len(_VARIABLES):
        raise TrainingError(
            f"of {', '.join(_VARIABLES)} only {', '.join(known)} is set; expected all of them, as "
            "torchrun sets them, or none. Start the processes with torchrun, or unset them."
        )
    rank, local, size = (int(known[name]) for name in _VARIABLES)
    place = _place_of(device, local)
    if place.type == "cuda":
        torch.cuda.set_device(place)
    distributed.init_process_group("nccl" if place.type == "cuda" else "gloo")
    try:
        yield Crew(place, rank, size)
    finally:
        distributed.destroy_process_group()


def _place_of(device: torch.device, local: int) -> torch.device:
    if device.type != "cuda":
        return device
    if local >= torch.cuda.device_count():
        raise TrainingError(
            f"process {local} of this computer has no GPU: there are {torch.cuda.device_count()}; "
            "expected one per process. Start torchrun with a smaller --nproc-per-node."
        )
    return torch.device("cuda", local)


def _buckets(tensors: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """The tensors in groups of not too many numbers, in their order."""
    bucket: list[Tensor] = []
    for tensor in tensors:
        if bucket and sum(each.numel() for each in bucket) + tensor.numel() > _BUCKET:
            yield bucket
            bucket = []
        bucket.append(tensor)
    if bucket:
        yield bucket
