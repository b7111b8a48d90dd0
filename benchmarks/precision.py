"""How far masks move when the network's large products are bfloat16: trained weights, real photos.

    python benchmarks/precision.py PACK.tar --model masklet-small

The made-up weights of `image.py` sit close to the threshold of the stability rule, so that rounding
decides there more often than it does with trained ones. PACK.tar holds pairs of `KEY.jpg` and
`KEY.json` with COCO run-length masks under `annotations`. Each object is asked for by its box and
by a click in the middle of its pixels; masks are compared as they are shown.
"""

import argparse
import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tables import precision_table

import masklet
from masklet.ops.rle import decode

HERE = Path(__file__).resolve().parent
MASKS_PER_PICTURE = 5


def main() -> None:
    """Compare, print the table, write it and all figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--model", default="masklet-small")
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "precision")
    arguments = parser.parse_args()
    exact = masklet.ImagePredictor(masklet.load(arguments.model))
    narrow = masklet.ImagePredictor(masklet.load(arguments.model, dtype="bfloat16"))
    agreement: dict[str, list[float]] = {"one box, one mask": [], "one click, three masks": []}
    for number, (image, prompts) in enumerate(_questions(arguments.pack, arguments.pictures), 1):
        features = exact.encode(image), narrow.encode(image)
        for name, asked in zip(agreement, prompts, strict=True):
            masks = exact.predict(features[0], asked).masks()
            others = narrow.predict(features[1], asked).masks()
            agreement[name] += _iou(masks, others)
        print(f"\r{number} pictures", end="", file=sys.stderr)
    print(file=sys.stderr)
    figures = {name: _described(values) for name, values in agreement.items()}
    document = {"model": arguments.model, "pack": arguments.pack.name, "agreement": figures}
    arguments.out.with_suffix(".json").write_text(json.dumps(document, indent=1) + "\n")
    table = precision_table(document)
    arguments.out.with_suffix(".md").write_text(table)
    print(table)


def _questions(
    pack: Path, pictures: int
) -> Iterator[tuple[np.ndarray[Any, Any], tuple[list[masklet.Prompt], list[masklet.Prompt]]]]:
    with tarfile.open(pack) as archive:
        names = sorted(name for name in archive.getnames() if name.endswith(".json"))
        for name in names[:pictures]:
            described, picture = archive.extractfile(name), archive.extractfile(name[:-4] + "jpg")
            assert described is not None
            assert picture is not None
            annotations = json.load(described)["annotations"][:MASKS_PER_PICTURE]
            boxes, clicks = [], []
            for annotation in annotations:
                x, y, width, height = annotation["bbox"]
                boxes.append(masklet.Prompt.box_xyxy(x, y, x + width, y + height))
                rows, columns = np.nonzero(decode(annotation["segmentation"]))
                middle = len(rows) // 2
                clicks.append(masklet.Prompt.point(int(columns[middle]), int(rows[middle])))
            yield np.asarray(Image.open(picture).convert("RGB")), (boxes, clicks)


def _iou(masks: np.ndarray[Any, Any], others: np.ndarray[Any, Any]) -> list[float]:
    both, either = (masks & others).sum(axis=(1, 2)), (masks | others).sum(axis=(1, 2))
    return np.where(either > 0, both / np.maximum(either, 1), 1.0).tolist()  # type: ignore[no-any-return]


def _described(values: list[float]) -> dict[str, float]:
    iou = np.array(values)
    return {
        "masks": len(iou),
        "mean": float(iou.mean()),
        "median": float(np.median(iou)),
        "above_0.99": float((iou > 0.99).mean()),
        "below_0.9": float((iou < 0.9).mean()),
    }


if __name__ == "__main__":
    main()
