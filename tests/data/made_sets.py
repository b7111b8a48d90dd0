"""Small datasets with sources, kinds and sizes that can be told apart, for what feeds training."""

from pathlib import Path

import numpy as np

from masklet.data.packs import open_picture_pack, open_video_pack
from masklet.data.records import Dataset
from masklet.data.scenes.tiny import tiny_clips
from tests.data.made_packs import SIZE, box, clip, encoded, jpeg, masklet_json, runs, write_tar

MASKS = {
    "whole": box(2, 3, 18, 27),
    "part": box(6, 6, 12, 12),
    "speck": box(19, 29, 20, 30),
    "region": box(0, 0, 20, 14),
}


def annotation(name, **fields):
    kind = {"part": "part", "region": "region"}.get(name, "instance")
    return {"segmentation": runs(MASKS[name]), "kind": kind, **fields}


def described(annotations, source=None):
    height, width = SIZE
    image = {"width": width, "height": height} | ({"source": source} if source else {})
    return encoded({"image": image, "annotations": annotations})


def picture_pack(folder, damaged=()):
    """Eight pictures of "many" with three objects, two of "few" with one; keys in `damaged` are not."""
    files = {}
    for number in range(10):
        key = f"{number:06d}"
        is_many = number < 8
        annotations = (
            [annotation("whole"), annotation("part", parent=0), annotation("region")]
            if is_many
            else [annotation("whole")]
        )
        picture = jpeg(100 if is_many else 200)
        files[f"{key}.jpg"] = picture[:200] if key in damaged else picture
        files[f"{key}.json"] = described(annotations, "many" if is_many else "few")
    return open_picture_pack([write_tar(Path(folder) / "train.tar", files)])


def video_pack(folder):
    """A clip of six frames whose object shrinks and is hidden at the end."""
    masks = [[runs(box(2, 2, 18 - 3 * time, 28 - 4 * time))] for time in range(5)]
    rows = [*masks, [runs(np.zeros(SIZE, bool))]]
    files = clip("dog", masklet_json(rows, objects=((1, 0, 5),)), frames=6)
    return open_video_pack([write_tar(Path(folder) / "videos.tar", files)])


def tiny_dataset():
    return Dataset("tiny", Path(), "generated", tiny_clips())


class OddPicture:
    """A picture whose masks have another size, as a dataset of somebody's own may have."""

    name = "odd"

    def image(self):
        return np.zeros((20, 31, 3), np.uint8)

    def objects(self):
        from masklet.data.records import PictureObject

        return (PictureObject(1, runs(MASKS["whole"])),)


def odd_dataset():
    return Dataset("odd ones", Path(), "own", (OddPicture(),))
