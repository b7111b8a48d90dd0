"""Masks as one black and white PNG per object and frame, objects may overlap.

Every object has a folder named by its id, 001; in it the files are named by frame index, 00000.png,
gray, 0 outside and 255 inside, as SA-V's validation masks are laid out.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from masklet.errors import ImageError, OutputError
from masklet.io.atomic import make_folder
from masklet.io.given import given_mask
from masklet.io.images import read_mask, write_png
from masklet.io.palette_png import numbered_pngs, picture_name
from masklet.ops import rle
from masklet.types import FrameMasks, ObjectId


def write_object_pngs(
    folder: str | Path,
    frames: Iterable[FrameMasks],
    *,
    name_of: Callable[[int], str] = picture_name,
) -> int:
    """Write a PNG for every object of every frame and return how many; one frame at a time.

    A frame on which an object is hidden gets a black picture, one for which it has no mask none.

    Args:
        folder: it is made if need be; files of the same names are replaced.
        frames: what to write.
        name_of: the file that holds a frame, by frame index.

    Raises:
        OutputError: an id is negative, or a file cannot be written; those written before are whole
            and stay.

    >>> from tempfile import mkdtemp
    >>> write_object_pngs(mkdtemp(), [FrameMasks(0, ())])
    0
    """
    count, places = 0, dict[ObjectId, Path]()
    place = make_folder(folder)
    for frame in frames:
        for mask in frame.objects:
            if mask.object_id not in places:
                places[mask.object_id] = make_folder(place / _folder_name(mask.object_id))
            name = name_of(frame.frame_index)
            write_png(places[mask.object_id] / name, rle.decode(mask.segmentation))
            count += 1
    return count


def read_object_pngs(folder: str | Path) -> Iterator[FrameMasks]:
    """Read such a folder frame by frame, by rising frame index; every mask counts as certain.

    Raises:
        ImageError: there is no folder named by a number in it, one of them holds other things than
            PNGs named by frame index, or a picture is damaged or no mask.
    """
    places: dict[int, dict[ObjectId, Path]] = {}
    for object_id, place in _numbered_folders(Path(folder)):
        for index, path in numbered_pngs(place):
            places.setdefault(index, {})[object_id] = path
    for index in sorted(places):
        masks = (
            given_mask(object_id, rle.encode(read_mask(path)))
            for object_id, path in places[index].items()
        )
        yield FrameMasks(index, tuple(masks))


def _folder_name(object_id: ObjectId) -> str:
    if object_id < 0:
        raise OutputError(
            f"object {object_id} cannot have a folder of its number; expected an id of 0 or more. "
            "Track with such ids, or write JSON."
        )
    return f"{object_id:03d}"


def _numbered_folders(folder: Path) -> list[tuple[ObjectId, Path]]:
    inside = folder.iterdir() if folder.is_dir() else ()
    numbered = [
        (int(path.name), path)
        for path in inside
        if path.is_dir() and path.name.isascii() and path.name.isdigit()
    ]
    if not numbered:
        raise ImageError(
            f"the folder {folder} holds no folder named by an object id or is none; expected one "
            "per object, such as 001, with PNGs named by frame index. Check the folder."
        )
    return sorted(numbered)
