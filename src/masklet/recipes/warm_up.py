"""The trunk of our own small model learns to restore pictures before it learns what objects are.

`masklet train warm_up --data PICTURES` and then `masklet train small_image --data PACKS --init
RUN/weights.safetensors`.
"""

from dataclasses import replace

from masklet.data.augment import UNCHANGED
from masklet.data.views import ViewOptions
from masklet.model.config import MASKLET_SMALL_HYBRID
from masklet.recipes.small import small_image
from masklet.train.config import ModelOptions, Stage, TrainConfig
from masklet.train.restoring import RestoreOptions


def warm_up() -> TrainConfig:
    """Pictures of which 6 of 10 squares are missing, from random numbers, with small_image's rates.

    The colours stay and nothing is pasted: what cannot be guessed from the rest teaches nothing.

    >>> warm_up().restore.masked
    0.6
    """
    image = small_image()
    view = ViewOptions(turn=0.0, lean=0.0, scale=(1.0, 2.0), staying=0.0)
    return replace(
        image,
        name="warm_up",
        model=ModelOptions(MASKLET_SMALL_HYBRID, dropout=0.0),
        # Objects are not asked for; with few of them batches are made faster.
        data=replace(image.data, prompts=1, pictures=replace(UNCHANGED, view=view)),
        stages=(Stage(0.0, side=128, pictures=16),),
        restore=RestoreOptions(),
        run=replace(image.run, minutes=30.0),
    )
