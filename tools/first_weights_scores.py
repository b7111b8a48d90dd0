"""Measure weights on labelled pictures: simulated clicks and boxes against what people drew.

    python tools/first_weights_scores.py DATA masklet-small.safetensors

A click goes to the middle of the thickest error, the first one to the middle of the object; a box is
tight. After the first click the best of three candidates by predicted IoU is shown and refined.

Shapes: N objects of a picture, H W its size, h w any grid.
"""

import argparse
import json
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from first_weights_data import Photo, read_photos
from torch import Tensor

from masklet.image.predictor import ImageFeatures, ImagePredictor
from masklet.ops.boxes import boxes_from_masks
from masklet.ops.rle import decode
from masklet.types import MaskSet, Prompt
from masklet.weights.load import load

Scores = dict[str, float]


def ious(said: Tensor, true: Tensor) -> Tensor:
    """Intersection over union of bool masks over their last two dimensions."""
    union = (said | true).sum(dim=(-2, -1)).clamp(min=1)
    return (said & true).sum(dim=(-2, -1)) / union


def interior_depths(masks_Nhw: Tensor, limit: int) -> Tensor:
    """How many erosions every cell survives, at most `limit`; outside the picture is outside."""
    left = masks_Nhw.float()
    depths = left.clone()
    for _ in range(limit):
        left = -F.max_pool2d(F.pad(-left, (1, 1, 1, 1)), kernel_size=3, stride=1)
        if not left.any():
            break
        depths += left
    return depths


def evaluate(
    predictor: ImagePredictor,
    photos: list[Photo],
    *,
    per_image: int,
    clicks: int,
    size: int | None = None,
) -> dict[str, Scores]:
    """Mean scores per source and over all objects, at most `per_image` of every picture.

    `click1_any` is the best of the three candidates by its true IoU, `said` the predicted IoU after
    one click; `said_NN` and `true_NN` compare the two where it lies between NN and NN + 20 percent.
    """
    rng = np.random.default_rng(0)
    rows: dict[str, list[Scores]] = defaultdict(list)
    for photo in photos:
        picked = rng.permutation(len(photo.annotations))[:per_image]
        masks_NHW = torch.from_numpy(
            np.stack([decode(photo.annotations[number]["segmentation"]) for number in picked])
        )
        started = time.perf_counter()
        features = predictor.encode(photo.pixels, size=size)
        milliseconds = (time.perf_counter() - started) * 1000
        for row in scores_of_boxes_and_clicks(predictor, features, masks_NHW, clicks):
            rows[photo.source].append(row | {"encode_ms": milliseconds})
    rows["all"] = [row for source in rows.values() for row in source]
    return {source: _means(found) for source, found in rows.items()}


def scores_of_boxes_and_clicks(
    predictor: ImagePredictor, features: ImageFeatures, masks_NHW: Tensor, clicks: int
) -> list[Scores]:
    """The scores of every object of one picture."""
    boxes = [Prompt.box_xyxy(*box) for box in boxes_from_masks(masks_NHW).tolist()]
    answer = predictor.predict(features, boxes)
    scores = [{"box": float(value)} for value in _true_ious(answer, masks_NHW)]
    prompts: list[Prompt | None] = [None] * len(masks_NHW)
    said_NHW = torch.zeros_like(masks_NHW)
    shown: MaskSet | None = None
    for click in range(1, clicks + 1):
        for row, (said_HW, true_HW) in enumerate(zip(said_NHW, masks_NHW, strict=True)):
            here, before = next_click(said_HW, true_HW), prompts[row]
            prompts[row] = here if before is None else before + here
        started = time.perf_counter()
        answer = predictor.predict(features, [p for p in prompts if p is not None], refine=shown)
        milliseconds = (time.perf_counter() - started) * 1000 / len(masks_NHW)
        shown = answer.best()
        said_NHW = torch.from_numpy(shown.masks())
        every, best = _true_ious(answer, masks_NHW), _true_ious(shown, masks_NHW)
        for row, score in enumerate(scores):
            score[f"click{click}"] = float(best[row])
            if click == 1:
                mine = torch.tensor(answer.prompt_index) == row
                score["click1_any"] = float(every[mine].amax())
                score["said"] = float(shown.iou[row])
                score["click_ms"] = milliseconds
    return scores


def next_click(said_HW: Tensor, true_HW: Tensor) -> Prompt:
    """A click in the thickest error, looked for on a grid of about 128 x 128 of the pixels."""
    errors_2HW = torch.stack([true_HW & ~said_HW, said_HW & ~true_HW])
    step = max(1, max(true_HW.shape) // 128)
    depths = interior_depths(errors_2HW[:, ::step, ::step], 64)
    if depths.amax() == 0:
        step, depths = 1, errors_2HW.float()
    kind, place = divmod(int(depths.argmax()), depths[0].numel())
    y, x = divmod(place, depths.shape[2])
    return Prompt.point(x * step, y * step, label=1 - kind)


def _true_ious(answer: MaskSet, masks_NHW: Tensor) -> Tensor:
    return ious(torch.from_numpy(answer.masks()), masks_NHW[list(answer.prompt_index)])


def _means(rows: list[Scores]) -> Scores:
    means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    means["said_error"] = float(np.mean([abs(row["said"] - row["click1"]) for row in rows]))
    for percent in range(0, 100, 20):
        inside = [row for row in rows if percent <= row["said"] * 100 < percent + 20]
        if inside:
            means[f"said_{percent}"] = float(np.mean([row["said"] for row in inside]))
            means[f"true_{percent}"] = float(np.mean([row["click1"] for row in inside]))
    return {name: round(value, 4) for name, value in means.items()} | {"objects": len(rows)}


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Measure weights on val-images.tar of a folder.")
    parser.add_argument("data", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--size", type=int, help="side of the network's input")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    predictor = ImagePredictor(load(arguments.weights))
    photos = read_photos([arguments.data / "val-images.tar"])
    scores = evaluate(predictor, photos, per_image=5, clicks=5, size=arguments.size)
    print(json.dumps(scores, indent=2))


if __name__ == "__main__":
    main()
