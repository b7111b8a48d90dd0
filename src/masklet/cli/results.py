"""The files that a picture's masks become."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import masklet
from masklet.errors import OutputError
from masklet.io.annotations import describe_image
from masklet.io.atomic import write_json
from masklet.io.images import write_png
from masklet.types import MaskSet, ObjectId, Prompt
from masklet.viz.overlay import draw_masks, draw_prompts


@dataclass(frozen=True, slots=True)
class Result:
    """One picture, what was said about it and what was answered."""

    source: Path
    image: npt.NDArray[np.uint8]
    prompts: Mapping[ObjectId, Prompt]
    answers: MaskSet
    """In the order of the prompts, best first for each."""
    masks: npt.NDArray[np.bool_]
    """`answers.masks()`, computed once."""
    model: str

    def document(self) -> dict[str, Any]:  # Any: JSON
        """The picture's JSON, as `masklet.io.annotations` describes it."""
        return describe_image(
            str(self.source),
            self.prompts,
            self.answers,
            self.masks,
            model=self.model,
            masklet_version=masklet.__version__,
        )

    def summary(self) -> str:
        """The picture in one line: of every object the size of its best mask, and how sure it is."""
        told = []
        for number, object_id in enumerate(self.prompts):
            row = self.answers.prompt_index.index(number)
            area, iou = int(self.masks[row].sum()), float(self.answers.iou[row])
            told.append(f"object {object_id} has {area} pixels, predicted IoU {iou:.2f}")
        return f"{self.source}: {'; '.join(told)}"

    def overlay(self) -> npt.NDArray[np.uint8]:
        """The best mask of every object, and the prompts, drawn on the picture."""
        rows = [self.answers.prompt_index.index(number) for number in range(len(self.prompts))]
        ids = list(self.prompts)
        drawn = draw_masks(self.image, self.masks[rows], ids=ids)
        return draw_prompts(drawn, list(self.prompts.values()), ids=ids)


def file_names(name: str, object_ids: Iterable[ObjectId], candidates: int) -> list[str]:
    """All files of one picture, the JSON last: where it is, the others are complete.

    >>> file_names("cat", [1], 1)
    ['cat_mask_1.png', 'cat_cutout_1.png', 'cat_overlay.png', 'cat.json']
    """
    labels = _labels(object_ids, candidates)
    pictures = [f"{name}_{kind}_{label}.png" for label in labels for kind in ("mask", "cutout")]
    return [*pictures, f"{name}_overlay.png", f"{name}.json"]


def check_free(folder: Path, names: Sequence[str]) -> None:
    """Raise `OutputError` if one of the files exists."""
    there = [name for name in names if (folder / name).exists()]
    if there:
        there_is = f"and {len(there) - 1} more exist" if len(there) > 1 else "exists"
        raise OutputError(
            f"{folder / there[0]} {there_is}; expected to write new files. Replace them with "
            "--overwrite, or choose another folder with --out."
        )


def write_result(folder: Path, name: str, result: Result) -> dict[str, Any]:  # Any: JSON
    """Write all files of one picture; its document, with the names of the files, is returned.

    Raises:
        OutputError: a file cannot be written; none is left half-written.
    """
    candidates = len(result.answers) // len(result.prompts)
    *pictures, overlay, document_name = file_names(name, result.prompts, candidates)
    document = result.document()
    described = [one for each in document["objects"] for one in each["masks"]]
    cutouts = result.answers.cutouts(result.image)
    for row, mask in enumerate(result.masks):
        mask_name, cutout_name = pictures[2 * row : 2 * row + 2]
        write_png(folder / mask_name, mask)
        write_png(folder / cutout_name, cutouts[row])
        described[row]["files"] = {"mask": mask_name, "cutout": cutout_name}
    write_png(folder / overlay, result.overlay())
    document["files"] = {"overlay": overlay}
    write_json(folder / document_name, document)
    return document


def _labels(object_ids: Iterable[ObjectId], candidates: int) -> list[str]:
    if candidates == 1:
        return [str(object_id) for object_id in object_ids]
    ranks = range(1, candidates + 1)
    return [f"{object_id}_{rank}" for object_id in object_ids for rank in ranks]
