"""Measure tracking on labelled clips: region and boundary scores after a prompt on the first frame.

    python tools/first_memory_scores.py DATA masklet-small.safetensors
    python tools/first_memory_scores.py DATA masklet-small.safetensors --prompt box --size 384

J is the IoU of a mask, F the harmonic mean of how much of either outline lies within 0.8 % of the
diagonal of the other (DAVIS, Perazzi et al. 2016). Both are means over an object's frames after the
first, then over objects. Where an object is not annotated, the frame is left out; where
both masks are empty, the score is 1. "copied" is the first mask, on every frame.

Shapes: T frames, H W their size.
"""

import argparse
import json
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from first_memory_data import Video, read_videos
from torch import Tensor

from masklet.model.protocol import SegmentationModel
from masklet.ops.boxes import boxes_from_masks
from masklet.tracking.tracker import track
from masklet.types import Prompt
from masklet.weights.load import load

Scores = dict[str, float]
Masks = npt.NDArray[np.bool_]


def region_score(said_HW: Masks, true_HW: Masks) -> float:
    """J: intersection over union."""
    union = (said_HW | true_HW).sum()
    return float((said_HW & true_HW).sum() / union) if union else 1.0


def boundary_score(said_HW: Masks, true_HW: Masks) -> float:
    """F: the harmonic mean of precision and recall of the outline."""
    reach = math.ceil(0.008 * math.hypot(*said_HW.shape))
    said, true = (_outline(torch.from_numpy(mask)) for mask in (said_HW, true_HW))
    if not said.any() or not true.any():
        return float(said.any() == true.any())
    precision = float((said & _thickened(true, reach)).sum() / said.sum())
    recall = float((true & _thickened(said, reach)).sum() / true.sum())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def tracked(
    model: SegmentationModel,
    frames: list[npt.NDArray[np.uint8]],
    prompt: Prompt,
    size: int | None = None,
) -> Masks:
    """The masks `(T, H, W)` of an object that is prompted on the first frame."""
    results = track(model, frames, {0: {1: prompt}}, input_size=size)
    return np.stack([result.masks.masks()[0] for result in results])


def prompt_of(kind: str, mask_HW: Masks) -> Prompt:
    """What the user says of an object: its mask or its tight box."""
    if kind == "mask":
        return Prompt.from_mask(mask_HW)
    return Prompt.box_xyxy(*boxes_from_masks(torch.from_numpy(mask_HW)[None])[0].tolist())


def video_scores(
    model: SegmentationModel, video: Video, *, kind: str, size: int | None
) -> dict[str, Scores]:
    """J and F of every object of a clip, tracked and copied.

    An object starts on the first frame on which it is visible; each is tracked alone.
    """
    frames = [video.frame(index) for index in range(len(video.frames))]
    found: dict[str, Scores] = {}
    for number in range(len(video.masks[0])):
        truth = [video.mask(index, number) for index in range(len(frames))]
        start = next(t for t, mask in enumerate(truth) if mask is not None and mask.any())
        first = truth[start]
        assert first is not None
        said = tracked(model, frames[start:], prompt_of(kind, first), size)
        pairs = [(s, t) for s, t in zip(said[1:], truth[start + 1 :], strict=True) if t is not None]
        found[f"{video.name} {number}"] = {
            "frames": len(pairs),
            "J": float(np.mean([region_score(said, true) for said, true in pairs])),
            "F": float(np.mean([boundary_score(said, true) for said, true in pairs])),
            "copied_J": float(np.mean([region_score(first, true) for _, true in pairs])),
            "copied_F": float(np.mean([boundary_score(first, true) for _, true in pairs])),
        }
    return found


def mean_scores(rows: list[Scores]) -> Scores:
    """The mean of every score over objects."""
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def _outline(mask_HW: Tensor) -> Tensor:
    """Pixels that differ from one to the right, below or both."""
    padded = F.pad(mask_HW[None, None].float(), (0, 1, 0, 1), mode="replicate")[0, 0].bool()
    here = padded[:-1, :-1]
    return (here ^ padded[:-1, 1:]) | (here ^ padded[1:, :-1]) | (here ^ padded[1:, 1:])


def _thickened(mask_HW: Tensor, reach: int) -> Tensor:
    """Everything within a disk of that radius."""
    span = torch.arange(-reach, reach + 1)
    disk = (span[:, None] ** 2 + span[None] ** 2 <= reach**2).float()
    return F.conv2d(mask_HW[None, None].float(), disk[None, None], padding=reach)[0, 0] > 0


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Measure tracking on val-videos.tar of a folder.")
    parser.add_argument("data", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--prompt", choices=("mask", "box"), default="mask")
    parser.add_argument("--size", type=int, help="side of the network's input")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model = load(arguments.weights)
    scores: dict[str, Scores] = {}
    for video in read_videos([arguments.data / "val-videos.tar"]):
        scores |= video_scores(model, video, kind=arguments.prompt, size=arguments.size)
    scores["all"] = mean_scores(list(scores.values()))
    rounded = {name: {k: round(v, 3) for k, v in row.items()} for name, row in scores.items()}
    print(json.dumps(rounded, indent=2))


if __name__ == "__main__":
    main()
