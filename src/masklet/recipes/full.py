"""SAM 2 as its paper trains it, for many GPUs (arXiv 2408.00714, appendix D.2)."""

from dataclasses import replace

from masklet.data.augment import RELEASED
from masklet.model.config import SAM2_1_BASE_PLUS
from masklet.train.config import DataOptions, Every, ModelOptions, RunOptions, Stage, TrainConfig
from masklet.train.optim import OptimOptions
from masklet.train.prompting import PromptOptions
from masklet.train.schedules import Schedule

# A batch of 256 on 256 GPUs; with fewer, accumulate more.
_STEPS, _WARM_UP = 300_000, 15_000


def sam2_full() -> TrainConfig:
    """The full training of the base-plus model: pictures and clips of 8 frames at 1024 pixels.

    The paper begins with 90,000 steps on pictures alone, from a trunk that was trained on masked
    pictures; say with --init what to begin with. Data are read while training goes on.

    >>> sam2_full().stages[0].side
    1024
    """
    return TrainConfig(
        name="sam2_full",
        model=ModelOptions(SAM2_1_BASE_PLUS, drop_path=0.2),
        data=DataOptions(
            prompts=64,
            objects=3,
            pictures=replace(RELEASED, largest=0.9),
            clips=replace(RELEASED, reverse=0.5),
            stored_side=1024,
            is_resident=False,
        ),
        # The share of SA-1B among pictures and clips.
        stages=(Stage(0.0, side=1024, pictures=1, clips=1, frames=8, picture_share=0.152),),
        picture_prompts=PromptOptions(points=1.0),
        clip_prompts=PromptOptions(),
        optim=OptimOptions(learning_rate=3e-4, encoder_learning_rate=6e-5, layer_decay=0.9),
        schedule=Schedule("cosine", warm_up=_WARM_UP / _STEPS, end=0.1),
        clip_norm=0.1,
        average=None,
        checkpoints_blocks=True,
        run=RunOptions(
            steps=_STEPS,
            checkpoint=Every(steps=1000),
            evaluate=Every(steps=5000),
            sheet=Every(steps=5000),
            workers=8,
        ),
    )
