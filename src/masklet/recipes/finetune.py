"""An official model, or ours, learns pictures or clips of your own on one GPU with 24 GB."""

from dataclasses import replace

from masklet.data.augment import RELEASED
from masklet.train.config import DataOptions, Every, ModelOptions, RunOptions, Stage, TrainConfig
from masklet.train.losses import LossRules, LossWeights
from masklet.train.optim import OptimOptions
from masklet.train.prompting import MixedPrompts, PromptOptions
from masklet.train.schedules import Schedule
from masklet.train.unroll import UnrollOptions


def finetune() -> TrainConfig:
    """All weights learn, slowly, the trunk slower still; pictures have the model's own size.

    Most failures of fine-tuning are too large a rate, which forgets, and too much memory: so rates
    are low, the blocks of the trunk are computed again in the backward pass, and a batch is small.

    >>> finetune().checkpoints_blocks
    True
    """
    return TrainConfig(
        name="finetune",
        model=ModelOptions(weights="sam2.1-hiera-small", dropout=0.0),
        data=DataOptions(
            prompts=6,
            objects=3,
            # Leaning and turning far are for clips of all the world, not for one's own few pictures.
            pictures=replace(RELEASED, view=replace(RELEASED.view, turn=10.0, lean=5.0)),
            clips=RELEASED,
        ),
        stages=(Stage(0.0, side=None, pictures=4, clips=1, frames=6, picture_share=1.0),),
        picture_prompts=PromptOptions(centred=0.5, mixed=MixedPrompts(single=0.5, most_clicks=5)),
        clip_prompts=PromptOptions(corrections=3),
        unroll=UnrollOptions(looks="logits", hides_absent=False, checkpoints_decodes=True),
        losses=LossWeights(focal=1.0),
        rules=LossRules(resolution="logits", focal_over="errors"),
        optim=OptimOptions(
            learning_rate=4e-5, encoder_learning_rate=2e-5, layer_decay=0.9, weight_decay=0.05
        ),
        schedule=Schedule("cosine", warm_up=0.05, end=0.1),
        clip_norm=0.5,
        average=0.99,
        checkpoints_blocks=True,
        run=RunOptions(steps=300, evaluate=Every(steps=100), sheet=Every(steps=100)),
    )
