"""The released networks with random weights: as fast as the trained ones, without a download."""

import torch

from masklet.errors import CheckpointError
from masklet.model.config import VARIANTS
from masklet.model.sam2 import SAM2
from masklet.weights.load import made_ready


def untrained(
    name: str,
    *,
    device: str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    compile: bool = False,
) -> SAM2:
    """A released network that has learned nothing, the same numbers every time, to measure speed.

    Args:
        name: of a released model, as `masklet models list` has it.
        device: as for `load`.
        dtype: as for `load`.
        compile: as for `load`.

    Raises:
        CheckpointError: no network is called so, or the device or the dtype cannot be used.

    >>> untrained("sam2.1-hiera-tiny", device="cpu").config.image_size
    1024
    """
    if name not in VARIANTS:
        raise CheckpointError(
            f"no network without training is called {name!r}; expected {', '.join(VARIANTS)}. "
            "Choose one of them."
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = SAM2(VARIANTS[name]).eval()
    return made_ready(model, device=device, dtype=dtype, compile=compile)
