"""Write labelled clips as a dataset in the layout of DAVIS."""

import io
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from masklet.data.records import Clip, FrameTruth
from masklet.data.scenes.suite import GeneratedClip
from masklet.data.scenes.tiny import tiny_clips
from masklet.errors import OutputError
from masklet.io.atomic import make_folder, write_bytes
from masklet.io.palette_png import davis_palette
from masklet.io.streamed import failure_told
from masklet.io.video import Frame

# What DAVIS means by "not judged".
_VOID = 255


def write_davis(folder: str | Path, clips: Iterable[Clip], *, split: str = "val") -> None:
    """Write clips as a dataset in the layout of DAVIS 2017; it appears whole or not at all.

    Frames become JPEGs of quality 95, annotated frames indexed PNGs: the id of the object, 0 where
    there is none, 255 where nobody judged. What they cannot tell is lost: an object that was not
    annotated on a frame counts as hidden there, and categories are not written.

    Args:
        folder: where to; there is nothing of that name yet, its parents are made.
        clips: what to write, read one frame at a time.
        split: the name of their list in `ImageSets/2017`.

    Raises:
        OutputError: there is something of that name, two clips have one name, objects overlap or
            have ids that do not fit into an indexed PNG, or a file cannot be written.
        DatasetError, VideoError: a clip cannot be read.

    >>> from tempfile import mkdtemp
    >>> folder = Path(mkdtemp()) / "clips"
    >>> write_davis(folder, tiny_clips()[:1])
    >>> sorted(path.name for path in folder.iterdir())
    ['Annotations', 'ImageSets', 'JPEGImages']
    """
    with _growing_folder(Path(folder)) as place:
        names: list[str] = []
        for clip in clips:
            if clip.name in names:
                raise OutputError(
                    f"two clips are called {clip.name}; expected different names, as folders have. "
                    "Rename one of them."
                )
            _write_clip(place, clip)
            names.append(clip.name)
        lists = make_folder(place / "ImageSets" / "2017")
        write_bytes(lists / f"{split}.txt", "".join(f"{name}\n" for name in names).encode())


def tiny_dataset(folder: str | Path) -> tuple[GeneratedClip, ...]:
    """Write the clips of `tiny_clips` in the layout of DAVIS, and return them.

    Three clips of 8 to 12 frames of 96x64 pixels. Raises `OutputError` as `write_davis`.

    >>> from tempfile import mkdtemp
    >>> [clip.name for clip in tiny_dataset(Path(mkdtemp()) / "tiny")]
    ['alone', 'behind', 'late']
    """
    clips = tiny_clips()
    write_davis(folder, clips)
    return clips


@contextmanager
def _growing_folder(target: Path) -> Iterator[Path]:
    """A folder to write to, beside `target`; at the end of the block it becomes `target`."""
    if target.exists() or target.is_symlink():
        raise OutputError(
            f"{target} is there already; expected a name for a new folder, so that no data is "
            "mixed or lost. Choose another one, or remove it first."
        )
    make_folder(target.parent)
    temporary = target.with_name(f".masklet-{secrets.token_hex(8)}.tmp")
    try:
        yield make_folder(temporary)
        with failure_told(target):
            temporary.rename(target)
    except BaseException:
        # Of two failures the first one is worth telling.
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _write_clip(place: Path, clip: Clip) -> None:
    pictures = make_folder(place / "JPEGImages" / "480p" / clip.name)
    labels = make_folder(place / "Annotations" / "480p" / clip.name)
    with clip.open() as frames:
        for name, frame in zip(clip.frame_names, frames, strict=True):
            write_bytes(pictures / f"{name}.jpg", _jpeg(frame))
        size = frames.info.size
    for index in clip.annotated:
        name = clip.frame_names[index]
        truth = _label_map(clip.truth(index), size, f"frame {name} of {clip.name}")
        write_bytes(labels / f"{name}.png", _indexed_png(truth))


def _label_map(truth: FrameTruth, size: tuple[int, int], where: str) -> npt.NDArray[np.uint8]:
    """`(height, width)`: which object is where."""
    labels = np.zeros(size, np.uint8)
    for object_id, mask in truth.masks.items():
        if not 1 <= object_id < _VOID:
            raise OutputError(
                f"object {object_id} on {where} does not fit into an indexed PNG; expected ids "
                f"from 1 to {_VOID - 1}. Number the objects anew."
            )
        if labels[mask].any():
            raise OutputError(
                f"on {where}, object {object_id} overlaps object {labels[mask].max()}; expected "
                "at most one object at a pixel, as an indexed PNG can hold. Write one PNG per "
                "object, or decide who is in front."
            )
        labels[mask] = object_id
    if truth.void is not None:
        labels[truth.void] = _VOID
    return labels


def _jpeg(frame: Frame) -> bytes:
    encoded = io.BytesIO()
    Image.fromarray(frame).save(encoded, format="JPEG", quality=95)
    return encoded.getvalue()


def _indexed_png(labels: npt.NDArray[np.uint8]) -> bytes:
    picture = Image.fromarray(labels)
    picture.putpalette(davis_palette())
    encoded = io.BytesIO()
    picture.save(encoded, format="PNG")
    return encoded.getvalue()
