"""What `masklet eval` is to measure: which items, by which protocol, with which method."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import torch

from masklet.cli.eval_methods import (
    ModelSpec,
    PictureBaselineSpec,
    PictureModelSpec,
    PolicySpec,
    VideoBaselineSpec,
    VideoModelSpec,
)
from masklet.cli.eval_options import Baseline, Context, LeftOut, PromptKind, Task
from masklet.cli.options import Dtype
from masklet.data.catalog import open_dataset
from masklet.data.records import Clip, Dataset, ImageDataset, Picture, VideoDataset
from masklet.data.scenes.suite import robustness_suite
from masklet.errors import DatasetError, PromptError
from masklet.eval.clicks import ClickOptions
from masklet.eval.interactive import InteractiveOptions
from masklet.eval.methods import PictureMethod, VideoMethod
from masklet.eval.scoring import FrameChoice, Scoring
from masklet.eval.tasks import ClickTask, InteractiveTask, VosTask
from masklet.eval.vos import VosOptions

AnyTask: TypeAlias = VosTask | InteractiveTask | ClickTask
T = TypeVar("T")
R = TypeVar("R")

_FRAMES: dict[LeftOut, FrameChoice] = {
    LeftOut.ENDS: "inner",
    LeftOut.PROMPTED: "after prompt",
    LeftOut.NONE: "all",
}


@dataclass(frozen=True, slots=True)
class Source:
    """Which items."""

    name: str | None
    """A path or a name of the catalog; None where they are made."""
    split: str | None = None
    root: Path | None = None
    clips_per_kind: int = 3
    limit: int | None = None

    def open(self) -> VideoDataset | ImageDataset:
        """The dataset with the items that are wanted. Raises `DatasetError`."""
        if self.name is None:
            dataset: VideoDataset | ImageDataset = robustness_suite(
                clips_per_kind=self.clips_per_kind
            )
        else:
            dataset = open_dataset(self.name, split=self.split, root=self.root)
        if not dataset.items:
            raise DatasetError(
                f"the dataset {dataset.name} at {dataset.root} has no clips or pictures; expected "
                "at least one. `masklet data check` says what is there."
            )
        return replace(dataset, items=spread(dataset.items, self.limit))  # type: ignore[arg-type]  # of one kind


@dataclass(frozen=True, slots=True)
class Protocol:
    """The options of all tasks; each task looks at its own."""

    prompt: PromptKind = PromptKind.MASK
    clicks: int | None = None
    random_clicks: bool = False
    max_objects: int | None = None
    min_area: int = 0
    rounds: int = 8
    online: bool = False
    every_mask: bool = False
    separately: bool = False
    overlap: bool | None = None
    leave_out: LeftOut = LeftOut.ENDS

    def task(self, kind: Task) -> AnyTask:
        """The task as these options want it. Raises `PromptError` where they contradict."""
        match kind:
            case Task.CLICKS:
                return ClickTask(self._clicking())
            case Task.INTERACTIVE:
                mode = "online" if self.online else "offline"
                options = InteractiveOptions(mode, self.rounds, self.clicks or 3)  # type: ignore[arg-type]  # one of two words
                return InteractiveTask(options, scoring_of(self.leave_out))
            case Task.VOS:
                return VosTask(self._tracking(), scoring_of(self.leave_out))
            case Task.ROBUSTNESS:
                return VosTask(self._tracking(), scoring_of(self.leave_out), "robustness")

    def _clicking(self) -> ClickOptions:
        return ClickOptions(
            clicks=self.clicks or 9,
            where="random" if self.random_clicks else "centre",
            max_objects=self.max_objects,
            min_area=self.min_area,
        )

    def _tracking(self) -> VosOptions:
        return VosOptions(
            prompt=str(self.prompt),  # type: ignore[arg-type]  # the words are the same
            clicks=self.clicks or 1,
            use_all_masks=self.every_mask,
            non_overlap=None if self.overlap is None else not self.overlap,
            separately=self.separately,
        )


@dataclass(frozen=True, slots=True)
class EvalPlan:
    """Everything that `masklet eval` was asked for."""

    source: Source
    task: Task | None
    protocol: Protocol
    baseline: Baseline | None
    model: ModelSpec
    policy: PolicySpec
    memory_dtype: str = str(Dtype.BFLOAT16)
    context: Context = Context.ALL
    zoom: bool = False

    def kind(self, dataset: VideoDataset | ImageDataset) -> Task:
        """The task, by what the dataset holds unless it was given.

        Raises:
            PromptError: the task is not one for what the dataset holds.
        """
        holds_clips = are_clips(dataset)
        if self.task is None:
            return Task.VOS if holds_clips else Task.CLICKS
        if holds_clips == (self.task is Task.CLICKS):
            fitting = "vos or interactive" if holds_clips else "clicks"
            raise PromptError(
                f"--task {self.task} was given for {dataset.name}, which holds "
                f"{'clips' if holds_clips else 'pictures'}; expected {fitting}. Choose another "
                "task or dataset."
            )
        return self.task

    def picture_method(self) -> Callable[[], PictureMethod]:
        """What makes the method that is measured on pictures."""
        if self.baseline is not None:
            return PictureBaselineSpec(self.baseline)
        return PictureModelSpec(self.model, self.zoom)

    def video_method(self) -> Callable[[], VideoMethod]:
        """What makes the method that is measured on clips."""
        if self.baseline is not None:
            return VideoBaselineSpec(self.baseline)
        return VideoModelSpec(self.model, self.policy, self.memory_dtype, str(self.context))  # type: ignore[arg-type]  # one of two words

    @property
    def device(self) -> str:
        """Where the method computes."""
        if self.baseline is not None:
            return "cpu"
        return self.model.device or ("cuda" if torch.cuda.is_available() else "cpu")

    @property
    def method_label(self) -> str:
        """What the method is called in the name of a folder."""
        return str(self.baseline) if self.baseline else Path(self.model.model).stem


def read_plan(options: Mapping[str, Any]) -> EvalPlan:  # Any: options of many types
    """The plan that the options of `masklet eval run` make, by the names of its parameters."""

    def those_of(record: type[R], **given: object) -> R:
        names = {field.name for field in fields(record)} & set(options)  # type: ignore[arg-type]  # a dataclass
        return record(**{name: options[name] for name in names}, **given)

    return EvalPlan(
        source=those_of(Source, name=options["dataset"]),
        task=options["task"],
        protocol=those_of(Protocol),
        baseline=options["baseline"],
        model=those_of(ModelSpec, input_size=options["size"]),
        policy=those_of(PolicySpec, name=options["policy"]),
        memory_dtype=str(options["memory_dtype"]),
        context=options["prompted"],
        zoom=options["zoom"],
    )


def scoring_of(leave_out: LeftOut, *, strict: bool = False) -> Scoring:
    """The rules by which masks are scored."""
    return Scoring(_FRAMES[leave_out], strict)


def are_clips(dataset: Dataset[Clip] | Dataset[Picture]) -> bool:
    """Whether the dataset, which is not empty, holds clips."""
    # Of its type: of the clip itself the question may read annotations, and these may be broken.
    return hasattr(type(dataset.items[0]), "annotated")


def spread(items: Sequence[T], limit: int | None) -> tuple[T, ...]:
    """At most so many of the items, from the first to the last at even distances.

    >>> spread("abcdefg", 3)
    ('a', 'd', 'g')
    """
    if limit is None or limit >= len(items):
        return tuple(items)
    if limit == 1:
        return (items[0],)
    return tuple(items[round(n * (len(items) - 1) / (limit - 1))] for n in range(limit))
