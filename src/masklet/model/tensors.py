"""What the four verbs of the model pass to each other: frozen records of tensors.

Shapes, one legend for the package:

    F frames         B rows (one object on one frame)      T output and prompt tokens
    H W stride-16 grid, L = H * W its tokens in row-major order    h w = 4H 4W mask-logit grid
    C width (256)    D memory width (64)      M = 4 candidates      P prompt points
    N remembered frames      K object pointers      S S image side

The leading dimension of features is F; where a verb takes features and B rows, F is 1 (all rows
look at the same frame, whatever depends on the image alone is computed once) or equal to B.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class FrameFeatures:
    """What the image encoder returns for F frames, channels last.

    The two fine maps are already projected for the mask decoder and kept in *quad order*: grouped
    by the stride-16 token that they lie in, then by the stride-8 token. The decoder grows its masks
    in that order, so nothing is permuted until the logits.
    """

    embedding_FLC: Tensor
    """Stride 16."""
    eighth_FL4c: Tensor
    """Stride 8, C / 4 channels; 4 = the 2 x 2 tokens of a stride-16 token, row-major."""
    quarter_FL16c: Tensor
    """Stride 4, C / 8 channels; 16 = 2 x 2 stride-8 tokens of 2 x 2 stride-4 tokens each."""
    grid: tuple[int, int]
    """`(H, W)` of stride 16."""

    def __len__(self) -> int:
        return len(self.embedding_FLC)

    def rows(self, index_B: Tensor) -> "FrameFeatures":
        """The features that every row looks at, `index_B` int64 into the frames."""
        return replace(
            self,
            embedding_FLC=self.embedding_FLC[index_B],
            eighth_FL4c=self.eighth_FL4c[index_B],
            quarter_FL16c=self.quarter_FL16c[index_B],
        )

    def frame(self, index: int) -> "FrameFeatures":
        """One frame, as a view."""
        return self.part(slice(index, index + 1))

    def part(self, frames: slice) -> "FrameFeatures":
        """Some frames, as views."""
        return replace(
            self,
            embedding_FLC=self.embedding_FLC[frames],
            eighth_FL4c=self.eighth_FL4c[frames],
            quarter_FL16c=self.quarter_FL16c[frames],
        )


@dataclass(frozen=True, slots=True)
class PromptTensors:
    """B rows of prompts with the same number of points, in pixels of the model's input.

    Labels: 1 and 0 are clicks, 2 and 3 the corners of a box (placed before the clicks), -1 padding.
    """

    points_BP2: Tensor
    labels_BP: Tensor
    mask_Bhw: Tensor | None = None
    """Logits of an earlier mask."""

    def __len__(self) -> int:
        return len(self.points_BP2)

    def part(self, rows: slice) -> "PromptTensors":
        """Those of some rows."""
        mask_Bhw = None if self.mask_Bhw is None else self.mask_Bhw[rows]
        return PromptTensors(self.points_BP2[rows], self.labels_BP[rows], mask_Bhw)

    @staticmethod
    def nothing(rows: int, device: torch.device) -> "PromptTensors":
        """No prompt, as a frame that is only tracked has: one padding point a row (parity 10)."""
        return PromptTensors(
            points_BP2=torch.zeros((rows, 1, 2), device=device),
            labels_BP=torch.full((rows, 1), -1, dtype=torch.int64, device=device),
        )


@dataclass(frozen=True, slots=True)
class Candidates:
    """Everything the mask decoder computed for B rows; choosing is the caller's business.

    Candidate 0 is the single-mask answer, 1 to 3 are the ambiguous ones.
    """

    logits_BMhw: Tensor
    iou_BM: Tensor
    """Predicted IoU, 0 to 1."""
    pointers_BMC: Tensor
    """Object pointers; the learned "no object" where the object score is not positive."""
    object_score_B: Tensor
    """Logit: is the object visible on this frame?"""

    @staticmethod
    def joined(parts: Sequence["Candidates"]) -> "Candidates":
        """Rows after each other."""
        return Candidates(
            logits_BMhw=torch.cat([part.logits_BMhw for part in parts]),
            iou_BM=torch.cat([part.iou_BM for part in parts]),
            pointers_BMC=torch.cat([part.pointers_BMC for part in parts]),
            object_score_B=torch.cat([part.object_score_B for part in parts]),
        )


@dataclass(frozen=True, slots=True)
class KeyCells:
    """Where spatial keys lie that are fewer than the tokens of the grid, and how much they count."""

    places_BS2: Tensor
    """float32 x and y in units of tokens; those of the grid lie at whole numbers from 0 on."""
    log_counts_BS: Tensor
    """float32 logarithm of how many tokens a key stands for; -inf where it stands for none."""


@dataclass(frozen=True, slots=True)
class MemoryReadout:
    """What B rows remember: N spatial memories and K object pointers each, oldest first.

    Where memories are smaller than the grid, each of their tokens stands as a memory of its own:
    N counts tokens then, L is 1 and S of the cells is N.
    """

    spatial_BNLD: Tensor
    slots_BN: Tensor
    """int64 place in time: 0 for a conditioning frame, 1 to 6 for recent ones, 6 the latest."""
    pointers_BKC: Tensor
    times_BK: Tensor
    """float32 distance in frames, divided as parity 1 says."""
    cells: KeyCells | None = None
    """None where every memory is whole: L tokens of the grid, each for itself."""
