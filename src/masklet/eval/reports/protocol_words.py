"""How a run was measured, in sentences; settings that are not known here stay in the table."""

from collections.abc import Iterator, Mapping
from typing import Any

from masklet.eval.records import Task

_PROMPTS = {
    "mask": "by its true mask",
    "box": "by the tight box of its true mask",
}

_ALONE = {"box": "its tight box", "mask": "its true mask"}

_SWITCHES = {
    "use_all_masks": "Every annotated mask is a prompt, not only the first of each object.",
    "non_overlap": "A pixel belongs to one object at most.",
    "separately": "Every object is tracked in a pass of its own.",
    "first_frame_only_objects": (
        "Objects that begin after the first annotated frame are never shown, and count as missed."
    ),
}

_FRAMES = {
    "inner": "The first and the last annotated frame of a clip are not scored.",
    "after prompt": "The frame on which an object is prompted is not scored.",
    "all": "Every annotated frame is scored.",
}

_STATISTICS = (
    "Every object counts the same. The intervals come from drawing whole {things}, with all their "
    "objects, 2000 times (a cluster bootstrap): they hold the middle 95 % of the 2000 means."
)


def protocol_words(task: Task, settings: Mapping[str, Any]) -> tuple[str, ...]:  # Any: JSON
    """What was done, sentence by sentence.

    Args:
        task: of the run.
        settings: of the run; its part "protocol" says how the task was done.

    >>> protocol_words("vos", {"protocol": {"prompt": "clicks", "clicks": 3}})[0].split(", ")[1]
    'on the first annotated frame on which it is visible'
    """
    protocol = settings.get("protocol")
    known = protocol if isinstance(protocol, Mapping) else settings
    sentences = [*_task_words(task, known)]
    sentences += [told for name, told in _SWITCHES.items() if known.get(name) is True]
    sentences += [_FRAMES[each] for each in [known.get("frames")] if each in _FRAMES]
    limit = settings.get("limit", known.get("limit"))
    things = things_of(task)
    if isinstance(limit, int):
        sentences.append(f"Only {limit:,} {things} were evaluated, spread evenly over the dataset.")
    return " ".join(sentences), _STATISTICS.format(things=things)


def things_of(task: Task) -> str:
    """What the items of a task are.

    >>> things_of("clicks")
    'pictures'
    """
    return "pictures" if task == "clicks" else "clips"


def _task_words(task: Task, known: Mapping[str, Any]) -> Iterator[str]:
    match task:
        case "clicks":
            yield from _click_words(known)
        case "interactive":
            yield from _interactive_words(known)
        case "vos" | "robustness":
            if task == "robustness":
                yield "The clips are generated, so the truth is exact on every frame."
            if "prompt" not in known:
                yield (
                    "The masks were made elsewhere. They are compared with the truth on the "
                    "annotated frames."
                )
                return
            yield (
                "Every object is shown to the method once, on the first annotated frame on which "
                f"it is visible, {_prompt_words(known)}. The method carries it to the end of the "
                "clip, and its masks are compared with the truth on the annotated frames."
            )


def _prompt_words(known: Mapping[str, Any]) -> str:
    prompt = known.get("prompt", "mask")
    if prompt != "clicks":
        return _PROMPTS.get(str(prompt), f"by {prompt}")
    count = known.get("clicks", 1)
    if count == 1:
        return "by one click in the middle of its true mask"
    return f"by {count} clicks, each in the middle of the largest error of the answer before"


def _click_words(known: Mapping[str, Any]) -> Iterator[str]:
    where = "in the middle of the largest error"
    if known.get("where") == "random":
        where = "on a wrong pixel, all equally likely"
    yield (
        f"Every object of a picture is clicked {known.get('clicks', 'several')} times, each time "
        f"{where}; before the first click all of it is one. After each click the mask of the "
        "method is compared with the truth. NoC counts the clicks until an IoU is reached; all of "
        "them where it is not."
    )
    alone = [told for name, told in _ALONE.items() if known.get(name) is True]
    if alone:
        yield f"Apart from that it is asked for by {' and by '.join(alone)}."
    if isinstance(most := known.get("max_objects"), int):
        yield f"At most {most} objects of a picture are asked for, drawn at random."
    if least := known.get("min_area"):
        yield f"Objects of fewer than {least} pixels are left out."


def _interactive_words(known: Mapping[str, Any]) -> Iterator[str]:
    clicks, most = known.get("clicks", 3), known.get("prompted_frames", 8)
    threshold = known.get("threshold", 0.75)
    yield (
        "A simulated user works on every object alone, beginning on the first annotated frame on "
        f"which it is visible. Up to {most} frames are prompted with {clicks} clicks each, every "
        "one in the middle of the largest error."
    )
    if known.get("mode") == "online":
        yield (
            "Online: the clip is tracked once, and the user stops at the next frame with an IoU "
            f"below {threshold} to correct it; frames before it stay as they were."
        )
    else:
        yield (
            "Offline: after each pass the user corrects the frame with the lowest IoU, and the "
            "whole clip is tracked again."
        )
