"""Tell models apart by their parameters."""

import zlib

from torch import nn


def fingerprint(model: nn.Module) -> str:
    """A checksum that tells models apart, over up to 4,096 values of every parameter."""
    check = 0
    for name, value in model.state_dict().items():
        every = max(value.numel() // 4096, 1)
        sample = value.flatten()[::every].float().cpu().numpy()
        check = zlib.crc32(sample.tobytes(), zlib.crc32(name.encode(), check))
    return f"{check:08x}"
