"""What `masklet train` is to do: which recipe with which changes, with which data, where."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from masklet.errors import TrainingError
from masklet.recipes.catalog import recipe
from masklet.train.config import RunOptions, TrainConfig
from masklet.train.settings import with_settings


@dataclass(frozen=True, slots=True)
class TrainPlan:
    """Everything that was asked for."""

    recipe: str
    settings: tuple[str, ...] = ()
    init: str | None = None
    minutes: float | None = None
    steps: int | None = None
    data: tuple[str, ...] = ()
    held: str | None = None
    cache: Path | None = None
    device: str | None = None
    folder: Path | None = None
    resumes: bool = False
    is_dry: bool = False
    is_quiet: bool = False
    command: str = ""
    """What was typed, for those who go on or repeat it."""

    def config(self) -> TrainConfig:
        """The recipe with all changes; what is given as an option of its own counts most.

        Raises:
            TrainingError: there is no such recipe or setting, or a value makes no sense.
        """
        config = with_settings(recipe(self.recipe), self.settings)
        if self.init is not None:
            config = replace(config, model=replace(config.model, weights=self.init))
        return replace(config, run=self._budget(config.run))

    @property
    def place(self) -> Path:
        """Where the training is kept."""
        if self.folder is not None:
            return self.folder
        return Path("masklet-train") / Path(self.recipe.replace(":", "-")).name

    def torch_device(self) -> torch.device:
        """Where it computes.

        Raises:
            TrainingError: that device is unknown, or this computer has none.
        """
        name = self.device or ("cuda" if torch.cuda.is_available() else "cpu")
        try:
            device = torch.device(name)
        except RuntimeError as error:
            raise TrainingError(
                f"the device {name!r} is unknown; expected cpu, cuda or cuda:1. Choose one of them."
            ) from error
        if device.type == "cuda" and not torch.cuda.is_available():
            raise TrainingError(
                "--device cuda was given, and torch finds no GPU here; expected one with its driver "
                "and a build of torch for it. Leave the option out to train on the CPU."
            )
        return device

    @property
    def resuming(self) -> str:
        """The command that goes on."""
        return self.command if "--resume" in self.command else f"{self.command} --resume"

    def _budget(self, run: RunOptions) -> RunOptions:
        """A budget of one kind that is given replaces the recipe's of either kind."""
        if self.minutes is None and self.steps is None:
            return run
        return replace(run, minutes=self.minutes, steps=self.steps)
