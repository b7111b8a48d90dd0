"""The classical methods by the names that they have on the command line."""

from masklet.errors import PromptError
from masklet.eval.classical_pictures import FloodFill, GrabCut
from masklet.eval.classical_videos import CopyFirst, OpticalFlow
from masklet.eval.methods import PictureMethod, VideoMethod


def picture_method(name: str) -> PictureMethod:
    """The method for pictures: "grabcut" or "flood-fill".

    Raises:
        MissingExtra: OpenCV is not installed.
        PromptError: there is no such method for pictures.

    >>> picture_method("grabcut").name
    'grabcut'
    """
    match name:
        case "grabcut":
            return GrabCut()
        case "flood-fill":
            return FloodFill()
        case _:
            raise _misnamed(name, "pictures", "grabcut or flood-fill", "clips")


def video_method(name: str) -> VideoMethod:
    """The method for clips: "optical-flow" or "copy".

    Raises:
        MissingExtra: OpenCV is not installed.
        PromptError: there is no such method for clips.

    >>> video_method("copy").name
    'copy'
    """
    match name:
        case "optical-flow":
            return OpticalFlow()
        case "copy":
            return CopyFirst()
        case _:
            raise _misnamed(name, "clips", "optical-flow or copy", "pictures")


def _misnamed(name: str, items: str, expected: str, others: str) -> PromptError:
    return PromptError(
        f"{name} is no classical method for {items}; expected {expected}. Choose one of these, or "
        f"measure on {others}."
    )
