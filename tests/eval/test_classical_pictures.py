"""Classical methods for pictures behind the protocol of the evaluation."""

import json
import pickle
import sys

import cv2
import numpy as np
import pytest

from masklet.errors import MissingExtra, PromptError
from masklet.eval.classical_masks import flood_fill, grab_cut
from masklet.eval.classical_pictures import FloodFill, GrabCut
from masklet.eval.clicks import ClickOptions, run_clicks
from masklet.types import Prompt
from tests.eval.clips import ArrayPicture, square
from tests.eval.disks import disk, picture

PICTURE = picture(disk(60, 48))
METHODS = pytest.mark.parametrize(
    ("kind", "function"), [(GrabCut, grab_cut), (FloodFill, flood_fill)], ids=["cut", "fill"]
)


@METHODS
def test_every_prompt_gets_the_mask_of_the_function(kind, function):
    prompts = {7: Prompt.point(60, 48), 2: Prompt.box_xyxy(42, 30, 79, 67)}
    answers = kind().open(PICTURE).ask(prompts)
    assert list(answers) == [7, 2]
    for object_id, answer in answers.items():
        np.testing.assert_array_equal(answer.mask, function(PICTURE, prompts[object_id]))
        assert answer.predicted_iou is None


@METHODS
def test_refining_is_asking_with_all_clicks(kind, function):
    run = kind().open(PICTURE)
    run.ask({1: Prompt.point(60, 48)})
    clicks = Prompt.point(60, 48) + Prompt.point(10, 10, label=0)
    np.testing.assert_array_equal(run.refine({1: clicks})[1].mask, function(PICTURE, clicks))


@METHODS
def test_a_picture_may_be_a_mirrored_view(kind, function):
    prompt = Prompt.point(67, 48)
    said = kind().open(PICTURE[:, ::-1]).ask({1: prompt})[1].mask
    np.testing.assert_array_equal(said, function(PICTURE[:, ::-1].copy(), prompt))


@METHODS
def test_a_prompt_outside_the_picture_is_refused(kind, function):
    with pytest.raises(PromptError, match="outside the image"):
        kind().open(PICTURE).ask({1: Prompt.point(500, 500)})


@METHODS
def test_the_click_protocol_runs_with_it(kind, function):
    plain = ArrayPicture({1: square(4, 4), 2: square(40, 10)})
    run = run_clicks(kind(), plain, ClickOptions(3))
    for scores in run.scores.objects:
        assert scores.values["IoU@3"] > 0.8
        assert scores.values["IoU box"] > 0.8
        assert not any(name.startswith("predicted") for name in scores.values)


def test_settings_are_json_and_name_the_version_of_opencv():
    for method in (GrabCut(), FloodFill()):
        settings = json.loads(json.dumps(method.settings))
        assert settings["opencv"] == cv2.__version__
        assert settings["predicts_iou"] is False
    assert GrabCut().settings["flood_fill"]["tolerance_lab"] == [32, 16, 16]


@METHODS
def test_it_can_be_sent_to_another_process(kind, function):
    assert pickle.loads(pickle.dumps(kind())).name == kind().name


@METHODS
def test_without_opencv_it_is_not_built(kind, function, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingExtra, match=r"pip install 'masklet\[eval\]'$"):
        kind()
