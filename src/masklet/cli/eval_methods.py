"""The methods that `masklet eval` can measure, as values that other processes build them from."""

import importlib
from dataclasses import dataclass
from typing import Any

import torch

from masklet.cli.eval_options import Baseline
from masklet.cli.progress import download_bar
from masklet.errors import PromptError
from masklet.eval.classical import picture_method, video_method
from masklet.eval.methods import PictureMethod, VideoMethod
from masklet.eval.model_methods import PictureModel, VideoModel
from masklet.memory.policy import MemoryPolicy
from masklet.memory.standard import StandardPolicy
from masklet.model.sam2 import SAM2
from masklet.tracking.spans import Context
from masklet.weights.fingerprint import fingerprint
from masklet.weights.load import load


@dataclass(frozen=True, slots=True)
class PolicySpec:
    """A memory policy by name, and the settings of the standard one."""

    name: str = "standard"
    """Or `package.module:name` of something that is called without arguments and gives one."""
    stride: int = 1
    max_conditioning: int | None = None
    memories: str = "full"

    def build(self) -> MemoryPolicy[Any]:  # Any: a policy's own state
        """The policy.

        Raises:
            PromptError: there is no policy of that name, or the settings do not belong to it.
        """
        if self.name == "standard":
            return StandardPolicy(
                stride=self.stride,
                max_conditioning=self.max_conditioning,
                memories=str(self.memories),  # type: ignore[arg-type]  # one of them
            )
        if self != PolicySpec(self.name):
            raise PromptError(
                "--stride, --max-conditioning or --memories was given with --policy "
                f"{self.name}; expected them with the standard policy only. Leave them out."
            )
        module, _, name = self.name.partition(":")
        try:
            found = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise PromptError(
                f"the policy {self.name!r} was not found: {error}; expected standard, or "
                "package.module:name of a class or function that gives a MemoryPolicy. Check the "
                "name, and that the package is installed."
            ) from error
        return found()


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model and how it runs."""

    model: str
    device: str | None = None
    dtype: str | None = None
    input_size: int | None = None

    def load(self) -> SAM2:
        """The model. Raises `CheckpointError`."""
        with download_bar(self.model) as progress:
            return load(self.model, device=self.device, dtype=self.dtype, progress=progress)

    def label(self, model: SAM2) -> str:
        """Name and weights: another checkpoint of the same name is another method."""
        return f"{self.model} ({fingerprint(model)})"


@dataclass(frozen=True, slots=True)
class PictureModelSpec:
    """A model on pictures."""

    spec: ModelSpec
    zoom: bool = False

    def __call__(self) -> PictureMethod:
        """Load it."""
        model = self.spec.load()
        return PictureModel(
            model,
            name=self.spec.label(model),
            input_size=self.spec.input_size,
            zoom=self.zoom,
        )


@dataclass(frozen=True, slots=True)
class VideoModelSpec:
    """A model on videos."""

    spec: ModelSpec
    policy: PolicySpec = PolicySpec()
    memory_dtype: str = "bfloat16"
    context: Context = "all"

    def __call__(self) -> VideoMethod:
        """Load it."""
        model = self.spec.load()
        return VideoModel(
            model,
            name=self.spec.label(model),
            policy=self.policy.build(),
            input_size=self.spec.input_size,
            memory_dtype=getattr(torch, self.memory_dtype),
            context=self.context,
        )


@dataclass(frozen=True, slots=True)
class PictureBaselineSpec:
    """A classical method on pictures."""

    name: Baseline

    def __call__(self) -> PictureMethod:
        """Make it. Raises `MissingExtra`, and `PromptError` if it is one for videos."""
        return picture_method(str(self.name))


@dataclass(frozen=True, slots=True)
class VideoBaselineSpec:
    """A classical method on videos."""

    name: Baseline

    def __call__(self) -> VideoMethod:
        """Make it. Raises `MissingExtra`, and `PromptError` if it is one for pictures."""
        return video_method(str(self.name))
