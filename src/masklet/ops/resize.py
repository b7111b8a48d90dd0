"""Resize pictures and mask logits, in the three ways that SAM 2 resizes them.

The reference resizes the same picture differently on each of its paths, and the features differ
with it. `resize_image` is the default everywhere; the others are named for the path they belong to.

Shapes: F images, N masks, H W their sizes.
"""

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor


def resize_image(images_F3HW: Tensor, size: tuple[int, int]) -> Tensor:
    """Antialiased bilinear on float tensors, `(F, 3, *size)`: the reference's image predictor."""
    if images_F3HW.shape[-2:] == size:
        return images_F3HW
    return F.interpolate(
        images_F3HW, size=size, mode="bilinear", align_corners=False, antialias=True
    )


def resize_frame_pil(frame_HW3: npt.NDArray[np.uint8], size: tuple[int, int]) -> Tensor:
    """Pillow's bicubic on 8-bit pixels, then 0..1, `(3, *size)`: the reference's JPEG folders."""
    height, width = size
    resized = np.asarray(Image.fromarray(frame_HW3).resize((width, height)))
    # Divided in float64 and then rounded, as the reference does; float32 differs in the last bit.
    return torch.from_numpy(resized / 255.0).permute(2, 0, 1).float()


def resize_logits(logits_Nhw: Tensor, size: tuple[int, int]) -> Tensor:
    """Plain bilinear, `(N, *size)` float32: how mask logits grow to the size of the image."""
    if logits_Nhw.shape[-2:] == size:
        return logits_Nhw.float()
    return F.interpolate(
        logits_Nhw.float()[:, None], size=size, mode="bilinear", align_corners=False
    )[:, 0]


def resize_mask(masks_NHW: Tensor, size: tuple[int, int]) -> Tensor:
    """Antialiased bilinear on 0..1 masks, `(N, *size)` float32: how mask prompts shrink."""
    if masks_NHW.shape[-2:] == size:
        return masks_NHW.float()
    return F.interpolate(
        masks_NHW.float()[:, None], size=size, mode="bilinear", align_corners=False, antialias=True
    )[:, 0]
