"""What `masklet track` can write. Imports nothing heavy."""

from collections.abc import Iterable
from enum import StrEnum

from masklet.errors import OutputError


class Format(StrEnum):
    """One kind of result."""

    MASKLETS = "masklets"
    PALETTE = "palette"
    OBJECTS = "objects"
    OVERLAY = "overlay"
    COCO = "coco"
    YTVIS = "ytvis"
    CUTOUT_WEBM = "cutout-webm"
    CUTOUT_MOV = "cutout-mov"
    CUTOUT_PNG = "cutout-png"

    @property
    def file_name(self) -> str:
        """The file or folder that it becomes."""
        return _FILES[self]

    @property
    def needs_pixels(self) -> bool:
        """Whether the frames are read again for it."""
        return self is Format.OVERLAY or self.name.startswith("CUTOUT")


_FILES = {
    Format.MASKLETS: "masklets.json",
    Format.PALETTE: "palette",
    Format.OBJECTS: "objects",
    Format.OVERLAY: "overlay.mp4",
    Format.COCO: "coco.json",
    Format.YTVIS: "ytvis.json",
    Format.CUTOUT_WEBM: "cutout.webm",
    Format.CUTOUT_MOV: "cutout.mov",
    Format.CUTOUT_PNG: "cutout",
}
DEFAULT_FORMATS = (Format.MASKLETS, Format.OVERLAY)


def read_formats(texts: Iterable[str]) -> tuple[Format, ...]:
    """The formats that were typed, each text one name or several with commas, each format once.

    Raises:
        OutputError: a name is unknown.

    >>> [str(each) for each in read_formats(["palette,coco", "coco"])]
    ['palette', 'coco']
    """
    names = [name.strip() for text in texts for name in text.split(",")]
    known = {str(each): each for each in Format}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise OutputError(
            f"--format {unknown[0]!r} is unknown; expected {', '.join(known)}. Repeat the option, "
            "or put commas between several."
        )
    return tuple(dict.fromkeys(known[name] for name in names)) or DEFAULT_FORMATS
