"""Find the masks that some tool left for a clip, and read them whatever their format.

In a folder of predictions the masks of the clip "goat" are in one of these places:

    goat/00000.png            indexed PNGs, one a frame, a pixel is the id of its object
    goat/001/00000.png        a PNG for every object and frame, in a folder for every object
    goat.json                 masklet's own JSON, COCO's or YouTube-VIS's, of this clip
    goat/masklets.json        what `masklet track --out goat` leaves: that, coco.json, ytvis.json,
                              or the folders palette/ and objects/
    predictions/goat.json     what `masklet eval` leaves

PNGs are named as the clip's frames are, by number: 5.png and 00005.png belong to frame "00005". Only
where the frames are not named by numbers is it their place, counted from 0.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from masklet.data.records import Clip
from masklet.errors import DatasetError
from masklet.eval.runs import file_name
from masklet.io.coco import read_coco
from masklet.io.json_parts import read_document
from masklet.io.masklet_json import FORMAT
from masklet.io.masklets import read_masklets
from masklet.io.object_png import read_object_pngs
from masklet.io.palette_png import read_palette_pngs
from masklet.io.youtube_vis import read_youtube_vis
from masklet.types import FrameMasks

_JSON_NAMES = ("masklets.json", "coco.json", "ytvis.json")
_PALETTE, _OBJECTS = "palette", "objects"

# Black and white masks of one object have 255 inside, which is its id to who reads an index.
_WHITE = 255


def read_predictions(folder: str | Path, clip: Clip) -> tuple[FrameMasks, ...]:
    """The masks of a clip, by rising frame index.

    Args:
        folder: the predictions of one or many clips, laid out as this module says.
        clip: whose masks are wanted.

    Raises:
        DatasetError: there are none, or a PNG belongs to no frame of the clip.
        ImageError: a PNG is damaged or no mask.
        StateError: a JSON file is damaged or holds something else.
    """
    place = _find(Path(folder), clip.name)
    if place.is_file():
        return _read_json(place)
    if any(place.glob("*.png")):
        frames = _black_and_white(read_palette_pngs(place), clip)
    else:
        frames = list(read_object_pngs(place))
    return _renumbered(frames, clip, place)


def _find(folder: Path, name: str) -> Path:
    """The JSON file, or the folder of PNGs or of folders of PNGs."""
    encoded = file_name(name)
    files = (f"{name}.json", f"{encoded}.json", f"predictions/{encoded}.json")
    inside = (*_JSON_NAMES, _PALETTE, _OBJECTS)
    names = (*(f"{name}/{each}" for each in inside), *files, name, encoded)
    for each in names:
        if (folder / each).exists():
            return folder / each
    raise DatasetError(
        f"the folder {folder} holds no masks of the clip {name!r}; expected a folder {name} of PNGs "
        f"or a file {name}.json. Check the folder, or leave out such clips with --skip-broken."
    )


def _read_json(path: Path) -> tuple[FrameMasks, ...]:
    document = read_document(path, "masks of a video as masklet, COCO or YouTube-VIS write them")
    if document.get("format") == FORMAT:
        return read_masklets(path).frames
    if "videos" not in document:
        return read_coco(path)[1]
    video, frames = read_youtube_vis(path)
    # Frames that show nothing have no place there, but are not missing.
    shown = {frame.frame_index: frame for frame in frames}
    return tuple(shown.get(index, FrameMasks(index, ())) for index in range(video.num_frames or 0))


def _black_and_white(frames: Iterable[FrameMasks], clip: Clip) -> list[FrameMasks]:
    """The masks under the id of the clip's only object, where they are black and white."""
    listed, objects = list(frames), clip.objects()
    ids = {mask.object_id for frame in listed for mask in frame.objects}
    if ids != {_WHITE} or len(objects) != 1:
        return listed
    only = objects[0].object_id
    return [
        replace(frame, objects=tuple(replace(mask, object_id=only) for mask in frame.objects))
        for frame in listed
    ]


def _renumbered(frames: list[FrameMasks], clip: Clip, place: Path) -> tuple[FrameMasks, ...]:
    """With places in the clip instead of the numbers in the names of files."""
    index_of = _numbers(clip.frame_names)
    strange = [frame.frame_index for frame in frames if frame.frame_index not in index_of]
    if strange:
        raise DatasetError(
            f"{place} holds {len(strange)} pictures that belong to no frame of the clip, the first "
            f"of number {strange[0]}; expected the numbers of its frames, from "
            f"{clip.frame_names[0]} to {clip.frame_names[-1]}. Name the files as the frames are."
        )
    return tuple(replace(frame, frame_index=index_of[frame.frame_index]) for frame in frames)


def _numbers(names: tuple[str, ...]) -> dict[int, int]:
    """The place of every frame by its number."""
    if all(name.isascii() and name.isdigit() for name in names):
        return {int(name): index for index, name in enumerate(names)}
    return {index: index for index in range(len(names))}
