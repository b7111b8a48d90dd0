"""Hydra overrides of the official builders, as far as they mean something here."""

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from masklet.compat.sam2.modeling.sam2_base import StabilityFallback
from masklet.errors import CheckpointError

_DECODER = "model.sam_mask_decoder_extra_args.dynamic_multimask_"
_IMAGE_SIZE = "model.image_size"
_VIA_STABILITY = f"{_DECODER}via_stability"
_DELTA = f"{_DECODER}stability_delta"
_THRESHOLD = f"{_DECODER}stability_thresh"
_OF_IMAGES = (_IMAGE_SIZE, _VIA_STABILITY, _DELTA, _THRESHOLD)

_FILL_HOLES = "model.fill_hole_area"
_NO_OVERLAP = "model.non_overlap_masks"
_CLEAR_AROUND = "model.clear_non_cond_mem_around_input"
_CORRECTIONS_CONDITION = "model.add_all_frames_to_correct_as_cond"
_MAX_CONDITIONING = "model.max_cond_frames_in_attn"
_STRIDE = "model.memory_temporal_stride_for_eval"
_BINARIZE = "model.binarize_mask_from_pts_for_mem_enc"
# Objects are remembered one at a time, in the reference too: this one changes nothing.
_NO_OVERLAP_IN_MEMORY = "model.non_overlap_masks_for_mem_enc"
_OF_VIDEOS = (
    *_OF_IMAGES,
    _FILL_HOLES,
    _NO_OVERLAP,
    _CLEAR_AROUND,
    _CORRECTIONS_CONDITION,
    _MAX_CONDITIONING,
    _STRIDE,
    _BINARIZE,
    _NO_OVERLAP_IN_MEMORY,
)
_WHOLE = {
    _FILL_HOLES: "a number of pixels, 0 for none",
    _MAX_CONDITIONING: "-1 for all, or at least 2",
    _STRIDE: "a number of frames, at least 1",
}
# What post-processing sets for videos, whatever the overrides say.
_HOLES_FILLED = 8

_ARCHITECTURE = (
    "A network of other parts is described by masklet.model.config.ModelConfig and built by "
    "masklet.model.sam2.SAM2."
)
_VIDEO_ONLY = "It changes videos only: leave it out for images."
_OF_THE_WEIGHTS = "All released models have it alike: leave it out."
# Where the first word after "model." leads to, for fields that are refused.
_INSTEAD = {
    "_target_": _ARCHITECTURE,
    "image_encoder": _ARCHITECTURE,
    "memory_attention": _ARCHITECTURE,
    "memory_encoder": _ARCHITECTURE,
    "compile_image_encoder": "Call model.image_encoder.trunk.compile() on what the builder returns.",
    "fill_hole_area": "For images it is SAM2ImagePredictor(model, max_hole_area=...).",
    "multimask_output_for_tracking": _OF_THE_WEIGHTS,
    "num_maskmem": _OF_THE_WEIGHTS,
    **{
        name.removeprefix("model."): _VIDEO_ONLY
        for name in _OF_VIDEOS[len(_OF_IMAGES) :]
        if name != _FILL_HOLES
    },
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What a caller of the builder changed about a model."""

    image_size: int
    fallback: StabilityFallback | None


@dataclass(frozen=True, slots=True)
class Remembering:
    """How a video predictor uses its memories; the defaults are those of the config files."""

    max_cond_frames_in_attn: int = -1
    """At most so many conditioning frames are attended to, the closest ones; -1 is all of them."""
    memory_temporal_stride_for_eval: int = 1
    """Memories of tracked frames are taken every so many frames."""
    binarize_mask_from_pts_for_mem_enc: bool = False
    """Whether masks of prompted frames are remembered as 0 and 1."""


@dataclass(frozen=True, slots=True)
class VideoSettings:
    """What a caller of the builder changed about a video predictor."""

    model: Settings
    remembering: Remembering
    fill_hole_area: int
    non_overlap_masks: bool
    clear_non_cond_mem_around_input: bool
    add_all_frames_to_correct_as_cond: bool


def settings(overrides: Iterable[str], *, image_size: int, apply_postprocessing: bool) -> Settings:
    """Read overrides such as `++model.image_size=512`; the last one of a field counts.

    Args:
        overrides: `field=value`, with or without a `+` or `++` before it.
        image_size: of the model, unless overridden.
        apply_postprocessing: comes after all overrides, as in the reference, and sets the
            stability fallback to its defaults.

    Raises:
        CheckpointError: a field has no counterpart for images, or a value is none.

    >>> settings(["++model.image_size=512"], image_size=1024, apply_postprocessing=False)
    Settings(image_size=512, fallback=None)
    """
    return _settings(_given(overrides, _OF_IMAGES), image_size, apply_postprocessing)


def video_settings(
    overrides: Iterable[str], *, image_size: int, apply_postprocessing: bool
) -> VideoSettings:
    """Read overrides of a video predictor such as `++model.non_overlap_masks=true`.

    Args:
        overrides: as of `settings`.
        image_size: as of `settings`.
        apply_postprocessing: as of `settings`; it also has masks of prompts remembered as 0 and 1
            and holes of 8 low-resolution pixels filled.

    Raises:
        CheckpointError: a field has no counterpart, or a value is none.

    >>> given = ["++model.memory_temporal_stride_for_eval=2"]
    >>> video_settings(given, image_size=1024, apply_postprocessing=True).remembering
    Remembering(max_cond_frames_in_attn=-1, memory_temporal_stride_for_eval=2, \
binarize_mask_from_pts_for_mem_enc=True)
    """
    given = _given(overrides, _OF_VIDEOS)
    _truth(given, _NO_OVERLAP_IN_MEMORY)
    holes = _whole(given, _FILL_HOLES, default=0, accepts=lambda number: number >= 0)
    binarize = _truth(given, _BINARIZE)
    return VideoSettings(
        model=_settings(given, image_size, apply_postprocessing),
        remembering=Remembering(
            max_cond_frames_in_attn=_whole(
                given, _MAX_CONDITIONING, default=-1, accepts=lambda n: n == -1 or n >= 2
            ),
            memory_temporal_stride_for_eval=_whole(
                given, _STRIDE, default=1, accepts=lambda number: number >= 1
            ),
            binarize_mask_from_pts_for_mem_enc=apply_postprocessing or binarize,
        ),
        fill_hole_area=_HOLES_FILLED if apply_postprocessing else holes,
        non_overlap_masks=_truth(given, _NO_OVERLAP),
        clear_non_cond_mem_around_input=_truth(given, _CLEAR_AROUND),
        add_all_frames_to_correct_as_cond=_truth(given, _CORRECTIONS_CONDITION),
    )


def _settings(given: Mapping[str, str], image_size: int, apply_postprocessing: bool) -> Settings:
    defaults = StabilityFallback()
    size = _side(given.get(_IMAGE_SIZE, str(image_size)))
    is_on = _truth(given, _VIA_STABILITY)
    fallback = StabilityFallback(
        delta=_number(_DELTA, given.get(_DELTA, str(defaults.delta))),
        threshold=_number(_THRESHOLD, given.get(_THRESHOLD, str(defaults.threshold))),
    )
    if apply_postprocessing:
        return Settings(size, defaults)
    return Settings(size, fallback if is_on else None)


def _given(overrides: Iterable[str], understood: Collection[str]) -> dict[str, str]:
    return dict(_split(override, understood) for override in overrides)


def _split(override: str, understood: Collection[str]) -> tuple[str, str]:
    match = re.fullmatch(r"\+{0,2}([\w.]+)=(.*)", override)
    if match is None:
        raise CheckpointError(
            f"the override {override!r} cannot be read; expected ++model.field=value. "
            "Groups, deletions and sweeps of Hydra have no counterpart."
        )
    name, value = match[1], match[2]
    if name not in understood:
        words = name.split(".")
        is_known = words[0] == "model" and words[1:] and words[1] in _INSTEAD
        instead = _INSTEAD[words[1]] if is_known else "Leave it out."
        raise CheckpointError(
            f"the override {override!r} sets a field without a counterpart here; expected one of "
            f"{', '.join(understood)}. {instead}"
        )
    return name, value


def _side(text: str) -> int:
    if not text.isdecimal() or int(text) == 0 or int(text) % 32:
        raise _no_value(_IMAGE_SIZE, text, "a positive multiple of 32, such as 512 or 1024")
    return int(text)


def _truth(given: Mapping[str, str], name: str) -> bool:
    text = given.get(name, "false")
    if text.lower() not in ("true", "false"):
        raise _no_value(name, text, "true or false")
    return text.lower() == "true"


def _whole(
    given: Mapping[str, str], name: str, *, default: int, accepts: Callable[[int], bool]
) -> int:
    text = given.get(name, str(default))
    is_whole = re.fullmatch(r"-?\d+", text) is not None
    if not is_whole or not accepts(int(text)):
        raise _no_value(name, text, _WHOLE[name])
    return int(text)


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise _no_value(name, text, "a finite number")
    return number


def _no_value(name: str, text: str, expected: str) -> CheckpointError:
    return CheckpointError(
        f"the override {name}={text} has a value that cannot be; expected {expected}. "
        "Correct the value or leave the override out."
    )
