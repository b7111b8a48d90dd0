"""The three libraries that `video.py` compares, each as: load, open a clip, prompt, track.

All read the same folder of JPEG pictures and give bool masks at the size of the video.
"""

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np

HERE = Path(__file__).resolve().parent
Boxes: TypeAlias = list[tuple[float, float, float, float]]
Masks: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]


class Library(Protocol):
    """What is measured; a model is loaded when it is made."""

    model: Any  # each library's own module

    def open(self, folder: Path) -> None:
        """Begin with a clip."""

    def prompt(self, boxes: Boxes) -> Masks:
        """The masks `(N, height, width)` of boxes on frame 0."""

    def track(self) -> Iterator[Masks]:
        """The masks of frame 0 and of every later frame."""


class Masklet:
    """This package: frames are read when their turn comes."""

    def __init__(self, path: Path, dtype: str, side: int) -> None:
        import masklet  # noqa: PLC0415  # its import belongs to the time that loading takes

        self.model, self.side = masklet.load(path, device="cpu", dtype=dtype), side

    def open(self, folder: Path) -> None:
        """Nothing but the first picture's header is read."""
        from masklet.io.open import open_video  # noqa: PLC0415
        from masklet.tracking.tracker import Tracker  # noqa: PLC0415

        video = open_video(folder)
        self.frames = iter(video.frames())
        self.tracker = Tracker(self.model, input_size=self.side, num_frames=len(video))

    def prompt(self, boxes: Boxes) -> Masks:
        """The first step of the tracker."""
        from masklet.types import Prompt  # noqa: PLC0415

        prompts = {number: Prompt.box_xyxy(*box) for number, box in enumerate(boxes, 1)}
        self.first = self.tracker.step(next(self.frames), prompts).masks.masks()
        return self.first

    def track(self) -> Iterator[Masks]:
        """One step a frame."""
        yield self.first
        for frame in self.frames:
            yield self.tracker.step(frame).masks.masks()


class Sam2:
    """PyPI's `sam2`: `init_state` reads the whole folder."""

    def __init__(self, path: Path, dtype: str, side: int) -> None:
        _offer_torchvision()
        from sam2.build_sam import build_sam2_video_predictor  # noqa: PLC0415

        self.model = build_sam2_video_predictor(
            "configs/sam2.1/sam2.1_hiera_t.yaml",
            str(path),
            device="cpu",
            hydra_overrides_extra=[f"++model.image_size={side}", "++model.fill_hole_area=0"],
        )
        self.dtype = dtype

    def open(self, folder: Path) -> None:
        """The documented way in."""
        with _narrow(self.dtype):
            self.state = self.model.init_state(str(folder))

    def prompt(self, boxes: Boxes) -> Masks:
        """One call per object, as the package offers it."""
        with _narrow(self.dtype):
            for number, box in enumerate(boxes, 1):
                _, _, logits = self.model.add_new_points_or_box(
                    self.state, 0, number, box=np.array(box, np.float32)
                )
        return (logits[:, 0] > 0).numpy()

    def track(self) -> Iterator[Masks]:
        """The documented loop."""
        with _narrow(self.dtype):
            for _, _, logits in self.model.propagate_in_video(self.state):
                yield (logits[:, 0] > 0).numpy()


class Transformers:
    """`Sam2VideoModel` with an inference session, as its video processor fills one."""

    def __init__(self, path: Path, dtype: str, side: int) -> None:
        _offer_torchvision()
        from transformers import Sam2VideoModel  # noqa: PLC0415

        self.model = Sam2VideoModel.from_pretrained(path).eval()
        self.dtype, self.side = dtype, side

    def open(self, folder: Path) -> None:
        """All frames, resized and normalised, as the processor would; its own needs torchvision."""
        import torch  # noqa: PLC0415
        from PIL import Image  # noqa: PLC0415
        from transformers.models.sam2_video.modeling_sam2_video import (  # noqa: PLC0415
            Sam2VideoInferenceSession,
        )

        mean, std = np.array((0.485, 0.456, 0.406)), np.array((0.229, 0.224, 0.225))
        paths = sorted(folder.iterdir())
        video = torch.empty(len(paths), 3, self.side, self.side)
        for number, path in enumerate(paths):
            with Image.open(path) as picture:
                self.size = (picture.height, picture.width)
                small = np.asarray(picture.resize((self.side, self.side))) / 255
            video[number] = torch.from_numpy(((small - mean) / std).transpose(2, 0, 1))
        height, width = self.size
        self.session = Sam2VideoInferenceSession(
            video=video, video_height=height, video_width=width, dtype=torch.float32
        )

    def prompt(self, boxes: Boxes) -> Masks:
        """All objects in one call."""
        import torch  # noqa: PLC0415

        scale = self.side / torch.tensor([self.size[1], self.size[0]])
        for number, box in enumerate(boxes, 1):
            inputs = {
                "point_coords": torch.tensor(box).reshape(1, 1, 2, 2) * scale,
                "point_labels": torch.tensor([[[2, 3]]], dtype=torch.int32),
            }
            self.session.add_point_inputs(self.session.obj_id_to_idx(number), 0, inputs)
        self.session.obj_with_new_inputs = list(range(1, len(boxes) + 1))
        with torch.inference_mode(), _narrow(self.dtype):
            return self._masks(self.model(self.session, frame_idx=0))

    def track(self) -> Iterator[Masks]:
        """The documented loop."""
        import torch  # noqa: PLC0415

        with torch.inference_mode(), _narrow(self.dtype):
            for out in self.model.propagate_in_video_iterator(self.session):
                yield self._masks(out)

    def _masks(self, out: Any) -> Masks:  # Any: the peer's record
        import torch.nn.functional as F  # noqa: PLC0415

        logits = F.interpolate(out.pred_masks.float(), self.size, mode="bilinear")
        masks: Masks = (logits[:, 0] > 0).numpy()
        return masks


def _narrow(dtype: str) -> Any:  # Any: a context
    import torch  # noqa: PLC0415

    return torch.autocast("cpu", torch.bfloat16) if dtype == "bfloat16" else nullcontext()


def _offer_torchvision() -> None:
    """Put a stand-in under the one operator that keeps PyPI's torchvision from loading on CPU."""
    sys.path.insert(0, str(HERE.parent / "tests" / "peers"))
    from torchvision_on_cpu import offer_torchvision  # noqa: PLC0415

    offer_torchvision()


LIBRARIES = {"masklet": Masklet, "transformers": Transformers, "sam2": Sam2}
