"""Runs made by hand, with scores that are easy to follow."""

import math

from masklet.eval.records import Interval, ItemScores, ObjectScores, RunScores, Skipped

CLIPS = (
    "bear-river",
    "car <b>turn</b>",
    "dance & jump",
    "goats",
    "long $x_1$ take",
    "scooter",
    "swans",
)
SETTINGS = {
    "protocol": {"prompt": "mask", "non_overlap": True, "frames": "inner"},
    "method": {"model": "masklet-small", "policy": "standard", "dtype": "float32"},
    "versions": {"masklet": "0.1.0", "torch": "2.13.0"},
    "command": "masklet eval davis --task vos --model masklet-small",
}
ENVIRONMENT = {"processor": "AMD EPYC", "threads": 2, "device": "cpu"}


def object_scores(item: str, object_id: int, level: float, *, frames: int = 60) -> ObjectScores:
    """An object whose overlap falls slowly from `level`, and once drops."""
    drop = 7 * object_id % frames
    region = {
        frame: max(0.0, min(1.0, level - 0.3 * frame / frames + 0.05 * math.sin(frame / 3)))
        * (0.3 if drop <= frame < drop + 6 else 1.0)
        for frame in range(1, frames)
    }
    outline = {frame: 0.9 * value for frame, value in region.items()}
    predicted = {frame: min(1.0, 0.25 + 0.7 * value) for frame, value in region.items()}
    region_mean = sum(region.values()) / len(region)
    outline_mean = sum(outline.values()) / len(outline)
    return ObjectScores(
        item,
        object_id,
        {
            "J&F": (region_mean + outline_mean) / 2,
            "J": region_mean,
            "F": outline_mean,
            "J recall": sum(value > 0.5 for value in region.values()) / len(region),
            "J decay": 0.2,
            "presence": 0.97,
            "flicker": 0.031,
        },
        {"J": region, "F": outline, "predicted IoU": predicted},
        category=("animal", "vehicle", "person")[object_id % 3],
        is_seen=bool(object_id % 2),
    )


def clip_items() -> tuple[ItemScores, ...]:
    """Seven clips with one, two or three objects."""
    return tuple(
        ItemScores(
            clip,
            tuple(
                object_scores(clip, number, 0.95 - 0.1 * place * (0.4 + 0.3 * number))
                for number in range(1, 2 + place % 3)
            ),
            frames=60,
            seconds=4.5,
        )
        for place, clip in enumerate(CLIPS)
    )


def summarised(objects: tuple[ObjectScores, ...]) -> dict[str, Interval]:
    """Means with an interval of made-up width."""
    summary = {}
    for name in dict.fromkeys(name for each in objects for name in each.values):
        values = [each.values[name] for each in objects if name in each.values]
        mean = sum(values) / len(values)
        summary[name] = Interval(mean, 0.9 * mean, 1.08 * mean, len(values))
    return summary


def clip_run(method: str = "masklet-small", *, gain: float = 0.0) -> RunScores:
    """A run over seven clips; `gain` is added to every J&F."""
    objects = tuple(
        ObjectScores(
            each.item,
            each.object_id,
            {**each.values, "J&F": each.values["J&F"] + gain},
            category=each.category,
            is_seen=each.is_seen,
        )
        for item in clip_items()
        for each in item.objects
    )
    return RunScores(
        task="vos",
        dataset="davis-2017 val",
        method=method,
        settings={**SETTINGS, "method": {**SETTINGS["method"], "model": method}},
        environment=ENVIRONMENT,
        summary=summarised(objects),
        objects=objects,
        seconds=31.5,
        frames=420,
        skipped=(Skipped("mbike <i>", "frame 00012 is 480x853, its annotation 480x854"),),
    )


def click_run() -> RunScores:
    """Twelve objects of four pictures, prompted with one to nine clicks, a box and a mask."""
    objects = tuple(
        ObjectScores(
            f"picture-{picture}",
            number,
            {
                **{
                    f"IoU@{clicks}": 1 - (0.25 + 0.06 * number + 0.03 * picture) / clicks**0.7
                    for clicks in range(1, 10)
                },
                "NoC@85": 2 + number,
                "NoC@90": 4 + number,
                "IoU box": 0.9 - 0.02 * number,
                "IoU mask": 0.95,
            },
            category=("cat", "cup", None)[number % 3],
        )
        for picture in range(1, 5)
        for number in range(1, 4)
    )
    return RunScores(
        task="clicks",
        dataset="val-images",
        method="masklet-small",
        settings={"protocol": {"clicks": 9, "where": "centre", "box": True}},
        environment=ENVIRONMENT,
        summary=summarised(objects),
        objects=objects,
        seconds=8.0,
        frames=4,
    )
