"""Put the items of a run together: the scores of the whole, and the report with its pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from masklet.data.records import Clip, Picture
from masklet.eval.bootstrap import summarise, summarise_calibration
from masklet.eval.environment import Environment
from masklet.eval.records import ItemScores, ObjectScores, RunScores, Skipped, Task
from masklet.eval.reports.figures import Figure, draw_figures, worst_figure
from masklet.eval.reports.pictures import clip_case, picture_case, worst_objects
from masklet.eval.reports.report import write_report
from masklet.eval.reports.score_words import main_score, number_of
from masklet.eval.run_json import write_run
from masklet.eval.runs import RunFolder
from masklet.io.masklets import Masklets
from masklet.ops.rle import decode
from masklet.types import ObjectId, Prompt


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a run besides its scores."""

    task: Task
    dataset: str
    method: str
    settings: Mapping[str, Any]  # Any: JSON
    environment: Environment
    skipped: tuple[Skipped, ...] = ()


def gather(told: Told, items: Sequence[ItemScores]) -> RunScores:
    """The scores of a whole run, with the calibration of its predicted IoU.

    Args:
        told: what the run was.
        items: its items, with their series.
    """
    objects = [each for item in items for each in item.objects]
    return RunScores(
        task=told.task,
        dataset=told.dataset,
        method=told.method,
        settings=told.settings,
        environment=asdict(told.environment),
        summary=summarise(objects) | summarise_calibration(objects),
        objects=tuple(replace(each, series={}) for each in objects),
        seconds=sum(item.seconds for item in items),
        frames=sum(item.frames for item in items),
        skipped=told.skipped,
        left_out=sum(item.left_out for item in items),
    )


def write_results(
    folder: RunFolder,
    run: RunScores,
    items: Sequence[ItemScores],
    clips: Mapping[str, Clip] | None = None,
    pictures: Mapping[str, Picture] | None = None,
) -> None:
    """Write `scores.json`, `report.html` and `report.png`.

    Args:
        folder: of the run, which holds the masks.
        run: its scores.
        items: the same with their series.
        clips: the clips of the dataset by name, to show the worst objects.
        pictures: or its pictures.

    Raises:
        OutputError: a file cannot be written.
        DatasetError, VideoError: an item cannot be read any more.
    """
    write_run(folder.scores, run)
    objects = [each for item in items for each in item.objects]
    if clips is not None:
        worst = _worst_of_clips(folder, run.task, objects, clips)
    else:
        worst = _worst_of_pictures(folder, objects, pictures or {})
    write_report(folder.root, run, (*draw_figures(run, items), *worst))


def _worst_of_clips(
    folder: RunFolder, task: Task, objects: Sequence[ObjectScores], clips: Mapping[str, Clip]
) -> list[Figure]:
    name = main_score(task, {name for each in objects for name in each.values})
    if name is None:
        return []
    cases = []
    for scores in worst_objects(objects, name):
        kept = folder.masks_of(scores.item)
        said = _said_of(kept, scores.object_id)
        clip = clips[scores.item]
        cases.append(clip_case(clip, scores, kept.frames, name=name, prompts=said))
    return [worst_figure(cases, name=name)] if cases else []


def _worst_of_pictures(
    folder: RunFolder, objects: Sequence[ObjectScores], pictures: Mapping[str, Picture]
) -> list[Figure]:
    """By the score of the last click, whose masks are kept."""
    counted = {
        number_of(n) or 0: n for each in objects for n in each.values if n.startswith("IoU@")
    }
    if not counted:
        return []
    name = counted[max(counted)]
    cases = []
    for scores in worst_objects(objects, name):
        kept = folder.masks_of(scores.item)
        answer = kept.frames[0].at(scores.object_id)
        assert answer is not None
        cases.append(
            picture_case(
                pictures[scores.item],
                scores,
                decode(answer.segmentation),
                name=name,
                prompt=_said_of(kept, scores.object_id).get(0),
            )
        )
    return [worst_figure(cases, name=name)] if cases else []


def _said_of(kept: Masklets, object_id: ObjectId) -> dict[int, Prompt]:
    """By frame, what was said of an object."""
    return {frame: said[object_id] for frame, said in kept.prompts.items() if object_id in said}
