"""Other implementations of SAM 2 behind one protocol: load, open a clip, prompt, track.

Both read a folder of JPEG pictures, all of it before the first mask, and give masks at the size of
the video in the host's memory. Neither is a dependency: each is imported when it is made.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn

from masklet.eval.bench.torchvision_stand_in import offer_torchvision

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of the video."""

_MEAN, _DEVIATION = np.array((0.485, 0.456, 0.406)), np.array((0.229, 0.224, 0.225))
_NEEDS = {
    "transformers": ("transformers",),
    "sam2": ("sam2", "torchvision", "hydra", "iopath"),
}
_LETTERS = {"tiny": "t", "small": "s", "base-plus": "b+", "large": "l"}


@dataclass(frozen=True, slots=True)
class PeerSetup:
    """Which network a peer runs, and how."""

    weights: Path
    """A folder of transformers' or an official file, of float32."""
    architecture: str
    """A name of `masklet.model.config.VARIANTS`."""
    size: int
    """Side of the network's input; transformers reads it from the weights."""
    dtype: str
    """float32; otherwise what torch's autocast makes narrow, as both packages advise."""
    device: str = "cpu"


class Peer(Protocol):
    """What is measured; a model is loaded when it is made from a `PeerSetup`."""

    model: nn.Module

    def open(self, folder: Path) -> None:
        """Begin with a clip."""

    def prompt(self, boxes: Sequence[Box]) -> npt.NDArray[np.bool_]:
        """The masks `(N, height, width)` of boxes on frame 0."""

    def track(self) -> Iterator[npt.NDArray[np.bool_]]:
        """The masks of frame 0 and of every later frame."""


class Transformers:
    """`Sam2VideoModel` with an inference session, as its video processor fills one."""

    def __init__(self, setup: PeerSetup) -> None:
        if find_spec("torchvision") is not None:
            offer_torchvision()
        transformers = import_module("transformers")
        model = transformers.Sam2VideoModel.from_pretrained(setup.weights, local_files_only=True)
        self.model = model.eval().to(setup.device)
        self._setup = setup

    def open(self, folder: Path) -> None:
        """All frames, resized and normalised, as the processor would; its own needs torchvision."""
        side, device = self._setup.size, self._setup.device
        paths = sorted(folder.iterdir())
        video = torch.empty(len(paths), 3, side, side)
        for number, path in enumerate(paths):
            with Image.open(path) as picture:
                self._size = (picture.height, picture.width)
                small = np.asarray(picture.resize((side, side))) / 255
            video[number] = torch.from_numpy(((small - _MEAN) / _DEVIATION).transpose(2, 0, 1))
        sessions = import_module("transformers.models.sam2_video.modeling_sam2_video")
        self._session = sessions.Sam2VideoInferenceSession(
            video=video,
            video_height=self._size[0],
            video_width=self._size[1],
            inference_device=device,
            inference_state_device=device,
            video_storage_device=device,
            dtype=torch.float32,
        )

    def prompt(self, boxes: Sequence[Box]) -> npt.NDArray[np.bool_]:
        """All objects in one call."""
        device = self._setup.device
        scale = self._setup.size / torch.tensor([self._size[1], self._size[0]], device=device)
        labels = torch.tensor([[[2, 3]]], dtype=torch.int32, device=device)
        for number, box in enumerate(boxes, 1):
            corners = torch.tensor(box, device=device).reshape(1, 1, 2, 2) * scale
            said = {"point_coords": corners, "point_labels": labels}
            self._session.add_point_inputs(self._session.obj_id_to_idx(number), 0, said)
        self._session.obj_with_new_inputs = list(range(1, len(boxes) + 1))
        with torch.inference_mode(), _narrow(self._setup):
            return self._masks(self.model(self._session, frame_idx=0).pred_masks)

    def track(self) -> Iterator[npt.NDArray[np.bool_]]:
        """The documented loop."""
        with torch.inference_mode(), _narrow(self._setup):
            for out in self.model.propagate_in_video_iterator(self._session):
                yield self._masks(out.pred_masks)

    def _masks(self, logits_B1hw: Tensor) -> npt.NDArray[np.bool_]:
        logits_B1hw = nn.functional.interpolate(logits_B1hw.float(), self._size, mode="bilinear")
        return (logits_B1hw[:, 0] > 0).cpu().numpy()


class Sam2:
    """PyPI's `sam2`: `init_state` reads the whole folder."""

    def __init__(self, setup: PeerSetup) -> None:
        offer_torchvision()
        self.model = import_module("sam2.build_sam").build_sam2_video_predictor(
            sam2_config(setup.architecture),
            str(setup.weights),
            device=setup.device,
            # Holes are filled by a compiled kernel, which PyPI's package does not always have.
            hydra_overrides_extra=[f"++model.image_size={setup.size}", "++model.fill_hole_area=0"],
        )
        self._setup = setup

    def open(self, folder: Path) -> None:
        """The documented way in."""
        with _narrow(self._setup):
            self._state = self.model.init_state(str(folder))

    def prompt(self, boxes: Sequence[Box]) -> npt.NDArray[np.bool_]:
        """One call per object, as the package offers it."""
        with _narrow(self._setup):
            for number, box in enumerate(boxes, 1):
                _, _, logits_B1hw = self.model.add_new_points_or_box(
                    self._state, 0, number, box=np.array(box, np.float32)
                )
        return (logits_B1hw[:, 0] > 0).cpu().numpy()

    def track(self) -> Iterator[npt.NDArray[np.bool_]]:
        """The documented loop."""
        with _narrow(self._setup):
            for _, _, logits_B1hw in self.model.propagate_in_video(self._state):
                yield (logits_B1hw[:, 0] > 0).cpu().numpy()


PEERS: Mapping[str, Callable[[PeerSetup], Peer]] = {"transformers": Transformers, "sam2": Sam2}
"""By the name of the package."""


def installed_version(library: str) -> str | None:
    """The version of a peer; None where it, or what it needs to be imported, is not installed.

    >>> installed_version("transformers") or "none"  # doctest: +SKIP
    '5.23.0'
    """
    if any(find_spec(name) is None for name in _NEEDS[library]):
        return None
    return version(library)


def sam2_config(architecture: str) -> str:
    """The configuration of a released model within PyPI's `sam2`.

    >>> sam2_config("sam2.1-hiera-base-plus")
    'configs/sam2.1/sam2.1_hiera_b+.yaml'
    """
    release, _, size = architecture.partition("-hiera-")
    return f"configs/{release}/{release}_hiera_{_LETTERS[size]}.yaml"


def _narrow(setup: PeerSetup) -> AbstractContextManager[Any]:  # Any: torch's context has no type
    if setup.dtype == "float32":
        return nullcontext()
    dtype: torch.dtype = getattr(torch, setup.dtype)
    return torch.autocast(torch.device(setup.device).type, dtype)
