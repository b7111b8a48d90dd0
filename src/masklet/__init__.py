"""Masklet: say which object is meant, by clicks, boxes or masks, and get its mask.

An independent implementation of SAM 2 (arXiv 2408.00714).

>>> import masklet
>>> model = masklet.load()  # doctest: +SKIP
>>> predictor = masklet.ImagePredictor(model)  # doctest: +SKIP
>>> features = predictor.encode(masklet.read_image("photo.jpg"))  # doctest: +SKIP
>>> masks = predictor.predict(features, masklet.Prompt.point(320, 240))  # doctest: +SKIP
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from masklet import errors

if TYPE_CHECKING:
    from masklet.image.predictor import ImagePredictor
    from masklet.io.images import read_image
    from masklet.types import MaskSet, Prompt
    from masklet.weights.load import load

    __version__: str

__all__ = [
    "ImagePredictor",
    "MaskSet",
    "Prompt",
    "__version__",
    "errors",
    "load",
    "read_image",
]

# Names are imported when they are first asked for: `import masklet` must not load torch.
_HOMES = {
    "ImagePredictor": "masklet.image.predictor",
    "MaskSet": "masklet.types",
    "Prompt": "masklet.types",
    "load": "masklet.weights.load",
    "read_image": "masklet.io.images",
}


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
