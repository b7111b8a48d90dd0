"""Recipes by name, and recipes of one's own by file."""

import difflib
import runpy
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from masklet.errors import TrainingError
from masklet.recipes.finetune import finetune
from masklet.recipes.full import sam2_full
from masklet.recipes.small import small_image, small_image_gpu, small_video, small_video_gpu
from masklet.recipes.warm_up import warm_up
from masklet.train.config import TrainConfig

Recipe: TypeAlias = Callable[[], TrainConfig]

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "small_image": small_image,
        "small_video": small_video,
        "small_image_gpu": small_image_gpu,
        "small_video_gpu": small_video_gpu,
        "warm_up": warm_up,
        "finetune": finetune,
        "sam2_full": sam2_full,
    }
)
"""The recipes of this package."""


def recipe(name: str) -> TrainConfig:
    """The config that a recipe returns.

    Args:
        name: of a recipe here, or `file.py:function` of one's own.

    Raises:
        TrainingError: there is no such recipe, or it returns something else.

    >>> recipe("small_image").name
    'small_image'
    """
    if name in RECIPES:
        return RECIPES[name]()
    file, found, function = name.rpartition(":")
    if found and file.endswith(".py"):
        return _from_file(Path(file), function)
    near = difflib.get_close_matches(name, RECIPES, n=2) or list(RECIPES)
    raise TrainingError(
        f"there is no recipe {name!r}; expected {', '.join(RECIPES)}, or file.py:function. Did you "
        f"mean {' or '.join(near)}?"
    )


def _from_file(path: Path, function: str) -> TrainConfig:
    if not path.is_file():
        raise TrainingError(
            f"the recipe {path}:{function} was not found: there is no such file; expected a Python "
            "file with a function that returns a TrainConfig. Check the path."
        )
    made = runpy.run_path(str(path)).get(function)
    config = made() if callable(made) else None
    if not isinstance(config, TrainConfig):
        raise TrainingError(
            f"{function} in {path} is no recipe; expected a function without arguments that returns "
            "a masklet.train.config.TrainConfig. Check its name, and what it returns."
        )
    return config
