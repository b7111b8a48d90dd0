"""The official image predictor: one image or several at a time, prompts in, numpy masks out.

Shapes as in `masklet.model.tensors`; N = B * M masks of an answer.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from masklet.compat.prompts import prompt_tensors
from masklet.compat.sam2.build_sam import build_sam2_hf
from masklet.compat.sam2.modeling.sam2_base import SAM2Base, StabilityFallback
from masklet.errors import ImageError, PromptError
from masklet.image.predictor import ImageFeatures, ImagePredictor, decode_in_passes
from masklet.model.sam2 import SAM2
from masklet.model.tensors import Candidates, PromptTensors
from masklet.ops.components import drop_specks, fill_holes
from masklet.ops.masks import pick, stable_candidate
from masklet.ops.resize import resize_logits

Prompts: TypeAlias = npt.ArrayLike | Tensor | None
"""What official programs pass as one kind of prompt."""
PromptLists: TypeAlias = Sequence[Prompts] | None
"""One of them per image."""
Floats: TypeAlias = npt.NDArray[np.float32]

_LOW_RES_LIMIT = 32.0
# How far beyond the threshold the pixels of a hole or a sprinkle are put.
_CLEANED = 10.0


class SAM2ImagePredictor:
    """Masks for prompts, as the reference's class of this name gives them.

    Args:
        sam_model: from `build_sam2`, or from `masklet.load`.
        mask_threshold: a pixel belongs to a mask where its logit is above this.
        max_hole_area: holes of at most so many low-resolution pixels are filled.
        max_sprinkle_area: separate pieces of at most so many low-resolution pixels are dropped.
        kwargs: ignored, as in the reference.

    >>> from masklet.compat.sam2.build_sam import build_sam2
    >>> small = ["++model.image_size=128"]
    >>> model = build_sam2("sam2.1_hiera_t.yaml", device="cpu", hydra_overrides_extra=small)
    >>> predictor = SAM2ImagePredictor(model)
    >>> predictor.set_image(np.zeros((48, 64, 3), np.uint8))
    >>> masks, ious, low_res = predictor.predict([[32, 24]], [1])
    >>> masks.shape, ious.shape, low_res.shape
    ((3, 48, 64), (3,), (3, 32, 32))
    """

    def __init__(
        self,
        sam_model: SAM2,
        mask_threshold: float = 0.0,
        max_hole_area: float = 0.0,
        max_sprinkle_area: float = 0.0,
        **kwargs: Any,  # Any: ignored
    ) -> None:
        self.model = sam_model
        self.mask_threshold = mask_threshold
        self._max_hole_area = max_hole_area
        self._max_sprinkle_area = max_sprinkle_area
        self._images: list[ImageFeatures] = []
        self._is_batch = False

    @classmethod
    def from_pretrained(cls, model_id: str, **kwargs: Any) -> "SAM2ImagePredictor":
        """A predictor with the model of a hub id or path; see `build_sam2_hf`.

        Args:
            model_id: such as "facebook/sam2.1-hiera-large".
            kwargs: of the builder and of the constructor.
        """
        return cls(build_sam2_hf(model_id, **kwargs), **kwargs)

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return self.model.device

    def set_image(self, image: npt.NDArray[np.uint8] | Image.Image) -> None:
        """Encode the image that the next calls ask about.

        Args:
            image: `(height, width, 3)` uint8 RGB, or a Pillow image.

        Raises:
            NotImplementedError: it is neither.
            ImageError: the array has another shape or dtype.
        """
        self._encode([image], is_batch=False)

    def set_image_batch(self, image_list: Sequence[npt.NDArray[np.uint8] | Image.Image]) -> None:
        """Encode several images, of any sizes, in one pass, for `predict_batch`.

        Raises:
            NotImplementedError: one is neither an array nor a Pillow image.
            ImageError: there is none, or an array has another shape or dtype than `set_image` takes.
        """
        if len(image_list) == 0:
            raise ImageError("the list of images is empty; expected at least one. Skip the call.")
        self._encode(image_list, is_batch=True)

    @torch.inference_mode()
    def predict(
        self,
        point_coords: Prompts = None,
        point_labels: Prompts = None,
        box: Prompts = None,
        mask_input: Prompts = None,
        multimask_output: bool = True,
        return_logits: bool = False,
        normalize_coords: bool = True,
    ) -> tuple[Floats, Floats, Floats]:
        """Masks of the image, for one object or for B at once.

        Args:
            point_coords: `(P, 2)` x, y, or `(B, P, 2)`.
            point_labels: `(P,)` or `(B, P)`, 1 on the object, 0 beside it.
            box: `(4,)` x0, y0, x1, y1, or `(B, 4)`.
            mask_input: `(1, h, w)` logits of an earlier answer, or `(B, 1, h, w)`.
            multimask_output: three candidates, in the network's order, or one mask.
            return_logits: logits instead of 0 and 1.
            normalize_coords: True for coordinates in pixels of the image, False for 0 to 1.

        Returns:
            Masks `(C, height, width)`, predicted IoUs `(C,)` and logits `(C, h, w)` from -32 to 32,
            all float32, C being 3 or 1; with B > 1 all of them behind an axis of B.

        Raises:
            RuntimeError: no image is set.
            AssertionError: there are points and no labels.
            PromptError: the prompts cannot be or do not fit each other.
        """
        if not self._images:
            raise RuntimeError(
                "predict was called and no image is set; expected set_image before it. "
                "Call set_image(image) first."
            )
        image = self._images[-1]
        prompts = prompt_tensors(
            image, point_coords, point_labels, box, mask_input, normalize_coords=normalize_coords
        )
        return self._answer(image, prompts, multimask_output, return_logits)

    @torch.inference_mode()
    def predict_batch(
        self,
        point_coords_batch: PromptLists = None,
        point_labels_batch: PromptLists = None,
        box_batch: PromptLists = None,
        mask_input_batch: PromptLists = None,
        multimask_output: bool = True,
        return_logits: bool = False,
        normalize_coords: bool = True,
    ) -> tuple[list[Floats], list[Floats], list[Floats]]:
        """What `predict` returns for every image of `set_image_batch`, as three lists.

        Args:
            point_coords_batch: per image what `predict` takes, or `None`.
            point_labels_batch: the same for labels.
            box_batch: the same for boxes.
            mask_input_batch: the same for masks.
            multimask_output: as of `predict`.
            return_logits: as of `predict`.
            normalize_coords: as of `predict`.

        Raises:
            AssertionError: there is no batch of images, or there are points and no labels.
            PromptError: a list is not as long as the batch, or as of `predict`.
        """
        if not self._is_batch:
            raise AssertionError(
                "predict_batch was called without a batch of images; expected set_image_batch "
                "before it. Call set_image_batch(images), or predict for a single image."
            )
        lists = [
            self._per_image(prompts)
            for prompts in (point_coords_batch, point_labels_batch, box_batch, mask_input_batch)
        ]
        masks, ious, low_res = [], [], []
        for image, points, labels, box, mask in zip(self._images, *lists, strict=True):
            prompts = prompt_tensors(
                image, points, labels, box, mask, normalize_coords=normalize_coords
            )
            answer = self._answer(image, prompts, multimask_output, return_logits)
            masks.append(answer[0])
            ious.append(answer[1])
            low_res.append(answer[2])
        return masks, ious, low_res

    def get_image_embedding(self) -> Tensor:
        """The embedding of the image, or of the batch, `(F, C, H, W)` float32.

        Raises:
            RuntimeError: no image is set.
        """
        if not self._images:
            raise RuntimeError(
                "get_image_embedding was called and no image is set; expected set_image before it. "
                "Call set_image(image) first."
            )
        embedding_FLC = torch.cat([image.embedding_BLC for image in self._images])
        grid = self._images[0].features.grid
        embedding_FCHW: Tensor = embedding_FLC.transpose(1, 2).unflatten(2, grid).contiguous()
        return embedding_FCHW

    def reset_predictor(self) -> None:
        """Forget the images."""
        self._images = []
        self._is_batch = False

    @property
    def _orig_hw(self) -> list[tuple[int, int]] | None:
        return [image.size for image in self._images] or None

    @property
    def _features(self) -> dict[str, Tensor | list[Tensor]] | None:
        """What official programs read under this name, made anew for every reader."""
        if not self._images:
            return None
        every = [image.features for image in self._images]
        grid = every[0].grid
        return {
            "image_embed": self.get_image_embedding(),
            "high_res_feats": [
                _as_map(torch.cat([one.quarter_FL16c for one in every]), grid, doublings=2),
                _as_map(torch.cat([one.eighth_FL4c for one in every]), grid, doublings=1),
            ],
        }

    def _encode(
        self, images: Sequence[npt.NDArray[np.uint8] | Image.Image], *, is_batch: bool
    ) -> None:
        self.reset_predictor()
        self._images = ImagePredictor(self.model).encode_batch([_pixels(one) for one in images])
        self._is_batch = is_batch

    def _per_image(self, prompts: PromptLists) -> Sequence[Prompts]:
        if prompts is None:
            return [None] * len(self._images)
        if len(prompts) != len(self._images):
            raise PromptError(
                f"there are prompts for {len(prompts)} images and {len(self._images)} are set; "
                "expected one entry per image. Write None for an image without such a prompt."
            )
        return prompts

    def _answer(
        self, image: ImageFeatures, prompts: PromptTensors, is_multimask: bool, wants_logits: bool
    ) -> tuple[Floats, Floats, Floats]:
        candidates = decode_in_passes(self.model, image, prompts)
        low_BMhw, iou_BM = candidates.logits_BMhw[:, 1:], candidates.iou_BM[:, 1:]
        if not is_multimask:
            single_B = self._single(candidates)
            low_BMhw = pick(candidates.logits_BMhw, single_B)[:, None]
            iou_BM = pick(candidates.iou_BM, single_B)[:, None]
        cleaned_Nhw = self._clean(low_BMhw.float().flatten(0, 1))
        masks_NHW = resize_logits(cleaned_Nhw, image.size)
        if not wants_logits:
            masks_NHW = (masks_NHW > self.mask_threshold).float()
        return (
            _array(masks_NHW.unflatten(0, low_BMhw.shape[:2])),
            _array(iou_BM),
            _array(low_BMhw.clamp(-_LOW_RES_LIMIT, _LOW_RES_LIMIT)),
        )

    def _single(self, candidates: Candidates) -> Tensor:
        """The candidate that is a row's single mask, int64 `(B,)` (parity 8)."""
        fallback: StabilityFallback | None = StabilityFallback()
        if isinstance(self.model, SAM2Base):
            fallback = self.model.fallback
        if fallback is None or self.model.training:
            return torch.zeros(len(candidates.iou_BM), dtype=torch.int64, device=self.device)
        return stable_candidate(
            candidates.logits_BMhw,
            candidates.iou_BM,
            delta=fallback.delta,
            threshold=fallback.threshold,
        )

    def _clean(self, logits_Nhw: Tensor) -> Tensor:
        """The logits without small holes and sprinkles, both as they were decoded."""
        inside = logits_Nhw > self.mask_threshold
        cleaned = logits_Nhw
        if self._max_hole_area > 0:
            filled = fill_holes(inside, max_area=int(self._max_hole_area))
            cleaned = torch.where(filled & ~inside, self.mask_threshold + _CLEANED, cleaned)
        if self._max_sprinkle_area > 0:
            kept = drop_specks(inside, max_area=int(self._max_sprinkle_area))
            cleaned = torch.where(inside & ~kept, self.mask_threshold - _CLEANED, cleaned)
        return cleaned


def _pixels(image: object) -> npt.NDArray[np.uint8]:
    if isinstance(image, Image.Image):
        # 16 and 32 bits would be clipped: left as they are, the array is refused with advice.
        return np.array(image if image.mode[0] in "IF" else image.convert("RGB"))
    if isinstance(image, np.ndarray):
        # np.asarray(picture) cannot be written to, and torch warns of such arrays.
        return np.require(image, requirements="W")
    raise NotImplementedError(
        f"the image is a {type(image).__name__}; expected a (height, width, 3) uint8 RGB array or a "
        "Pillow image. Convert it, for example with np.asarray."
    )


def _as_map(quads_FLkc: Tensor, grid: tuple[int, int], *, doublings: int) -> Tensor:
    """Features in quad order, `(F, L, 4 ** doublings, c)`, as an image, `(F, c, height, width)`."""
    levels = quads_FLkc.unflatten(2, (4,) * doublings)
    # Channels first, then the quads from the inner to the outer, as pixel_shuffle undoes them.
    channels = levels.permute(0, *reversed(range(1, levels.dim()))).flatten(1, -2)
    image: Tensor = channels.unflatten(2, grid).float()
    for _ in range(doublings):
        image = functional.pixel_shuffle(image, 2)
    return image


def _array(values: Tensor) -> Floats:
    return values.squeeze(0).float().cpu().numpy()
