"""Prompts and an image embedding become four candidate masks with their scores.

The decoder returns everything it computes; choosing among the candidates is its caller's. Masks grow
from stride 16 to stride 4 in quad order: each token unfolds into its 2 x 2 children in place, and
only the four logits at the end are put into rows, not the channels they are made of.

Source: Segment Anything (arXiv 2304.02643) and SAM 2 (arXiv 2408.00714, appendix D.2).
Shapes as in `tensors`; Q pads T output tokens with the prompt's.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from masklet.model.kernels import linear
from masklet.model.layers import MLP, LayerNorm, PointwiseConv
from masklet.model.tensors import Candidates, FrameFeatures
from masklet.model.two_way import TwoWayTransformer


class MaskDecoder(nn.Module):
    """Two-way transformer, upscaling, and one small network per output."""

    masks = 4

    def __init__(self, width: int) -> None:
        super().__init__()
        self.transformer = TwoWayTransformer(width)
        self.iou_token = nn.Embedding(1, width)
        self.mask_tokens = nn.Embedding(self.masks, width)
        self.obj_score_token = nn.Embedding(1, width)
        # Two transposed convolutions with a norm between; index and place are the checkpoint's.
        self.output_upscaling = nn.ModuleList(
            [
                Unfold(width, width // 4),
                LayerNorm(width // 4, eps=1e-6),
                nn.GELU(),
                Unfold(width // 4, width // 8),
            ]
        )
        # Projections of the fine maps, applied once per image by `SAM2.encode_image`.
        self.conv_s0 = PointwiseConv(width, width // 8)
        self.conv_s1 = PointwiseConv(width, width // 4)
        self.output_hypernetworks_mlps = nn.ModuleList(
            MLP((width, width, width, width // 8), activation="relu") for _ in range(self.masks)
        )
        self.iou_prediction_head = MLP((width, 256, 256, self.masks), activation="relu")
        self.pred_obj_score_head = MLP((width, width, width, 1), activation="relu")

    def forward(
        self,
        image_BLC: Tensor,
        sparse_BPC: Tensor,
        positions_LC: Tensor,
        features: FrameFeatures,
    ) -> Candidates:
        """Decode B rows of prompts.

        Args:
            image_BLC: the conditioned image and the embedded mask, or what stands for none, added
                up; one for all rows or one per row.
            sparse_BPC: embedded points.
            positions_LC: the positions of the grid.
            features: the fine maps, of one frame or of one per row.

        Returns:
            Candidates whose pointers are the raw mask tokens.
        """
        tokens_BTC = torch.cat([self._output_tokens(len(sparse_BPC)), sparse_BPC], dim=1)
        result = self.transformer(tokens_BTC, image_BLC, positions_LC)
        score_token = result.tokens_BTC[:, 0]
        iou_token = result.tokens_BTC[:, 1]
        mask_tokens = result.tokens_BTC[:, 2 : 2 + self.masks]
        return Candidates(
            logits_BMhw=self._logits(result.image_BLC, mask_tokens, features),
            iou_BM=self.iou_prediction_head(iou_token).float().sigmoid(),
            pointers_BMC=mask_tokens,
            object_score_B=self.pred_obj_score_head(score_token).float()[:, 0],
        )

    def _output_tokens(self, rows: int) -> Tensor:
        tokens = torch.cat(
            [self.obj_score_token.weight, self.iou_token.weight, self.mask_tokens.weight]
        )
        return tokens.expand(rows, -1, -1)

    def _logits(self, image_BLC: Tensor, tokens_BMC: Tensor, features: FrameFeatures) -> Tensor:
        first, norm, _, second = self.output_upscaling
        # In place where a new map would not fit into the cache beside the old one.
        x_BL4c = first(image_BLC).float().add_(features.eighth_FL4c)
        x_BL16c = second(F.gelu(norm(x_BL4c))).flatten(2, 3)
        x_BL16c = F.gelu(x_BL16c.float().add_(features.quarter_FL16c))
        brush_BMc = torch.stack(
            [
                network(tokens_BMC[:, number])
                for number, network in enumerate(self.output_hypernetworks_mlps)
            ],
            dim=1,
        )
        painted_BMs = brush_BMc.float() @ x_BL16c.flatten(1, 2).float().transpose(1, 2)
        return from_quads(painted_BMs, features.grid)


class Unfold(nn.ConvTranspose2d):
    """A transposed convolution of stride 2 and kernel 2 on tokens: each becomes 2 x 2."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, kernel_size=2, stride=2)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]  # no output size to choose
        """`(..., inputs)` to `(..., 4, outputs)`."""
        weight_4ci = self.weight.permute(2, 3, 1, 0).reshape(-1, self.in_channels)
        assert self.bias is not None
        unfolded = linear(x, weight_4ci, self.bias.tile(4))
        return unfolded.unflatten(-1, (4, self.out_channels))


def to_quads(rows_FLC: Tensor, grid: tuple[int, int], levels: int) -> Tensor:
    """Row-major tokens of `levels` doublings of `grid` to quad order, `(F, H * W, 4 ** levels, C)`.

    The token of the coarse grid comes first, then its 2 x 2 children, then theirs.
    """
    height, width = grid
    twos = (2,) * levels
    split = rows_FLC.unflatten(1, (height, *twos, width, *twos))
    # Dimensions: F, H, y of each level, W, x of each level, C.
    order = [0, 1, 2 + levels]
    for level in range(levels):
        order += [2 + level, 3 + levels + level]
    return split.permute(*order, 3 + 2 * levels).flatten(3, -2).flatten(1, 2)


def from_quads(painted_BMs: Tensor, grid: tuple[int, int]) -> Tensor:
    """Two levels of quad order, `(B, M, H * W * 16)`, back to an image, `(B, M, 4H, 4W)`."""
    height, width = grid
    split = painted_BMs.unflatten(2, (height, width, 2, 2, 2, 2))
    return split.permute(0, 1, 2, 4, 6, 3, 5, 7).flatten(5).flatten(2, 4)
