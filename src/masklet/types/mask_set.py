"""A `MaskSet` is the answer: masks of one image. Coordinates as in `masklet.types`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from masklet.errors import PromptError
from masklet.ops.boxes import boxes_from_masks
from masklet.ops.components import drop_specks, fill_holes
from masklet.ops.contours import polygons
from masklet.ops.masks import stability_scores
from masklet.ops.resize import resize_logits, resize_mask
from masklet.ops.rle import Rle
from masklet.ops.rle_batch import encode_masks
from masklet.types.close_up import CloseUp
from masklet.types.host_copy import Fetched, Ratings


@dataclass(frozen=True, slots=True, eq=False)
class MaskSet:
    """N masks of one image. Logits stay small and on their device until something is read.

    Iterating gives sets of one mask; indexing takes a number, a slice, a list or a bool array.
    """

    logits: Tensor
    """`(N, h, w)` float32 mask logits on the model's grid, positive inside."""
    iou: Tensor
    """`(N,)` the IoU with the true mask that the model predicts, 0 to 1."""
    object_score: Tensor
    """`(N,)` logit that the object is in the image at all."""
    size: tuple[int, int]
    """`(height, width)` of the image."""
    prompt_index: tuple[int, ...]
    """Which prompt, counted from 0, every mask answers."""
    threshold: float = 0.0
    """A pixel belongs to the mask where its logit is above this."""
    max_hole_area: int = 0
    """Holes of at most so many image pixels are filled."""
    max_speck_area: int = 0
    """Separate pieces of at most so many image pixels are dropped."""
    exclusive: bool = False
    """Whether a pixel belongs to one mask only, the one with the highest logit."""
    close_ups: Mapping[int, CloseUp] = field(default_factory=dict)
    """By mask, counted from 0, the finer answer around its object; few masks have one."""
    # Not an argument, so that `replace` leaves behind what belongs to other masks.
    _fetched: Fetched | None = field(default=None, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.prompt_index)

    def __getitem__(self, index: int | slice | npt.ArrayLike) -> "MaskSet":
        chosen = index if isinstance(index, slice) else np.asarray(index)
        if not isinstance(chosen, slice) and chosen.size == 0:
            chosen = np.zeros(0, np.intp)
        kept = np.atleast_1d(np.arange(len(self))[chosen])
        # A reversed slice is a view that torch does not take.
        rows = torch.from_numpy(np.ascontiguousarray(kept)).to(self.logits.device)
        seen = self.close_ups
        return replace(
            self,
            logits=self.logits[rows],
            iou=self.iou[rows],
            object_score=self.object_score[rows],
            prompt_index=tuple(self.prompt_index[row] for row in kept),
            close_ups={new: seen[row] for new, row in enumerate(kept.tolist()) if row in seen},
        )

    def __iter__(self) -> Iterator["MaskSet"]:
        return (self[row] for row in range(len(self)))

    def __repr__(self) -> str:
        scores = ", ".join(f"{value:.2f}" for value in self.scores()[:8])
        more = ", ..." if len(self) > 8 else ""
        return f"MaskSet({len(self)} of {self.size[1]}x{self.size[0]}, iou {scores}{more})"

    def fetched(self) -> "MaskSet":
        """The same masks, on their way to the host from now on; waits for nothing.

        Reading them later waits for this copy alone and not for what the device was given to do in
        the meantime, such as the next frame. Bits travel, an eighth of a byte a pixel, and the
        numbers of `ratings`. Where the masks are on the CPU there is nothing to fetch.

        >>> answer = MaskSet(torch.ones(1, 2, 2), torch.ones(1), torch.ones(1), (2, 2), (0,))
        >>> answer.fetched().rle()
        [{'size': [2, 2], 'counts': '04'}]
        """
        if self._fetched is not None or self.logits.device.type == "cpu":
            return self
        return self._sent()

    def ratings(self) -> Ratings:
        """What the model thinks of the masks, all read at once."""
        if self._fetched is not None:
            return self._fetched.ratings()
        return Ratings(*self._numbers().cpu().numpy())

    def scores(self) -> npt.NDArray[np.float32]:
        """`(N,)` predicted IoU."""
        if self._fetched is not None:
            return self._fetched.ratings().iou
        return self.iou.float().cpu().numpy()

    def stability(self) -> npt.NDArray[np.float32]:
        """`(N,)` how little a mask depends on its threshold, 0 to 1.

        The IoU of the masks at one logit above and one below the threshold, as SAM's automatic
        masks are filtered by (arXiv 2304.02643, appendix B).
        """
        if self._fetched is not None:
            return self._fetched.ratings().stability
        return self._stability().cpu().numpy()

    def best(self) -> "MaskSet":
        """The mask with the highest predicted IoU of every prompt, in the order of the prompts."""
        scores = self.scores()
        best: dict[int, int] = {}
        for row, prompt in enumerate(self.prompt_index):
            if prompt not in best or scores[row] > scores[best[prompt]]:
                best[prompt] = row
        return self[[best[prompt] for prompt in sorted(best)]]

    def grid_logits(self) -> Tensor:
        """`(N, h, w)` float32 logits on the model's grid with all close-ups drawn in: what a
        further question starts from.
        """
        grid = self.logits.float()
        if self.close_ups:
            grid = grid.clone()
        for row in self.close_ups:
            shrunk = resize_mask(self.full_logits_of(row)[None], (grid.shape[1], grid.shape[2]))
            grid[row] = shrunk[0]
        return grid

    def full_logits(self) -> npt.NDArray[np.float32]:
        """`(N, height, width)` logits at the image's size, before threshold and cleaning."""
        full = torch.empty((len(self), *self.size), device=self.logits.device)
        for row in range(len(self)):
            full[row] = self.full_logits_of(row)
        return full.cpu().numpy()

    def full_logits_of(self, row: int) -> Tensor:
        """`(height, width)` float32 the same of one mask, where the model computes."""
        full = resize_logits(self.logits[row, None], self.size)[0]
        return self.close_ups[row].pasted(full) if row in self.close_ups else full

    def masks(self) -> npt.NDArray[np.bool_]:
        """`(N, height, width)` bool masks at the image's size."""
        fetched = self.fetched()
        # A byte a pixel would be eight times as much to copy.
        return self._bools().numpy() if fetched is self else fetched.masks()

    def areas(self) -> npt.NDArray[np.int64]:
        """`(N,)` pixels of every mask."""
        return self._bools().sum(dim=(1, 2)).cpu().numpy()

    def boxes(self) -> npt.NDArray[np.float32]:
        """`(N, 4)` tight boxes x0, y0, x1, y1; x1 and y1 lie just after the last pixel.

        The box of an empty mask is all zero.
        """
        return boxes_from_masks(self._bools()).cpu().numpy()

    def rle(self) -> list[Rle]:
        """COCO run-length encodings, byte for byte what `pycocotools` writes."""
        return encode_masks(self._bools())

    def polygons(self, tolerance: float = 0.0) -> list[tuple[npt.NDArray[np.float32], ...]]:
        """Per mask its outlines, each `(K, 2)` x, y along pixel edges; holes turn the other way.

        Args:
            tolerance: how far, in pixels, a simplified outline may stray; 0 keeps every corner.
        """
        return [polygons(mask, tolerance=tolerance) for mask in self.masks()]

    def to_coco(self, image_id: int = 0, category_id: int = 1) -> list[dict[str, Any]]:
        """COCO annotations with RLE segmentation, box x, y, width, height, area and score."""
        rles, boxes, areas, scores = self.rle(), self.boxes(), self.areas(), self.scores()
        return [
            {
                "image_id": image_id,
                "category_id": category_id,
                "segmentation": rle,
                "bbox": [float(x0), float(y0), float(x1 - x0), float(y1 - y0)],
                "area": int(area),
                "score": float(score),
                "iscrowd": 0,
            }
            for rle, (x0, y0, x1, y1), area, score in zip(rles, boxes, areas, scores, strict=True)
        ]

    def cutouts(self, image: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.uint8]]:
        """Every object cut out of its image, `(h, w, 4)` RGBA uint8, cropped to its box.

        Args:
            image: `(height, width, 3)` uint8 RGB, the image that was segmented.

        Raises:
            PromptError: the image has another size.
        """
        if image.shape != (*self.size, 3):
            raise PromptError(
                f"the image has shape {image.shape}, the masks belong to one of "
                f"{(*self.size, 3)}; pass the image that was segmented, as RGB uint8."
            )
        cut = []
        for mask, box in zip(self.masks(), self.boxes().astype(int), strict=True):
            x0, y0, x1, y1 = box if mask.any() else (0, 0, 1, 1)
            alpha = mask[y0:y1, x0:x1, None].astype(np.uint8) * 255
            cut.append(np.concatenate([image[y0:y1, x0:x1], alpha], axis=2))
        return cut

    def _sent(self) -> "MaskSet":
        sent = replace(self)
        fetched = Fetched.of(self._masks_on_device(), self._numbers())
        object.__setattr__(sent, "_fetched", fetched)
        return sent

    def _bools(self) -> Tensor:
        """`(N, height, width)` bool, on the host if they were fetched, else where the model is."""
        return self._masks_on_device() if self._fetched is None else self._fetched.masks()

    def _numbers(self) -> Tensor:
        """`(3, N)` float32, the ratings."""
        return torch.stack([self.iou.float(), self.object_score.float(), self._stability()])

    def _stability(self) -> Tensor:
        return stability_scores(self.grid_logits() - self.threshold, delta=1.0)

    def _masks_on_device(self) -> Tensor:
        # One mask at a time: upsampled logits are 4 bytes a pixel, and only the bits are kept.
        masks = torch.empty((len(self), *self.size), dtype=torch.bool, device=self.logits.device)
        highest: Tensor | None = None
        for row in range(len(self)):
            full = self.full_logits_of(row)
            masks[row] = full > self.threshold
            if self.exclusive:
                if highest is not None:
                    masks[row] &= full > highest
                    masks[:row] &= ~masks[row]
                highest = full if highest is None else torch.maximum(highest, full)
        if self.max_hole_area > 0:
            masks = fill_holes(masks, max_area=self.max_hole_area)
        if self.max_speck_area > 0:
            masks = drop_specks(masks, max_area=self.max_speck_area)
        return masks
