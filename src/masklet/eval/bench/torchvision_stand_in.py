"""Let PyPI's torchvision load beside a build of torch that it was not made for.

Its compiled operators fail to load there, as those for CUDA do beside a torch for CPUs, and with them
the whole package. The peers use its Python parts; the one operator those look for at import is a
non-maximum suppression, which stands here in plain torch.
"""

import sys
from importlib import import_module

import torch
from torch import Tensor

from masklet.ops.nms import nms_boxes

_DEFINED: list[torch.library.Library] = []  # an operator lives as long as its library


def offer_torchvision() -> None:
    """Make `import torchvision` work, with a stand-in where its operators cannot be loaded.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    try:
        import_module("torchvision")
    except (RuntimeError, OSError):
        _stand_in()


def _stand_in() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "FRAGMENT")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.impl("nms", _suppress, "CPU")
    _DEFINED.append(library)
    # What fails at import.
    vars(import_module("torchvision.extension"))["_assert_has_ops"] = lambda: None


def _suppress(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    return nms_boxes(boxes, scores, iou_threshold=threshold)
