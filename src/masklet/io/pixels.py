"""From a decoder's frame to an upright RGB array."""

from typing import TYPE_CHECKING, cast

import numpy as np
from av.sidedata.sidedata import Type as SideData
from av.video.frame import VideoFrame

from masklet.io.video import Frame

if TYPE_CHECKING:
    from av.sidedata.sidedata import SideDataContainer


def upright_rgb(frame: VideoFrame) -> Frame:
    """The frame as 8-bit RGB, turned and mirrored as it says that it is to be shown.

    Only right angles: a matrix that turns by others counts as the nearest.

    >>> upright_rgb(VideoFrame(64, 48, "yuv420p")).shape
    (48, 64, 3)
    """
    pixels = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    # PyAV's types know of motion vectors only.
    notes = cast("SideDataContainer", frame.side_data)
    try:
        matrix = bytes(notes[SideData.DISPLAYMATRIX])
    except KeyError:
        return pixels
    # x' = a x + c y and y' = b x + d y, in 16.16 fixed point; the third column is perspective.
    a, b, _, c, d, *_ = np.frombuffer(matrix, np.int32).tolist()
    if abs(b) + abs(c) > abs(a) + abs(d):
        pixels, from_right, from_below = pixels.transpose(1, 0, 2), c < 0, b < 0
    else:
        from_right, from_below = a < 0, d < 0
    rows = slice(None, None, -1 if from_below else 1)
    columns = slice(None, None, -1 if from_right else 1)
    return np.ascontiguousarray(pixels[rows, columns])
