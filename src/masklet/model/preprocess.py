"""From pixels to what the network sees, and prompt pixels to pixels of its input.

SAM 2 stretches every picture to a square (the aspect ratio is not kept) and normalises it with
ImageNet's statistics. Shapes: H W the picture, S S the network's input.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from masklet.errors import ImageError
from masklet.ops.resize import resize_image

_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


def preprocess_image(
    image_HW3: npt.NDArray[np.uint8], size: tuple[int, int], device: torch.device
) -> Tensor:
    """A uint8 RGB picture, resized to `size` and normalised: `(1, 3, *size)` float32."""
    # Torch shares memory with an array and warns of one that it may not write to.
    pixels = torch.from_numpy(np.require(image_HW3, requirements=["C", "W"]))
    if device.type == "cuda":
        # From pinned memory it is copied while the program goes on.
        pixels = pixels.pin_memory().to(device, non_blocking=True)
    pixels = pixels.to(device)
    return normalize(resize_image(pixels.permute(2, 0, 1)[None].float() / 255.0, size))


def checked_input_size(size: int | tuple[int, int] | None, default: int) -> tuple[int, int]:
    """`(height, width)` of the network's input; a number is the side of a square.

    Raises:
        ImageError: a side is no multiple of 32.
    """
    if size is None:
        size = default
    height, width = (size, size) if isinstance(size, int) else size
    if height < 32 or width < 32 or height % 32 or width % 32:
        raise ImageError(
            f"the network's input size is {height} x {width}; expected multiples of 32, "
            f"for example {default}."
        )
    return height, width


def normalize(images_F3SS: Tensor) -> Tensor:
    """0..1 to the trunk's range."""
    mean = images_F3SS.new_tensor(_MEAN)[:, None, None]
    std = images_F3SS.new_tensor(_STD)[:, None, None]
    return (images_F3SS - mean) / std


def to_input_pixels(
    points: Tensor, image_size: tuple[int, int], input_size: tuple[int, int]
) -> Tensor:
    """Points `(..., 2)` from pixels of the picture to pixels of the network's input."""
    height, width = image_size
    return (
        points.float()
        / points.new_tensor([width, height], dtype=torch.float32)
        * points.new_tensor([input_size[1], input_size[0]], dtype=torch.float32)
    )
