"""Let PyPI's torchvision load beside a CPU build of torch.

Its compiled operators are built for CUDA and fail to load there, and with them the whole package.
The peers use its Python parts; the one operator those look for at import is a non-maximum
suppression, which stands here in plain torch.
"""

import sys

import torch
from torch import Tensor

_DEFINED: list[torch.library.Library] = []  # an operator lives as long as its library


def offer_torchvision() -> None:
    """Make `import torchvision` work, with a stand-in where its operators cannot be loaded."""
    try:
        import torchvision
    except (RuntimeError, OSError):
        _stand_in()
    else:
        assert torchvision.__version__


def _stand_in() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "FRAGMENT")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.impl("nms", _suppress, "CPU")
    _DEFINED.append(library)
    import torchvision.extension

    torchvision.extension._assert_has_ops = lambda: None


def _suppress(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    from masklet.ops.nms import nms_boxes

    return nms_boxes(boxes, scores, iou_threshold=threshold)
