"""Masklet's own JSON for one picture: what was said, what was answered, by what.

    {"format": "masklet-image", "format_version": 1, "masklet_version": "0.1.0", "model": "...",
     "image": {"file": "photo.jpg", "width": 960, "height": 640},
     "settings": {"threshold": 0.0, "max_hole_area": 0, "max_speck_area": 0},
     "objects": [{"object_id": 1,
                  "prompt": {"points": [[x, y]], "labels": [1], "box": [x0, y0, x1, y1] | null,
                             "mask": RLE | null},
                  "masks": [{"segmentation": RLE, "bbox": [x, y, width, height], "area": pixels,
                             "predicted_iou": 0..1, "object_score": logit,
                             "close_up": [x0, y0, x1, y1]}]}]}

RLE is COCO's compressed run-length encoding, `{"size": [height, width], "counts": "..."}`; `bbox` is
COCO's too. `close_up` is there only if the model looked at that part of the picture again, alone.
Coordinates are pixels of the picture. Masks stand best first.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from masklet.io.json_parts import describe_mask, describe_prompt
from masklet.ops import rle
from masklet.types import MaskSet, ObjectId, Prompt

FORMAT = "masklet-image"
FORMAT_VERSION = 1


def describe_image(
    source: str,
    prompts: Mapping[ObjectId, Prompt],
    answers: MaskSet,
    masks: npt.NDArray[np.bool_],
    *,
    model: str,
    masklet_version: str,
) -> dict[str, Any]:  # Any: JSON
    """The document of one picture.

    Args:
        source: the picture's file, as it was named.
        prompts: what was said, by object id.
        answers: the masks of these prompts, in their order, best first for each.
        masks: `answers.masks()`, which the caller has anyway.
        model: the model's name.
        masklet_version: the version of this package.
    """
    height, width = answers.size
    described = [describe_mask(rle.encode(mask)) for mask in masks]
    objects: list[dict[str, Any]] = [
        {"object_id": number, "prompt": describe_prompt(prompt), "masks": []}
        for number, prompt in prompts.items()
    ]
    scores = zip(answers.scores().tolist(), answers.object_score.float().tolist(), strict=True)
    for row, (iou, object_score) in enumerate(scores):
        described[row] |= {"predicted_iou": iou, "object_score": object_score}
        if row in answers.close_ups:
            described[row]["close_up"] = list(answers.close_ups[row].box)
        objects[answers.prompt_index[row]]["masks"].append(described[row])
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "masklet_version": masklet_version,
        "model": model,
        "image": {"file": source, "width": width, "height": height},
        "settings": {
            "threshold": answers.threshold,
            "max_hole_area": answers.max_hole_area,
            "max_speck_area": answers.max_speck_area,
        },
        "objects": objects,
    }
