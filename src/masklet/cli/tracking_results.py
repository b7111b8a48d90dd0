"""The files that the masks of a video become."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from masklet.cli.formats import Format
from masklet.cli.progress import Reporter
from masklet.io.coco import write_coco
from masklet.io.cutout import cut_out
from masklet.io.encode import write_png_sequence, write_transparent_video, write_video
from masklet.io.images import write_png
from masklet.io.masklets import Masklets, write_masklets
from masklet.io.object_png import write_object_pngs
from masklet.io.palette_png import write_palette_pngs
from masklet.io.streamed import failure_told
from masklet.io.video import FrameSource
from masklet.io.youtube_vis import write_youtube_vis
from masklet.ops import rle
from masklet.types import FrameMasks, ObjectId, Prompt
from masklet.viz.labels import draw_labels
from masklet.viz.overlay import draw_masks, draw_prompts
from masklet.viz.sheet import evenly_spaced, video_sheet
from masklet.viz.timeline import draw_timeline

Picture: TypeAlias = npt.NDArray[np.uint8]
Prompts: TypeAlias = Mapping[int, Mapping[ObjectId, Prompt]]

SHEET_NAME = "sheet.png"
SCORES_NAME = "scores.png"

# Folders of pictures have no rate; this is that of films, and of DAVIS.
_FPS = 24.0


def result_names(formats: Iterable[Format], *, has_pixels: bool) -> list[str]:
    """The files and folders that `write_results` makes.

    >>> result_names([Format.PALETTE], has_pixels=True)
    ['palette', 'sheet.png', 'scores.png']
    """
    pictures = [SHEET_NAME, SCORES_NAME] if has_pixels else [SCORES_NAME]
    return [*(each.file_name for each in formats), *pictures]


def clear_results(folder: Path, formats: Sequence[Format]) -> None:
    """Remove numbered PNGs that an earlier run left in the folders of these formats.

    Files are replaced by their name, but an earlier run may have had more frames.

    Raises:
        OutputError: a file cannot be removed.
    """
    patterns = ["*/*.png" if each is Format.OBJECTS else "*.png" for each in formats]
    for each, pattern in zip(formats, patterns, strict=True):
        found = (folder / each.file_name).glob(pattern)
        for path in [path for path in found if path.stem.isdecimal()]:
            with failure_told(path):
                path.unlink()


def write_results(
    folder: Path,
    formats: Iterable[Format],
    masklets: Masklets,
    source: FrameSource | None,
    report: Reporter,
) -> None:
    """Write all files of one video, each whole or not at all.

    Args:
        folder: where to; it exists.
        formats: what to write beside the contact sheet and the plot.
        masklets: the masks, of at least one frame.
        source: where the frames can be read again; None for a camera.
        report: told of every frame that is written into a video.

    Raises:
        OutputError: a file cannot be written.
        VideoError: a frame cannot be read again.
    """
    for each in formats:
        path = folder / each.file_name
        if not each.needs_pixels:
            _write_masks(path, each, masklets)
        elif source is not None:
            _write_pictures(path, each, masklets, source, report)
    if source is not None:
        write_png(folder / SHEET_NAME, _sheet(masklets, source))
    write_png(folder / SCORES_NAME, _scores(masklets))


def overlay(picture: Picture, frame: FrameMasks, prompts: Mapping[ObjectId, Prompt]) -> Picture:
    """The masks of a frame with their numbers, and what was said on it, drawn on the frame."""
    ids = [mask.object_id for mask in frame.objects]
    if not ids:
        return picture
    masks = np.stack([rle.decode(mask.segmentation) for mask in frame.objects])
    drawn = draw_masks(picture, masks, ids=ids)
    drawn = draw_prompts(drawn, list(prompts.values()), ids=list(prompts))
    return draw_labels(drawn, masks, ids=ids)


def _write_masks(path: Path, kind: Format, masklets: Masklets) -> None:
    frames, video = masklets.frames, masklets.video
    match kind:
        case Format.MASKLETS:
            write_masklets(path, masklets)
        case Format.PALETTE:
            write_palette_pngs(path, frames, video.size)
        case Format.OBJECTS:
            write_object_pngs(path, frames)
        case Format.COCO:
            write_coco(path, video, frames)
        case _:
            write_youtube_vis(path, video, frames)


def _write_pictures(
    path: Path, kind: Format, masklets: Masklets, source: FrameSource, report: Reporter
) -> None:
    pictures, fps = _pictures(masklets, source, report), masklets.video.fps or _FPS
    match kind:
        case Format.OVERLAY:
            drawn = (
                overlay(picture, frame, masklets.prompts.get(frame.frame_index, {}))
                for picture, frame in zip(pictures, masklets.frames, strict=True)
            )
            write_video(path, drawn, fps)
        case Format.CUTOUT_PNG:
            first = masklets.frames[0].frame_index
            write_png_sequence(path, cut_out(pictures, masklets.frames), first=first)
        case _:
            write_transparent_video(path, cut_out(pictures, masklets.frames), fps)


def _pictures(masklets: Masklets, source: FrameSource, report: Reporter) -> Iterator[Picture]:
    """The frames that there are masks for; they follow each other without gaps."""
    first, last = masklets.frames[0].frame_index, masklets.frames[-1].frame_index
    for picture in source.frames(first, last + 1):
        yield picture
        report.step()


def _sheet(masklets: Masklets, source: FrameSource) -> Picture:
    frames = [masklets.frames[place] for place in evenly_spaced(len(masklets.frames))]
    indices = [frame.frame_index for frame in frames]
    pictures = [
        overlay(source[frame.frame_index], frame, masklets.prompts.get(frame.frame_index, {}))
        for frame in frames
    ]
    return video_sheet(pictures, indices, fps=masklets.video.fps)


def _scores(masklets: Masklets) -> Picture:
    prompted: dict[ObjectId, list[int]] = {}
    for index, of_frame in masklets.prompts.items():
        for object_id in of_frame:
            prompted.setdefault(object_id, []).append(index)
    video = masklets.video
    return draw_timeline(
        masklets.frames,
        prompted=prompted,
        num_frames=video.num_frames,
        fps=video.fps,
        title=video.name,
    )
