"""Clicks, boxes and masks on one picture: how right a method's answers are after each.

The protocol of SAM 2's image task: the first click is in the middle of the object, each further one
in the middle of the largest error of the answer before. What goes on from a first click is the mask
that the method itself takes for the best.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import numpy as np
import torch

from masklet.data.records import Mask, Picture, PictureObject
from masklet.errors import PromptError
from masklet.eval.methods import Answer, PictureMethod, PictureRun
from masklet.eval.metrics import region_similarity
from masklet.eval.records import ItemScores, ObjectScores
from masklet.eval.series import clicks_needed
from masklet.eval.simulated_user import next_click, tight_box
from masklet.eval.stopwatch import Stopwatch
from masklet.io.given import given_mask
from masklet.ops.rle import area, decode, encode
from masklet.types import FrameMasks, ObjectId, ObjectMask, Prompt

Where: TypeAlias = Literal["centre", "random"]

# Objects that are asked about together: so many that their masks take a few hundred megabytes.
_BATCH_PIXELS = 1 << 26
_THRESHOLDS = {"NoC@85": 0.85, "NoC@90": 0.90}


@dataclass(frozen=True, slots=True)
class ClickOptions:
    """What is asked about the objects of a picture.

    Raises:
        PromptError: there is less than one click.
    """

    clicks: int = 9
    """How many are made on every object; none is added where the answer is right already."""
    where: Where = "centre"
    """In the middle of the largest error, or on any wrong pixel, all equally likely."""
    box: bool = True
    """Whether each object is asked for by its tight box too."""
    mask: bool = True
    """Whether each object is asked for by its true mask too."""
    max_objects: int | None = None
    """Of every picture at most so many, drawn at random; all unless given."""
    min_area: int = 0
    """Objects of fewer pixels are left out, and counted."""
    seed: int = 0
    """Of what is drawn. Each picture and object has its own luck, whatever was done before it."""

    def __post_init__(self) -> None:
        if self.clicks < 1:
            raise PromptError(
                f"{self.clicks} clicks are to be made on every object; expected at least 1. Papers "
                "tell the IoU after 1, 3 and 5, up to 9."
            )


@dataclass(frozen=True, slots=True)
class ClickRun:
    """A picture that was asked about."""

    scores: ItemScores
    masks: FrameMasks
    """What the last click gave, as frame 0."""
    prompts: Mapping[ObjectId, Prompt]
    """All clicks on each object."""


@dataclass(slots=True)
class _Asked:
    """An object, and what was found out about it."""

    record: PictureObject
    truth: Mask
    generator: torch.Generator | None
    """Draws clicks; None where they are in the middle."""
    said: Mask
    """The answer to the clicks so far."""
    prompt: Prompt | None = None
    predicted_iou: float | None = None
    values: dict[str, float] = field(default_factory=dict)


def run_clicks(
    method: PictureMethod, picture: Picture, options: ClickOptions | None = None
) -> ClickRun:
    """Ask a method about the objects of a picture, and score what it says.

    Values are "IoU@1", "IoU@2", ... after so many clicks, "NoC@85" and "NoC@90", the clicks that it
    took to an IoU of 0.85 and 0.90 (the last one where it was not reached), "IoU box" and "IoU
    mask"; and where the method says what it expects, "predicted IoU@1", ... and "predicted IoU box"
    and "predicted IoU mask". An answer that is right gets no further click and stays.

    Args:
        method: what is asked.
        picture: a labelled picture.
        options: what it is asked; nine clicks in the middle, a box and a mask unless given.

    Raises:
        DatasetError: the picture or its objects cannot be read.

    >>> import masklet
    >>> from masklet.eval.model_methods import PictureModel
    >>> class Ball:
    ...     name = "ball"
    ...     def image(self):
    ...         return np.zeros((48, 64, 3), np.uint8)
    ...     def objects(self):
    ...         return (PictureObject(1, encode(np.eye(48, 64, dtype=bool))),)
    >>> run = run_clicks(PictureModel(masklet.load(), name="small"), Ball(), ClickOptions(2))
    >>> [name for name in run.scores.objects[0].values if not name.startswith("predicted")]
    ['IoU@1', 'IoU@2', 'IoU box', 'IoU mask', 'NoC@85', 'NoC@90']
    """
    options = ClickOptions() if options is None else options
    objects = picture.objects()
    large = [each for each in objects if area(each.segmentation) >= options.min_area]
    drawn = _drawn(large, picture.name, options)
    image = picture.image()
    watch = Stopwatch()
    with watch.running():
        run = method.open(image)
    scores: list[ObjectScores] = []
    masks: list[ObjectMask] = []
    prompts: dict[ObjectId, Prompt] = {}
    step = max(1, _BATCH_PIXELS // (image.shape[0] * image.shape[1]))
    for start in range(0, len(drawn), step):
        asked = [_asked(each, picture.name, options) for each in drawn[start : start + step]]
        _ask(run, asked, options, watch)
        scores += [_scores(each, picture.name, options) for each in asked]
        masks += [_kept(each) for each in asked]
        prompts |= {i.record.object_id: i.prompt for i in asked if i.prompt is not None}
    left_out = len(objects) - len(drawn)
    return ClickRun(
        ItemScores(picture.name, tuple(scores), 1, watch.seconds, left_out),
        FrameMasks(0, tuple(masks)),
        prompts,
    )


def _drawn(
    objects: Sequence[PictureObject], picture: str, options: ClickOptions
) -> list[PictureObject]:
    """At most so many of the objects, in their order."""
    if options.max_objects is None or len(objects) <= options.max_objects:
        return list(objects)
    luck = np.random.default_rng(_seed(options.seed, picture))
    places = luck.permutation(len(objects))[: options.max_objects]
    return [objects[place] for place in sorted(places)]


def _asked(record: PictureObject, picture: str, options: ClickOptions) -> _Asked:
    generator = None
    if options.where == "random":
        seed = _seed(options.seed, picture, str(record.object_id))
        generator = torch.Generator().manual_seed(seed)
    truth = np.ascontiguousarray(decode(record.segmentation))
    return _Asked(record, truth, generator, said=np.zeros_like(truth))


def _ask(run: PictureRun, asked: Sequence[_Asked], options: ClickOptions, watch: Stopwatch) -> None:
    """Everything about some objects, all of them together."""
    for count in range(1, options.clicks + 1):
        _click(run, asked, count, watch)
    if options.box:
        _ask_once(run, asked, "box", tight_box, watch)
    if options.mask:
        _ask_once(run, asked, "mask", Prompt.from_mask, watch)


def _ask_once(
    run: PictureRun,
    asked: Sequence[_Asked],
    named: str,
    show: Callable[[Mask], Prompt],
    watch: Stopwatch,
) -> None:
    """By what can be told of the whole object at once."""
    prompts = {each.record.object_id: show(each.truth) for each in asked}
    with watch.running():
        answers = run.ask(prompts)
    for each in asked:
        answer = answers[each.record.object_id]
        each.values |= _values(f"IoU {named}", answer.mask, each.truth, answer.predicted_iou)


def _click(run: PictureRun, asked: Sequence[_Asked], count: int, watch: Stopwatch) -> None:
    """One more click on every object whose answer is wrong."""
    wrong: dict[ObjectId, Prompt] = {}
    for each in asked:
        click = next_click(each.said, each.truth, generator=each.generator)
        if click is not None:
            each.prompt = click if each.prompt is None else each.prompt + click
            wrong[each.record.object_id] = each.prompt
    answers: Mapping[ObjectId, Answer] = {}
    if wrong:
        with watch.running():
            answers = run.ask(wrong) if count == 1 else run.refine(wrong)
    for each in asked:
        answer = answers.get(each.record.object_id)
        if answer is not None:
            each.said, each.predicted_iou = answer.mask, answer.predicted_iou
        each.values |= _values(f"IoU@{count}", each.said, each.truth, each.predicted_iou)


def _values(name: str, said: Mask, truth: Mask, predicted_iou: float | None) -> dict[str, float]:
    real = {name: float(region_similarity(said, truth))}
    return real if predicted_iou is None else real | {f"predicted {name}": predicted_iou}


def _scores(asked: _Asked, picture: str, options: ClickOptions) -> ObjectScores:
    values = asked.values
    ious = [values[f"IoU@{count}"] for count in range(1, options.clicks + 1)]
    return ObjectScores(
        item=picture,
        object_id=asked.record.object_id,
        values=values
        | {
            name: float(clicks_needed(ious, threshold=threshold, most=options.clicks))
            for name, threshold in _THRESHOLDS.items()
        },
        category=asked.record.category,
    )


def _kept(asked: _Asked) -> ObjectMask:
    mask = given_mask(asked.record.object_id, encode(asked.said))
    predicted = asked.predicted_iou
    return mask if predicted is None else replace(mask, predicted_iou=predicted)


def _seed(*parts: int | str) -> int:
    """A number that is the same in every process, as `hash` is not.

    >>> _seed(0, "a") == _seed(0, "a"), _seed(0, "a") == _seed(1, "a")
    (True, False)
    """
    return zlib.crc32("/".join(map(str, parts)).encode())
