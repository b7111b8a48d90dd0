"""Where all sources of random numbers stand, as JSON, so that training goes on with the same dice.

Layers draw from torch's own sources, data and prompts from the generators of a training; Python's
and numpy's are kept too, because a user's own code may draw from them.
"""

import base64
import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor


def random_state(generators: Mapping[str, torch.Generator]) -> dict[str, Any]:  # Any: JSON
    """The state of Python, numpy, torch on every device in use, and the given generators.

    >>> before = random_state({})
    >>> drawn = torch.rand(1)
    >>> restore_random_state(before, {})
    >>> bool(torch.rand(1) == drawn)
    True
    """
    version, words, gauss = random.getstate()
    legacy: Any = np.random.get_state(legacy=False)  # noqa: NPY002 - what other code draws from
    legacy["state"]["key"] = legacy["state"]["key"].tolist()
    # Asking for a GPU's state would start the GPU in a training that does without.
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return {
        "python": [version, list(words), gauss],
        "numpy": legacy,
        "torch": _text(torch.get_rng_state()),
        "cuda": [_text(state) for state in gpus],
        "generators": {name: _text(own.get_state()) for name, own in generators.items()},
    }


def restore_random_state(
    saved: Mapping[str, Any], generators: Mapping[str, torch.Generator]
) -> None:
    """Set everything to what `random_state` gave for the same generators.

    What is saved of GPUs that this computer lacks is left out.
    """
    version, words, gauss = saved["python"]
    random.setstate((version, tuple(words), gauss))
    legacy = dict(saved["numpy"])
    legacy["state"] = legacy["state"] | {"key": np.array(legacy["state"]["key"], np.uint32)}
    np.random.set_state(legacy)  # noqa: NPY002 - what other code draws from
    torch.set_rng_state(_tensor(saved["torch"]))
    for number, text in enumerate(saved["cuda"][: torch.cuda.device_count()]):
        torch.cuda.set_rng_state(_tensor(text), number)
    for name, generator in generators.items():
        generator.set_state(_tensor(saved["generators"][name]))


def _text(state: Tensor) -> str:
    return base64.b64encode(state.numpy().tobytes()).decode()


def _tensor(text: str) -> Tensor:
    return torch.frombuffer(bytearray(base64.b64decode(text)), dtype=torch.uint8)
