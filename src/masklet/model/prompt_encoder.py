"""Points, boxes and masks as embeddings.

Shapes as in `tensors`; a box is two points, its corners, with labels 2 and 3.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from masklet.model.layers import LayerNorm, PointwiseConv
from masklet.model.positions import FourierPositions


class PromptEncoder(nn.Module):
    """Sparse embeddings for points, a dense one for a mask."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.pe_layer = FourierPositions(width)
        # One embedding per label: beside, on, top left, bottom right.
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, width) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, width)
        self.no_mask_embed = nn.Embedding(1, width)
        # Two convolutions of stride 2 and a projection; index and place are the checkpoint's.
        self.mask_downscaling = nn.ModuleList(
            [
                nn.Conv2d(1, 4, kernel_size=2, stride=2),
                LayerNorm(4, eps=1e-6),
                nn.GELU(),
                nn.Conv2d(4, 16, kernel_size=2, stride=2),
                LayerNorm(16, eps=1e-6),
                nn.GELU(),
                PointwiseConv(16, width),
            ]
        )

    def embed_points(self, points_BP2: Tensor, labels_BP: Tensor, size: tuple[int, int]) -> Tensor:
        """Points in pixels of an image of `size` to `(B, P, C)`; label -1 has no position."""
        height, width = size
        # Pixel centres lie half a pixel in. Each axis for itself: a tensor of both sides would be
        # copied to the device for every answer.
        x_BP, y_BP = (points_BP2.float() + 0.5).unbind(dim=-1)
        positions = self.pe_layer(torch.stack([x_BP / width, y_BP / height], dim=-1))
        kinds = torch.cat(
            [self.not_a_point_embed.weight, *(k for k in self.point_embeddings.parameters())]
        )
        is_point = (labels_BP >= 0).to(positions.dtype)[..., None]
        embedded: Tensor = positions * is_point + kinds[labels_BP + 1]
        return embedded

    def embed_prompts(self, points_BP2: Tensor, labels_BP: Tensor, size: tuple[int, int]) -> Tensor:
        """`embed_points` and, after them, one padding point (parity 10): `(B, P + 1, C)`.

        Rows without any point get no padding either: `(B, 0, C)`.
        """
        if points_BP2.shape[1] == 0:
            return points_BP2.new_zeros((len(points_BP2), 0, self.no_mask_embed.embedding_dim))
        points = F.pad(points_BP2, (0, 0, 0, 1))
        return self.embed_points(points, F.pad(labels_BP, (0, 1), value=-1), size)

    def embed_mask(self, mask_Bhw: Tensor) -> Tensor:
        """Mask logits at a quarter of the image's size to `(B, L, C)`."""
        first, norm1, _, second, norm2, _, last = self.mask_downscaling
        x = first(mask_Bhw[:, None].float()).permute(0, 2, 3, 1)
        x = F.gelu(norm1(x)).permute(0, 3, 1, 2)
        x = F.gelu(norm2(second(x).permute(0, 2, 3, 1)))
        embedded: Tensor = last(x).flatten(1, 2)
        return embedded

    def embed_no_mask(self) -> Tensor:
        """What stands for "no mask" everywhere, `(1, 1, C)`."""
        return self.no_mask_embed.weight[None]
