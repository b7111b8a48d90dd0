"""Small packs and labelled pictures, made in memory; shared by the tests of the datasets."""

import io
import json
import tarfile

import numpy as np
from PIL import Image

from masklet.ops import rle

SIZE = (20, 30)


def box(top, left, bottom, right, size=SIZE):
    mask = np.zeros(size, bool)
    mask[top:bottom, left:right] = True
    return mask


def runs(mask):
    return dict(rle.encode(mask))


NOTHING = runs(np.zeros(SIZE, bool))


def jpeg(level=100, size=SIZE, **options):
    """All pixels of one gray, give or take what JPEG does to it."""
    data = io.BytesIO()
    Image.fromarray(np.full((*size, 3), level, np.uint8)).save(data, "JPEG", **options)
    return data.getvalue()


def write_tar(path, files):
    """A tar of name to bytes, or to what its `TarInfo` says of something that is no file."""
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            fields = content if isinstance(content, dict) else {"size": len(content)}
            for field, value in fields.items():
                setattr(info, field, value)
            tar.addfile(info, None if isinstance(content, dict) else io.BytesIO(content))
    return path


def annotated(masks, size=SIZE, **fields):
    """The JSON of a picture in a pack, of RLEs by what else the annotation says."""
    height, width = size
    described = [{"segmentation": mask, "kind": "instance", **fields} for mask in masks]
    return encoded({"image": {"width": width, "height": height}, "annotations": described})


def masklet_json(rows, objects=((1, 0, 2),), size=SIZE):
    """The JSON of a clip: RLE or None by frame and object; objects are id, first, last."""
    height, width = size
    listed = [dict(zip(("id", "first", "last"), each, strict=True)) for each in objects]
    video = {"video_id": "a", "height": height, "width": width, "objects": listed}
    return encoded({"video": video, "masklet": rows})


def clip(name="dog", masks=None, frames=3):
    """The files of a clip."""
    pictures = {f"{name}/{index:05d}.jpg": jpeg(50 * index) for index in range(frames)}
    mask = runs(box(2, 3, 8, 9))
    return {**pictures, f"{name}/masks.json": masks or masklet_json([[mask]] * frames)}


def png(pixels):
    """Of `(height, width, 4)` RGBA, or other arrays that Pillow knows."""
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return data.getvalue()


def rgba(mask, colour=(200, 60, 40)):
    """A thing of one colour on nothing, with another colour beneath."""
    pixels = np.full((*mask.shape, 4), (0, 255, 0, 0), np.uint8)
    pixels[mask] = (*colour, 255)
    return pixels


def cutout_json(masks=(), parents=None, size=SIZE, **image):
    """The JSON of a cut-out: bool masks, and the place of the part that each belongs to."""
    height, width = size
    parents = parents or [-1] * len(masks)
    parts = [
        {"segmentation": runs(mask), "parent": parent, "kind": "leaf"}
        for mask, parent in zip(masks, parents, strict=True)
    ]
    return encoded({"image": {"width": width, "height": height, **image}, "parts": parts})


def cutouts(*names):
    """The files of cut-outs: a thing with a half that has a part itself."""
    whole, half, piece = box(0, 0, 20, 30), box(0, 0, 20, 16), box(4, 4, 16, 12)
    pixels = rgba(whole)
    pixels[half] = (40, 90, 200, 255)
    pixels[piece] = (240, 230, 90, 255)
    described = cutout_json([half, piece], [-1, 0])
    return {
        f"{name}.{kind}": data
        for name in names
        for kind, data in (("png", png(pixels)), ("json", described))
    }


def encoded(document):
    return json.dumps(document).encode()
