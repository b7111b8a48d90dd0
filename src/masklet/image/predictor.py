"""Segment objects in an image: encode once, predict many.

Shapes as in `masklet.model.tensors`; N masks of an answer.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from masklet.errors import ImageError, PromptError
from masklet.image.zoom import is_clearer, worthwhile_looks
from masklet.model.preprocess import (
    checked_input_size,
    preprocess_image,
    to_input_pixels,
)
from masklet.model.protocol import SegmentationModel
from masklet.model.tensors import Candidates, FrameFeatures, PromptTensors
from masklet.ops.masks import stable_candidate
from masklet.ops.resize import resize_mask
from masklet.types import CloseUp, MaskSet, Prompt

# Rows decoded at once: each holds about 40 MB of activations at 1024 pixels; on a CPU fewer rows
# stay closer to the cache, on a GPU more rows fill it.
_ROWS_PER_PASS = {"cpu": 4}
_ROWS_PER_PASS_ELSEWHERE = 64
# Crops encoded at once: on a CPU four take a tenth less time than one by one, and more no less.
_CROPS_PER_PASS = {"cpu": 4}
_CROPS_PER_PASS_ELSEWHERE = 16
# Carried-over logits are clamped to this before they are a prompt (parity 9).
_LOGIT_LIMIT = 32.0


@dataclass(frozen=True, slots=True)
class ImageFeatures:
    """An encoded image, a value that the caller keeps for as long as prompts may come."""

    features: FrameFeatures
    embedding_BLC: Tensor
    """`(1, L, C)`, the embedding conditioned on nothing."""
    size: tuple[int, int]
    """`(height, width)` of the image."""
    input_size: tuple[int, int]
    """`(height, width)` of the network's input."""


class ImagePredictor:
    """Prompts to masks, for any number of images and prompts.

    Args:
        model: from `masklet.load`.
        max_hole_area: holes of at most so many image pixels are filled.
        max_speck_area: separate pieces of at most so many image pixels are dropped.

    >>> import masklet
    >>> predictor = ImagePredictor(masklet.load())
    >>> features = predictor.encode(np.zeros((48, 64, 3), np.uint8))
    >>> predictor.predict(features, Prompt.point(32, 24)).best().masks().shape
    (1, 48, 64)
    """

    def __init__(
        self, model: SegmentationModel, *, max_hole_area: int = 0, max_speck_area: int = 0
    ) -> None:
        self.model = model
        self.max_hole_area = max_hole_area
        self.max_speck_area = max_speck_area

    def encode(
        self, image: npt.NDArray[np.uint8], *, size: int | tuple[int, int] | None = None
    ) -> ImageFeatures:
        """Encode one image; this is the expensive step, and its result can be kept.

        Args:
            image: `(height, width, 3)` uint8 RGB, as `masklet.read_image` returns it.
            size: side, or (height, width), of the network's input: multiples of 32. The model's
                own size unless given; smaller is faster and coarser.

        Raises:
            ImageError: the array has another shape or dtype, or the size is no multiple of 32.
        """
        return self.encode_batch([image], size=size)[0]

    @torch.inference_mode()
    def encode_batch(
        self,
        images: Sequence[npt.NDArray[np.uint8]],
        *,
        size: int | tuple[int, int] | None = None,
    ) -> list[ImageFeatures]:
        """Encode several images, of any sizes, in one pass of the encoder."""
        input_size = checked_input_size(size, self.model.config.image_size)
        pixels = [_checked_image(image) for image in images]
        if not pixels:
            return []
        tensors = [preprocess_image(image, input_size, self.model.device) for image in pixels]
        features = self.model.encode_image(torch.cat(tensors))
        embedding_FLC = self.model.condition(features, None)
        return [
            ImageFeatures(
                features=features.frame(number),
                embedding_BLC=embedding_FLC[number : number + 1],
                size=(image.shape[0], image.shape[1]),
                input_size=input_size,
            )
            for number, image in enumerate(pixels)
        ]

    @torch.inference_mode()
    def predict(
        self,
        features: ImageFeatures,
        prompts: Prompt | Sequence[Prompt],
        *,
        multimask: bool | None = None,
        refine: MaskSet | None = None,
    ) -> MaskSet:
        """The masks that the prompts ask for; several prompts are decoded together.

        Args:
            features: from `encode`.
            prompts: one prompt, or one per object.
            multimask: True gives three candidates for every prompt, best first; False one mask.
                Unless given, a single click, which is often ambiguous, gives three, anything else
                one.
            refine: an earlier answer with one mask per prompt; its logits are fed back, so that
                more clicks correct it.

        Returns:
            Masks in the order of the prompts; `prompt_index` says which prompt each answers.

        Raises:
            PromptError: a prompt lies outside the image, or `refine` does not fit the prompts.
        """
        asked = [prompts] if isinstance(prompts, Prompt) else list(prompts)
        for prompt in asked:
            prompt.check_inside(features.size)
        carried = _carried_logits(asked, features, refine)
        groups: dict[tuple[int, bool], list[int]] = defaultdict(list)
        for number, prompt in enumerate(asked):
            groups[_point_count(prompt), carried[number] is not None].append(number)
        answers: dict[int, MaskSet] = {}
        for numbers in groups.values():
            rows = self._prompt_tensors([asked[n] for n in numbers], features)
            masks = [carried[n] for n in numbers]
            if masks[0] is not None:
                rows = replace(rows, mask_Bhw=torch.stack([m for m in masks if m is not None]))
            candidates = decode_in_passes(self.model, features, rows)
            for row, number in enumerate(numbers):
                is_open = _is_ambiguous(asked[number]) and carried[number] is None
                wants_three = is_open if multimask is None else multimask
                answers[number] = self._answer(candidates, row, number, features, wants_three)
        return self._joined([answers[number] for number in range(len(asked))], features)

    @torch.inference_mode()
    def zoom(
        self,
        image: npt.NDArray[np.uint8],
        prompts: Prompt | Sequence[Prompt],
        answer: MaskSet,
    ) -> MaskSet:
        """Look again at the small objects of an answer, each alone and enlarged.

        Costs what encoding a picture and one more question cost, for every mask that is looked at
        again: those at most a third as wide and as high as the image. An answer with three masks
        for a prompt costs three times as much as its `best()`.

        Args:
            image: the one that was encoded.
            prompts: those that were answered: all that was said of each object so far.
            answer: from `predict`; `refine` takes what comes out of here as well.

        Returns:
            The same masks, finer where the closer look was clearer.

        Raises:
            PromptError: the image has another size, or the answer is one to more prompts.

        >>> import masklet
        >>> predictor, click = ImagePredictor(masklet.load()), Prompt.point(32, 24)
        >>> image = np.zeros((48, 64, 3), np.uint8)
        >>> image[20:28, 28:36] = 255
        >>> answer = predictor.predict(predictor.encode(image), click).best()
        >>> predictor.zoom(image, click, answer).masks().shape
        (1, 48, 64)
        """
        asked = [prompts] if isinstance(prompts, Prompt) else list(prompts)
        _check_answered(image, asked, answer)
        looks = worthwhile_looks(answer, asked)
        side = answer.logits.shape[1] * 4, answer.logits.shape[2] * 4
        close_ups, iou = dict(answer.close_ups), answer.iou.clone()
        limit = _CROPS_PER_PASS.get(self.model.device.type, _CROPS_PER_PASS_ELSEWHERE)
        for start in range(0, len(looks), limit):
            some = looks[start : start + limit]
            encoded = self.encode_batch([image[look.crop.part] for look in some], size=side)
            for look, features in zip(some, encoded, strict=True):
                known = look.known(answer)
                found = self.predict(
                    features,
                    look.prompt,
                    multimask=False,
                    refine=known if look.starts_from_mask else None,
                )
                if is_clearer(found, known):
                    close_ups[look.row] = CloseUp(found.logits[0], look.crop.box)
                    # Close by, the model is too sure of itself; the mean of both is off by less.
                    iou[look.row] = (known.iou[0] + found.iou[0]) / 2
        return replace(answer, iou=iou, close_ups=close_ups)

    def _prompt_tensors(self, prompts: list[Prompt], features: ImageFeatures) -> PromptTensors:
        tokens = [prompt.point_tokens() for prompt in prompts]
        device = self.model.device
        points = torch.from_numpy(np.stack([points for points, _ in tokens])).to(device)
        labels = torch.from_numpy(np.stack([labels for _, labels in tokens])).to(device)
        return PromptTensors(
            points_BP2=to_input_pixels(points, features.size, features.input_size),
            labels_BP=labels,
        )

    def _answer(
        self,
        candidates: Candidates,
        row: int,
        number: int,
        features: ImageFeatures,
        wants_three: bool,
    ) -> MaskSet:
        logits_Mhw, iou_M = candidates.logits_BMhw[row], candidates.iou_BM[row]
        if wants_three:
            chosen = 1 + iou_M[1:].argsort(descending=True, stable=True)
        else:
            chosen = stable_candidate(logits_Mhw[None], iou_M[None])
        return MaskSet(
            logits=logits_Mhw[chosen],
            iou=iou_M[chosen],
            object_score=candidates.object_score_B[row].expand(len(chosen)),
            size=features.size,
            prompt_index=(number,) * len(chosen),
        )

    def _joined(self, answers: list[MaskSet], features: ImageFeatures) -> MaskSet:
        height, width = features.input_size
        empty = torch.zeros((0,), device=self.model.device)
        return MaskSet(
            logits=torch.cat(
                [empty.reshape(0, height // 4, width // 4), *(a.logits for a in answers)]
            ),
            iou=torch.cat([empty, *(a.iou for a in answers)]),
            object_score=torch.cat([empty, *(a.object_score for a in answers)]),
            size=features.size,
            prompt_index=tuple(n for answer in answers for n in answer.prompt_index),
            max_hole_area=self.max_hole_area,
            max_speck_area=self.max_speck_area,
        )


def decode_in_passes(
    model: SegmentationModel, image: ImageFeatures, prompts: PromptTensors
) -> Candidates:
    """Decode rows of prompts on one image, as many at once as the device likes."""
    limit = _ROWS_PER_PASS.get(model.device.type, _ROWS_PER_PASS_ELSEWHERE)
    passes = []
    for start in range(0, len(prompts), limit):
        rows = slice(start, start + limit)
        passes.append(
            model.decode(
                image.embedding_BLC,
                image.features,
                PromptTensors(
                    points_BP2=prompts.points_BP2[rows],
                    labels_BP=prompts.labels_BP[rows],
                    mask_Bhw=None if prompts.mask_Bhw is None else prompts.mask_Bhw[rows],
                ),
            )
        )
    return Candidates(
        logits_BMhw=torch.cat([done.logits_BMhw for done in passes]),
        iou_BM=torch.cat([done.iou_BM for done in passes]),
        pointers_BMC=torch.cat([done.pointers_BMC for done in passes]),
        object_score_B=torch.cat([done.object_score_B for done in passes]),
    )


def _checked_image(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    is_rgb = image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8
    if not is_rgb or 0 in image.shape:
        raise ImageError(
            f"the image has shape {image.shape} and dtype {image.dtype}; expected (height, width, "
            "3) uint8 RGB. masklet.read_image turns files, PIL images and other arrays into that."
        )
    return image


def _check_answered(
    image: npt.NDArray[np.uint8], prompts: Sequence[Prompt], answer: MaskSet
) -> None:
    if image.shape[:2] != answer.size:
        raise PromptError(
            f"the image is {image.shape[1]} wide and {image.shape[0]} high, the masks belong to one "
            f"of {answer.size[1]} x {answer.size[0]}; pass the image that was encoded."
        )
    answered = max(answer.prompt_index, default=-1) + 1
    if answered > len(prompts):
        raise PromptError(
            f"the answer is one to {answered} prompts, {len(prompts)} were given; expected those "
            "that were answered. Pass the same list as to predict."
        )


def _point_count(prompt: Prompt) -> int:
    return len(prompt.points) + (0 if prompt.box is None else 2)


def _is_ambiguous(prompt: Prompt) -> bool:
    return _point_count(prompt) == 1 and prompt.mask is None


def _carried_logits(
    prompts: list[Prompt], image: ImageFeatures, refine: MaskSet | None
) -> list[Tensor | None]:
    """The mask logits that enter with every prompt, `(h, w)` each."""
    if refine is not None and len(refine) != len(prompts):
        raise PromptError(
            f"refine holds {len(refine)} masks for {len(prompts)} prompts; expected one each. "
            "Choose among candidates first, for example with refine=previous.best()."
        )
    grid = (image.input_size[0] // 4, image.input_size[1] // 4)
    refined = () if refine is None else refine.grid_logits()
    carried: list[Tensor | None] = []
    for number, prompt in enumerate(prompts):
        if prompt.mask is not None and refine is not None:
            raise PromptError(
                "a prompt has a mask and refine is given too; a prompt starts from one mask. "
                "Leave one of them out."
            )
        if refine is not None:
            logits = refined[number]
            if logits.shape != grid:
                raise PromptError(
                    f"refine holds logits of {tuple(logits.shape)}, this image needs {grid}; "
                    "refine an answer for the same image, encoded at the same size."
                )
            carried.append(logits.clamp(-_LOGIT_LIMIT, _LOGIT_LIMIT))
        elif prompt.mask is not None:
            inside = torch.from_numpy(prompt.mask).to(image.embedding_BLC.device)
            carried.append(resize_mask(inside[None], grid)[0] * 20.0 - 10.0)
        else:
            carried.append(None)
    return carried
