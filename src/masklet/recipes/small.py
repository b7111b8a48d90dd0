"""Our own small model from random numbers: first pictures, then clips.

`masklet train small_image --data PACKS` and then `masklet train small_video --data PACKS --init
RUN/weights.safetensors`. The numbers suit one or two CPU cores, where small pictures teach the most in
a minute, and run on a GPU unchanged; the recipes `..._gpu` use one up.

What counted most when small models were trained with little time: objects that are large enough to be
seen, and losses for all candidates, not only for those that a prompt offers; then prompts that begin
by looking at their own place, many of them for one pass of the encoder, most asked once and with a
box, losses on the grid of the logits, and picture sides that grow.
"""

from dataclasses import replace

from masklet.data.augment import FROM_SCRATCH
from masklet.data.casting import MotionOptions
from masklet.data.sampling import SamplingOptions
from masklet.model.config import MASKLET_SMALL_HYBRID
from masklet.train.config import DataOptions, Every, ModelOptions, RunOptions, Stage, TrainConfig
from masklet.train.losses import LossRules, LossWeights
from masklet.train.optim import OptimOptions
from masklet.train.prompting import MixedPrompts, PromptOptions
from masklet.train.schedules import Schedule
from masklet.train.unroll import UnrollOptions

_DATA = DataOptions(
    prompts=8,
    objects=2,
    pictures=FROM_SCRATCH,
    clips=replace(FROM_SCRATCH, paste=replace(FROM_SCRATCH.paste, chance=0.2)),
    animated=0.7,
    motion=MotionOptions(),
    sampling=SamplingOptions(most_stride=3),
    stored_side=320,
    smallest=36.0,
)
# Muon for hidden matrices, AdamW for the rest. Boxes that a network was shown after 200 steps on 128
# pixels gave an IoU of 0.56 with this rate of Muon, 0.54 and 0.49 with half and twice as much, and 0.36
# with AdamW alone; one click 0.33, 0.31, 0.32 and 0.14 (400 pictures, one run each).
_OPTIM = OptimOptions(
    learning_rate=1e-3,
    weight_decay=0.05,
    decays_gains=False,
    betas=(0.9, 0.98),
    muon_learning_rate=0.01,
)
_LATE = Every(minutes=15)


def small_image() -> TrainConfig:
    """Pictures, from random numbers, on a CPU in an hour or a day.

    >>> small_image().stages[-1].side
    256
    """
    return TrainConfig(
        name="small_image",
        model=ModelOptions(MASKLET_SMALL_HYBRID, prepared=("prompts",), dropout=0.0),
        data=_DATA,
        stages=(
            Stage(0.0, side=128, pictures=16),
            Stage(0.45, side=192, pictures=12),
            Stage(0.8, side=256, pictures=8),
        ),
        # A corrected row has several answers and a box one: so boxes are a quarter of the answers.
        picture_prompts=PromptOptions(
            box=0.7, centred=0.5, mixed=MixedPrompts(single=0.6, most_clicks=4)
        ),
        unroll=UnrollOptions(looks="logits", hides_absent=False, teaches="all"),
        losses=LossWeights(focal=0.3),
        rules=LossRules(resolution="logits", focal_over="errors", boundary=3.0, boundary_pixels=1),
        optim=_OPTIM,
        schedule=Schedule("constant", warm_up=0.02, cool_down=0.4),
        clip_norm=1.0,
        average=0.999,
        run=RunOptions(steps=None, minutes=60.0, evaluate=_LATE, sheet=_LATE),
    )


def small_video() -> TrainConfig:
    """Clips, from weights that know pictures, with pictures in between so that nothing is forgotten.

    >>> small_video().model.prepared
    ('memory',)
    """
    image = small_image()
    return replace(
        image,
        name="small_video",
        model=replace(
            image.model, weights="masklet-small", prepared=("memory",), architecture=None
        ),
        data=replace(
            image.data,
            clips=replace(image.data.clips, smallest=48),
            animated=0.55,
            motion=MotionOptions(leaving=0.35, occluder=0.45, twin=0.4),
        ),
        stages=(
            Stage(0.0, side=192, pictures=10, clips=6, frames=5, picture_share=0.3),
            Stage(0.25, side=256, pictures=8, clips=4, frames=6, picture_share=0.35),
            Stage(0.6, side=256, pictures=8, clips=4, frames=8, picture_share=0.35),
        ),
        picture_prompts=replace(
            image.picture_prompts, mixed=MixedPrompts(single=0.6, most_clicks=5)
        ),
        clip_prompts=PromptOptions(points=0.4, box=0.5, corrections=2, corrected_frames=(1, 2)),
        unroll=replace(image.unroll, detach_after=4),
        optim=replace(_OPTIM, encoder_learning_rate=1.5e-4, muon_learning_rate=0.004),
        schedule=Schedule("constant", warm_up=0.02, cool_down=0.5),
        average=0.998,
    )


def small_image_gpu() -> TrainConfig:
    """As `small_image`, with the sides and batches that a large GPU is busy with.

    >>> small_image_gpu().stages[-1].side
    512
    """
    image = small_image()
    return replace(
        image,
        name="small_image_gpu",
        data=replace(image.data, stored_side=512),
        stages=(
            Stage(0.0, side=256, pictures=256),
            Stage(0.3, side=384, pictures=192),
            Stage(0.85, side=512, pictures=128),
        ),
        picture_prompts=replace(
            image.picture_prompts, mixed=MixedPrompts(single=0.6, most_clicks=8)
        ),
        optim=replace(_OPTIM, muon_learning_rate=0.02),
        average=0.9995,
    )


def small_video_gpu() -> TrainConfig:
    """As `small_video`, with the sides and batches that a large GPU is busy with.

    >>> small_video_gpu().stages[-1].frames
    8
    """
    video = small_video()
    return replace(
        video,
        name="small_video_gpu",
        data=replace(video.data, stored_side=512, objects=3),
        stages=(
            Stage(0.0, side=256, pictures=128, clips=32, frames=5, picture_share=0.3),
            Stage(0.5, side=384, pictures=96, clips=16, frames=6, picture_share=0.3),
            Stage(0.85, side=512, pictures=64, clips=12, frames=8, picture_share=0.3),
        ),
        clip_prompts=replace(video.clip_prompts, corrections=3),
        average=0.9995,
    )
