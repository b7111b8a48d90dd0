"""Everything that decides what a training makes, as one frozen record; recipes return it.

`run` says how long and how often, and may change when a training goes on; all else is its recipe, and
stays. `masklet.train.settings` turns it into JSON and back and changes single values.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from masklet.data.augment import RELEASED, AugmentOptions
from masklet.data.casting import MotionOptions
from masklet.data.sampling import SamplingOptions
from masklet.errors import TrainingError
from masklet.model.config import ModelConfig
from masklet.train.lora import LoraOptions
from masklet.train.losses import LossRules, LossWeights
from masklet.train.optim import OptimOptions
from masklet.train.prompting import PromptOptions
from masklet.train.restoring import RestoreOptions
from masklet.train.schedules import Schedule
from masklet.train.settings import as_document
from masklet.train.unroll import UnrollOptions

# What the four stages of a trunk divide a picture by.
_STRIDE = 32


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """The network, and what it begins as."""

    architecture: ModelConfig | None = None
    """None: as the weights are."""
    weights: str | None = None
    """A name of the zoo or a file to begin with; None: random numbers."""
    prepared: tuple[Literal["prompts", "memory"], ...] = ()
    """Parts that begin as a plain rule in place of random numbers, or of what the weights have."""
    drop_path: float = 0.0
    """Stochastic depth of the trunk's last block; it rises from 0 at the first."""
    dropout: float = 0.1
    """In memory attention."""

    def __post_init__(self) -> None:
        _check("model.drop_path", self.drop_path, 0 <= self.drop_path < 1, "a share below 1")
        _check("model.dropout", self.dropout, 0 <= self.dropout < 1, "a share below 1")
        has_start = self.architecture is not None or self.weights is not None
        _check("model.architecture", None, has_start, "an architecture, or weights to begin with")


@dataclass(frozen=True, slots=True)
class Stage:
    """How batches are made from some point of a training on."""

    begins: float = 0.0
    """After which share of the training."""
    side: int | None = 256
    """Of the square that pictures are resized to, in pixels; None: as the model has it."""
    pictures: int = 16
    """In a batch of pictures, of each process."""
    clips: int = 4
    """In a batch of clips, of each process."""
    frames: int = 5
    """Of every clip."""
    picture_share: float = 1.0
    """Probability that a batch holds pictures; else it holds clips."""

    def __post_init__(self) -> None:
        _check("a stage's begins", self.begins, 0 <= self.begins < 1, "a share below 1")
        is_side = self.side is None or (self.side > 0 and self.side % _STRIDE == 0)
        _check("a stage's side", self.side, is_side, f"a multiple of {_STRIDE}, or none")
        for name in ("pictures", "clips"):
            _check(f"a stage's {name}", getattr(self, name), getattr(self, name) > 0, "at least 1")
        _check("a stage's frames", self.frames, self.frames > 1, "at least 2")
        is_share = 0 <= self.picture_share <= 1
        _check("a stage's picture_share", self.picture_share, is_share, "a share, 0 to 1")

    @property
    def pixels(self) -> int:
        """The side, which is known once the config is settled."""
        assert self.side is not None, "settle the config first"
        return self.side


@dataclass(frozen=True, slots=True)
class DataOptions:
    """Which objects of pictures and clips are asked about, and how they are changed."""

    prompts: int = 8
    """Rows of every picture, whose objects take turns: one pass of the encoder serves them all."""
    objects: int = 3
    """Of every clip, at most."""
    pictures: AugmentOptions = RELEASED
    clips: AugmentOptions = RELEASED
    animated: float = 0.0
    """The share of batches of clips that are pictures set in motion."""
    motion: MotionOptions = field(default_factory=MotionOptions)
    """What happens in these."""
    sampling: SamplingOptions = field(default_factory=SamplingOptions)
    stored_side: int | None = None
    """Frames are first stretched to squares of this side, in pixels, a multiple of 8; None: as the
    largest stage has it."""
    smallest: float = 1.0
    """Objects that never cover as many pixels of such a square are left out."""
    is_resident: bool = True
    """Whether all data lie on the device, small and ready, or are read while training goes on."""

    def __post_init__(self) -> None:
        _check("data.prompts", self.prompts, self.prompts > 0, "at least 1")
        _check("data.objects", self.objects, self.objects > 0, "at least 1")
        is_share = 0 <= self.animated <= 1
        _check("data.animated", self.animated, is_share, "a share, 0 to 1")
        is_side = self.stored_side is None or (self.stored_side > 0 and self.stored_side % 8 == 0)
        _check("data.stored_side", self.stored_side, is_side, "a multiple of 8, or none")

    @property
    def stored_pixels(self) -> int:
        """The stored side, which is known once the config is settled."""
        assert self.stored_side is not None, "settle the config first"
        return self.stored_side


@dataclass(frozen=True, slots=True)
class Every:
    """How often something happens: by steps, by minutes, by whichever comes first, or never."""

    steps: int | None = None
    minutes: float | None = None

    def __post_init__(self) -> None:
        is_count = self.steps is None or self.steps > 0
        _check("steps between two times", self.steps, is_count, "at least 1")
        is_fine = self.minutes is None or self.minutes > 0
        _check("minutes between two times", self.minutes, is_fine, "more than 0")

    def is_due(self, steps: int, seconds: float) -> bool:
        """Whether so many steps or seconds after the last time it is time again.

        >>> Every(steps=10).is_due(9, 1e6), Every(minutes=1).is_due(1, 61.0)
        (False, True)
        """
        by_steps = self.steps is not None and steps >= self.steps
        return by_steps or (self.minutes is not None and seconds >= 60 * self.minutes)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How long, how often and on what; none of it changes what a step learns from its batch."""

    steps: int | None = 1000
    """The budget in steps; with minutes too, whichever is spent first."""
    minutes: float | None = None
    """The budget in time, all runs of this training together."""
    checkpoint: Every = field(default_factory=lambda: Every(minutes=10))
    kept: int = 2
    """How many of the last checkpoints stay, beside the best one."""
    evaluate: Every = field(default_factory=lambda: Every(minutes=10))
    sheet: Every = field(default_factory=lambda: Every(minutes=10))
    workers: int = 0
    """Processes that read data; with 0 the training itself reads."""
    kept_features_gib: float = 0.0
    """Memory for what a frozen image encoder saw, on the device; for data that are not changed."""
    compiles: bool = False
    """Whether `torch.compile` makes the parts of the network faster: worth it on a GPU, for an hour
    of training or more."""

    def __post_init__(self) -> None:
        has_end = self.steps is not None or self.minutes is not None
        _check("run.steps and run.minutes", (self.steps, self.minutes), has_end, "one of them")
        is_count = self.steps is None or self.steps > 0
        _check("run.steps", self.steps, is_count, "at least 1")
        is_fine = self.minutes is None or self.minutes > 0
        _check("run.minutes", self.minutes, is_fine, "more than 0")
        _check("run.kept", self.kept, self.kept > 0, "at least 1")
        is_fine = self.kept_features_gib >= 0
        _check("run.kept_features_gib", self.kept_features_gib, is_fine, "at least 0")
        _check("run.workers", self.workers, self.workers >= 0, "at least 0")


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """One training. Two trainings on the same data differ exactly where their configs differ.

    Raises:
        TrainingError: a value lies outside its range, or two do not go together.

    >>> TrainConfig("example", ModelOptions(weights="masklet-small")).at(0.5).side
    256
    """

    name: str
    """Of the recipe."""
    model: ModelOptions
    data: DataOptions = field(default_factory=DataOptions)
    stages: tuple[Stage, ...] = field(default_factory=lambda: (Stage(),))
    """In the order of time; the first begins at 0."""
    picture_prompts: PromptOptions = field(default_factory=PromptOptions)
    """What a user does with pictures."""
    clip_prompts: PromptOptions = field(default_factory=PromptOptions)
    """What a user does with clips."""
    unroll: UnrollOptions = field(default_factory=UnrollOptions)
    losses: LossWeights = field(default_factory=LossWeights)
    rules: LossRules = field(default_factory=LossRules)
    optim: OptimOptions = field(default_factory=OptimOptions)
    schedule: Schedule = field(default_factory=Schedule)
    lora: LoraOptions | None = None
    """Train low-rank adapters of the weights instead of the weights."""
    restore: RestoreOptions | None = None
    """Learn to restore pictures of which squares are missing instead of answering prompts: the
    image encoder alone learns, and needs no truth."""
    clip_norm: float = 1.0
    """The gradient of a step is at most so long."""
    accumulate: int = 1
    """Batches of a step."""
    average: float | None = 0.9995
    """Decay of the moving average of the weights, which is what is evaluated and exported."""
    precision: Literal["bfloat16", "float32"] = "bfloat16"
    """Of matrix products; weights, sums and norms are float32."""
    checkpoints_blocks: bool = False
    """Whether the trunk's blocks are computed again in the backward pass instead of being kept."""
    seed: int = 0
    run: RunOptions = field(default_factory=RunOptions)

    def __post_init__(self) -> None:
        begins = [stage.begins for stage in self.stages]
        is_ordered = begins[:1] == [0] and begins == sorted(set(begins))
        _check("begins of the stages", begins, is_ordered, "0 and then rising shares")
        _check("clip_norm", self.clip_norm, self.clip_norm > 0, "a length above 0")
        _check("accumulate", self.accumulate, self.accumulate > 0, "at least 1")
        kept = self.run.kept_features_gib
        # A block that is left out at random makes other features each time.
        is_still = self.unroll.freezes_encoder and self.model.drop_path == 0
        expected = "0, or unroll.freezes_encoder=true and model.drop_path=0"
        _check("run.kept_features_gib", kept, kept == 0 or is_still, expected)
        is_decay = self.average is None or 0 <= self.average < 1
        _check("average", self.average, is_decay, "a decay from 0 to below 1, or none")
        self._check_restoring()

    def at(self, progress: float) -> Stage:
        """The stage at a share of the training."""
        return [stage for stage in self.stages if stage.begins <= progress or stage.begins == 0][-1]

    @property
    def recipe(self) -> dict[str, Any]:  # Any: JSON
        """All that has to stay when a training goes on, as JSON."""
        document = as_document(self)
        del document["run"]
        return document

    def _check_restoring(self) -> None:
        if self.restore is None:
            return
        freezes, patch = self.unroll.freezes_encoder, self.restore.patch
        expected = "false, as the encoder is what learns to restore"
        _check("unroll.freezes_encoder", freezes, not freezes, expected)
        sides = [stage.side for stage in self.stages if stage.side is not None]
        is_divided = all(side % patch == 0 for side in sides)
        _check("restore.patch", patch, is_divided, f"what divides all sides of stages, {sides}")


def settled(config: TrainConfig, image_size: int) -> TrainConfig:
    """The config with all sides said, for a model whose own pictures have a side of `image_size`.

    >>> config = TrainConfig("example", ModelOptions(weights="x"), stages=(Stage(side=None),))
    >>> settled(config, 512).data.stored_side
    512
    """
    stages = tuple(replace(stage, side=stage.side or image_size) for stage in config.stages)
    stored = config.data.stored_side or max(stage.pixels for stage in stages)
    return replace(config, stages=stages, data=replace(config.data, stored_side=stored))


def _check(name: str, value: object, is_fine: bool, expected: str) -> None:
    if not is_fine:
        raise TrainingError(
            f"{name} is {value}; expected {expected}. Change it in the recipe, or with --set."
        )
