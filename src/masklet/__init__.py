"""Masklet: say which object is meant, by clicks, boxes or masks, and get its mask.

An independent implementation of SAM 2 (arXiv 2408.00714).

>>> import masklet
>>> model = masklet.load()  # doctest: +SKIP
>>> predictor = masklet.ImagePredictor(model)  # doctest: +SKIP
>>> features = predictor.encode(masklet.read_image("photo.jpg"))  # doctest: +SKIP
>>> masks = predictor.predict(features, masklet.Prompt.point(320, 240))  # doctest: +SKIP
>>> said = {0: {1: masklet.Prompt.point(320, 240)}}  # frame 0, object 1  # doctest: +SKIP
>>> for frame in masklet.track(model, "clip.mp4", said):  # doctest: +SKIP
...     frame.masks.masks()
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from masklet import errors

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping

    import numpy as np
    import numpy.typing as npt

    from masklet.image.predictor import ImagePredictor
    from masklet.io.encode import write_video
    from masklet.io.images import read_image
    from masklet.io.open import open_video
    from masklet.model.protocol import SegmentationModel
    from masklet.tracking.session import Session
    from masklet.tracking.tracker import Tracker
    from masklet.types import FrameResult, MaskSet, ObjectId, Prompt
    from masklet.weights.load import load

    __version__: str

__all__ = [
    "FrameResult",
    "ImagePredictor",
    "MaskSet",
    "Prompt",
    "Session",
    "Tracker",
    "__version__",
    "errors",
    "load",
    "open_video",
    "read_image",
    "track",
    "write_video",
]

# Names are imported when they are first asked for: `import masklet` must not load torch.
_HOMES = {
    "FrameResult": "masklet.types",
    "ImagePredictor": "masklet.image.predictor",
    "MaskSet": "masklet.types",
    "Prompt": "masklet.types",
    "Session": "masklet.tracking.session",
    "Tracker": "masklet.tracking.tracker",
    "load": "masklet.weights.load",
    "open_video": "masklet.io.open",
    "read_image": "masklet.io.images",
    "write_video": "masklet.io.encode",
}


def track(
    model: "SegmentationModel",
    video: "Iterable[npt.NDArray[np.uint8]] | str | os.PathLike[str]",
    prompts: "Mapping[int, Mapping[ObjectId, Prompt]]",
    **settings: Any,  # Any: those of `masklet.tracking.tracker.track`
) -> "Iterator[FrameResult]":
    """Track prompted objects through a video file, a folder of pictures or any stream of frames.

    Frames are read when their turn comes and dropped after it, so memory does not grow.

    Args:
        model: from `masklet.load`.
        video: a path; or `(height, width, 3)` uint8 RGB frames in order, from anywhere.
        prompts: by frame index, counted from 0, what is said about which object.
        **settings: those of `masklet.tracking.tracker.track`: `policy`, `lookahead` and so on. Of a
            path, 4 frames are encoded at once under CUDA unless said otherwise (a choice, not
            measured on a GPU); frames from elsewhere, which may be live, one at a time.

    Yields:
        One result per frame, from the first prompted frame on, as soon as it is known. A file is
        not decoded before the key frame that this one needs.

    Raises:
        VideoError: the video cannot be read.
        PromptError: nothing is prompted, a prompt does not fit its frame, or the video does not
            have that frame.
    """
    import os

    from masklet.io.open import open_video
    from masklet.tracking.stream import default_lookahead
    from masklet.tracking.tracker import track as follow

    if not isinstance(video, str | os.PathLike):
        yield from follow(model, video, prompts, **settings)
        return
    with open_video(video) as source:
        start = min(prompts, default=0)
        if not 0 <= start < len(source):
            start = 0  # there is no such frame, as `follow` says
        known = {"num_frames": len(source), "first_frame": start}
        known["lookahead"] = default_lookahead(model.device)
        yield from follow(model, source.frames(start), prompts, **(known | settings))


def __getattr__(name: str) -> Any:  # Any: whatever the name stands for
    if name == "__version__":
        value = _version()
    elif name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'masklet' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("masklet")
    except PackageNotFoundError:
        # A source tree that was put on the path instead of being installed.
        return "0+source"
