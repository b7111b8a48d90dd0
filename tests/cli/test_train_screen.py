"""What people see of a training: a table on a terminal, lines elsewhere, a drawing of the curves."""

import io

import pytest
from PIL import Image
from rich.console import Console
from rich.live import Live

from masklet.cli.train_drawing import write_curves
from masklet.cli.train_screen import TrainScreen
from masklet.cli.train_trial import Trial, outlook
from masklet.train.config import RunOptions, Stage
from tests.train.made_run import tiny_training

RECORD = {
    "step": 1200,
    "progress": 0.25,
    "seconds": 3700.0,
    "seconds_left": 11100.0,
    "kind": "pictures",
    "side": 192,
    "loss": 2.0,
    "focal": 0.05,
    "dice": 0.75,
    "iou": 0.125,
    "object_score": 0.01,
    "reached": 0.5,
    "gradient": 1.5,
    "learning_rate": 1e-3,
    "frames_per_second": 8.0,
    "memory": 2048.0,
    "skipped": 3,
}
SCORES = {"step": 1200, "seconds": 3700.0, "scores": {"score": 0.5, "IoU@1": 0.375}}


def shown(*records, is_terminal, is_quiet=False):
    """All that is written for some records."""
    written = io.StringIO()
    console = Console(file=written, width=120, force_terminal=is_terminal)
    if not is_terminal:
        screen = TrainScreen(console, None, is_quiet=is_quiet)
        for record in records:
            screen.told(record)
        return written.getvalue()
    with Live(console=console, auto_refresh=False) as live:
        screen = TrainScreen(console, live, is_quiet=is_quiet)
        for record in records:
            screen.told(record)
    return written.getvalue()


def test_a_terminal_shows_a_table_with_means_and_scores():
    text = shown(SCORES, RECORD, is_terminal=True)
    for told in (
        "1,200",
        "25.0%",
        "1 h 1 min",
        "3 h 5 min",
        "2.000",
        "0.500",
        "1.00e-03",
        "2.0 GiB",
    ):
        assert told in text
    assert "pictures, 192 px" in text
    assert "IoU@1 0.375" in text
    assert "skipped" in text


def test_a_training_that_restores_pictures_tells_how_much_it_restores():
    unknown = ("focal", "dice", "iou", "object_score", "reached")
    record = {name: value for name, value in RECORD.items() if name not in unknown}
    record["restored"] = 0.625
    table = shown(record, is_terminal=True)
    assert "restored" in table
    assert "0.625" in table
    assert "dice" not in table
    line = shown(record, is_terminal=False)
    assert line.startswith("masklet: step 1,200: loss 2.000, restored 0.625, 8.0 frames a second")


def test_without_a_terminal_a_line_comes_now_and_then():
    text = shown(RECORD, RECORD | {"step": 1201}, SCORES, is_terminal=False)
    first, scores = text.splitlines()
    assert first.startswith("masklet: step 1,200: loss 2.000, IoU 0.500, 8.0 frames a second")
    assert first.endswith("3 h 5 min left")
    assert scores == "masklet: step 1,200: score 0.500, IoU@1 0.375"


def test_a_quiet_training_tells_its_scores_only():
    text = shown(RECORD, SCORES, is_terminal=False, is_quiet=True)
    assert text == "masklet: step 1,200: score 0.500, IoU@1 0.375\n"


def test_what_is_not_known_yet_is_not_told():
    unknown = {"frames_per_second": None, "seconds_left": None, "memory": None, "skipped": 0}
    text = shown(RECORD | unknown, is_terminal=True)
    assert "skipped" not in text
    assert "GiB" not in text


@pytest.mark.parametrize("hours", [0.01, 0.5, 9.0])
@pytest.mark.parametrize("quality", ["reached", "restored"])
def test_curves_are_drawn_of_short_and_of_long_trainings(tmp_path, hours, quality):
    count = 400
    record = {name: value for name, value in RECORD.items() if name != "reached"}
    record[quality] = 0.5
    records = [record | {"step": n, "seconds": 3600 * hours * n / count} for n in range(count)]
    records += [SCORES, SCORES | {"seconds": 3600 * hours}]
    write_curves(tmp_path / "curves.png", records)
    with Image.open(tmp_path / "curves.png") as drawn:
        assert drawn.size == (2000, 1120)


def test_a_budget_in_time_is_told_in_steps():
    config = tiny_training(run=RunOptions(steps=None, minutes=10.0))
    trials = [
        Trial(Stage(0.0), "pictures", 1.0, 8, 1.0, share=0.5),
        Trial(Stage(0.5), "pictures", 3.0, 8, 1.0, share=0.5),
    ]
    assert outlook(trials, config) == "about 300 steps fit into 10 min 0 s, besides validation"
