"""Hydra overrides of the official builder, as far as they mean something for images."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from masklet.compat.sam2.modeling.sam2_base import StabilityFallback
from masklet.errors import CheckpointError

_DECODER = "model.sam_mask_decoder_extra_args.dynamic_multimask_"
_IMAGE_SIZE = "model.image_size"
_VIA_STABILITY = f"{_DECODER}via_stability"
_DELTA = f"{_DECODER}stability_delta"
_THRESHOLD = f"{_DECODER}stability_thresh"
_UNDERSTOOD = (_IMAGE_SIZE, _VIA_STABILITY, _DELTA, _THRESHOLD)

_ARCHITECTURE = (
    "A network of other parts is described by masklet.model.config.ModelConfig and built by "
    "masklet.model.sam2.SAM2."
)
_VIDEO_ONLY = "It changes videos only: leave it out for images."
# Where the first word after "model." leads to, for fields that are refused.
_INSTEAD = {
    "_target_": _ARCHITECTURE,
    "image_encoder": _ARCHITECTURE,
    "memory_attention": _ARCHITECTURE,
    "memory_encoder": _ARCHITECTURE,
    "compile_image_encoder": "Call model.image_encoder.trunk.compile() on what build_sam2 returns.",
    "fill_hole_area": "For images it is SAM2ImagePredictor(model, max_hole_area=...).",
    "binarize_mask_from_pts_for_mem_enc": _VIDEO_ONLY,
    "max_cond_frames_in_attn": _VIDEO_ONLY,
    "memory_temporal_stride_for_eval": _VIDEO_ONLY,
    "multimask_output_for_tracking": _VIDEO_ONLY,
    "non_overlap_masks": _VIDEO_ONLY,
    "non_overlap_masks_for_mem_enc": _VIDEO_ONLY,
    "num_maskmem": _VIDEO_ONLY,
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What a caller of the builder changed about a model."""

    image_size: int
    fallback: StabilityFallback | None


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
    given = dict(_split(override) for override in overrides)
    defaults = StabilityFallback()
    size = _side(given.get(_IMAGE_SIZE, str(image_size)))
    is_on = _truth(given.get(_VIA_STABILITY, "false"))
    fallback = StabilityFallback(
        delta=_number(_DELTA, given.get(_DELTA, str(defaults.delta))),
        threshold=_number(_THRESHOLD, given.get(_THRESHOLD, str(defaults.threshold))),
    )
    if apply_postprocessing:
        return Settings(size, defaults)
    return Settings(size, fallback if is_on else None)


def _split(override: str) -> tuple[str, str]:
    match = re.fullmatch(r"\+{0,2}([\w.]+)=(.*)", override)
    if match is None:
        raise CheckpointError(
            f"the override {override!r} cannot be read; expected ++model.field=value. "
            "Groups, deletions and sweeps of Hydra have no counterpart."
        )
    name, value = match[1], match[2]
    if name not in _UNDERSTOOD:
        words = name.split(".")
        is_known = words[0] == "model" and words[1:] and words[1] in _INSTEAD
        instead = _INSTEAD[words[1]] if is_known else "Leave it out."
        raise CheckpointError(
            f"the override {override!r} sets a field without a counterpart here; expected one of "
            f"{', '.join(_UNDERSTOOD)}. {instead}"
        )
    return name, value


def _side(text: str) -> int:
    if not text.isdecimal() or int(text) == 0 or int(text) % 32:
        raise _no_value(_IMAGE_SIZE, text, "a positive multiple of 32, such as 512 or 1024")
    return int(text)


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise _no_value(_VIA_STABILITY, text, "true or false")
    return text.lower() == "true"


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
