"""Small clips in the layouts of the field, written to a folder; shared by the tests of datasets."""

import json

import numpy as np
from PIL import Image

from masklet.io.encode import write_video
from masklet.io.palette_png import davis_palette
from masklet.ops import rle

SIZE = (24, 32)


def labels(boxes, size=SIZE):
    """A picture of labels from `{index: (top, left)}`, squares of 6 pixels."""
    picture = np.zeros(size, np.uint8)
    for index, (top, left) in boxes.items():
        picture[top : top + 6, left : left + 6] = index
    return picture


def square(top, left, size=SIZE):
    return labels({1: (top, left)}, size) > 0


def write_frame(path, number=0, size=SIZE):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), 40 + number % 100, np.uint8)).save(path)


def write_labels(path, picture, *, palette=True):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(picture)
    if palette:
        image.putpalette(davis_palette())
    image.save(path)


def write_text(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def write_clip(frames, annotations, drawn, *, suffix="jpg", digits=5, palette=True):
    """A clip from `{number: labels or None}`; None is a frame without annotation."""
    for number, picture in drawn.items():
        write_frame(frames / f"{number:0{digits}d}.{suffix}", number)
        if picture is not None:
            path = annotations / f"{number:0{digits}d}.png"
            write_labels(path, picture, palette=palette)


TWO = {
    0: labels({1: (2, 3)}),
    1: labels({1: (3, 4), 2: (12, 20)}),
    2: labels({2: (13, 21)}),
}
"""Object 1 is hidden on frame 2, object 2 comes on frame 1."""


def write_davis(root, clips=("bear", "dog"), *, year="2017", split="val", drawn=None, place="480p"):
    """A dataset in the layout of DAVIS."""
    for name in clips:
        write_clip(
            root / "JPEGImages" / place / name, root / "Annotations" / place / name, drawn or TWO
        )
    write_text(root / "ImageSets" / year / f"{split}.txt", "\n".join(clips) + "\n")
    return root


def write_split(root, clips, *, digits=5):
    """A split such as those of YouTube-VOS, MOSE and LVOS, from `{clip: {number: labels}}`."""
    for name, drawn in clips.items():
        write_clip(root / "JPEGImages" / name, root / "Annotations" / name, drawn, digits=digits)
    return root


def write_meta(path, videos):
    """A meta.json from `{video: {id: description}}`."""
    objects = {name: {"objects": described} for name, described in videos.items()}
    write_text(path, json.dumps({"videos": objects}))


def write_sav_video(folder, name, masks, *, ids=(0, 2), num_frames=9, drawn="manual"):
    """A video and its JSON from a list, for every fourth frame, of one mask for each object."""
    folder.mkdir(parents=True, exist_ok=True)
    frames = [np.full((*SIZE, 3), 20 * index, np.uint8) for index in range(num_frames)]
    write_video(folder / f"{name}.mp4", frames, 24)
    encoded = [[None if each is None else rle.encode(each) for each in frame] for frame in masks]
    document = {"video_id": name, "masklet_id": list(ids), "masklet": encoded}
    write_text(folder / f"{name}_{drawn}.json", json.dumps(document))


def write_sav_frames(root, name, drawn, *, num_frames=9):
    """A validation clip of SA-V from `{object: {number: mask}}`."""
    for number in range(num_frames):
        write_frame(root / "JPEGImages_24fps" / name / f"{number:05d}.jpg", number)
    for object_id, masks in drawn.items():
        for number, mask in masks.items():
            path = root / "Annotations_6fps" / name / f"{object_id:03d}" / f"{number:05d}.png"
            write_labels(path, mask.astype(np.uint8))
