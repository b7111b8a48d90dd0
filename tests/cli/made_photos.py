"""Labelled photos for commands that want a COCO file, or pictures with painted masks."""

import json

import numpy as np
from PIL import Image

from masklet.ops.rle import encode
from tests.cli.conftest import clip_pictures


def write_photos(folder, davis):
    """The first frames of two clips of a dataset in the DAVIS layout, and their masks as COCO."""
    (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    for number, clip in enumerate(sorted((davis / "JPEGImages" / "480p").iterdir())[:2], start=1):
        frame = min(clip.iterdir())
        (folder / "images" / f"{number}.jpg").write_bytes(frame.read_bytes())
        labels = np.asarray(
            Image.open(davis / "Annotations" / "480p" / clip.name / f"{frame.stem}.png")
        )
        height, width = labels.shape
        name = f"{number}.jpg"
        images.append({"id": number, "file_name": name, "height": height, "width": width})
        annotations += [
            _annotation(number, labels == each) for each in np.unique(labels[labels > 0])
        ]
    for number, annotation in enumerate(annotations, start=1):
        annotation["id"] = number
    document = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "thing"}],
    }
    (folder / "labels.json").write_text(json.dumps(document))


def write_painted(folder, count=12):
    """Pictures of a moving square, with masks; gives the folder."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(clip_pictures(count)):
        mask = np.zeros(picture.shape[:2], np.uint8)
        mask[10:26, 4 + 3 * number : 20 + 3 * number] = 255
        Image.fromarray(picture).save(folder / "images" / f"{number:02d}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{number:02d}.png")
    return folder


def _annotation(image_id, mask):
    y, x = np.nonzero(mask)
    left, top = int(x.min()), int(y.min())
    return {
        "image_id": image_id,
        "category_id": 1,
        "iscrowd": 0,
        "area": int(mask.sum()),
        "bbox": [left, top, int(x.max()) + 1 - left, int(y.max()) + 1 - top],
        "segmentation": encode(mask),
    }
