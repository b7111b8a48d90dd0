"""A model that looks again is measured as another method, and corrected from what it saw."""

import json

import numpy as np
import pytest

import masklet
from masklet.eval.model_methods import PictureModel
from masklet.image.predictor import ImagePredictor
from masklet.types import Prompt
from tests.image.small_squares import boxes, middles, small_squares

IMAGE, TRUTH = small_squares()
CLICKS = dict(enumerate(middles()))
MORE = {i: said + Prompt.point(5, 5, label=0) for i, said in CLICKS.items()}


@pytest.fixture(scope="module")
def model():
    return masklet.load()


@pytest.fixture(scope="module")
def predictor(model):
    return ImagePredictor(model)


@pytest.fixture
def run(model):
    return PictureModel(model, name="small", zoom=True).open(IMAGE)


def first_look(predictor, prompts):
    features = predictor.encode(IMAGE)
    return features, predictor.predict(features, prompts).best()


def assert_answers(answers, expected):
    assert expected.close_ups
    masks = np.stack([each.mask for each in answers.values()])
    # Crops may be encoded together or alone, which moves logits by their last bits.
    assert (masks != expected.masks()).mean() < 1e-4
    predicted = [each.predicted_iou for each in answers.values()]
    assert predicted == pytest.approx(expected.scores(), abs=1e-4)


def test_every_answer_is_looked_at_again(run, predictor):
    answers = run.ask(CLICKS)
    _, found = first_look(predictor, list(CLICKS.values()))
    assert_answers(answers, predictor.zoom(IMAGE, list(CLICKS.values()), found))
    named = dict(zip("abcdef", boxes(), strict=True))
    _, found = first_look(predictor, boxes())
    assert_answers(run.ask(named), predictor.zoom(IMAGE, boxes(), found))


def test_a_further_click_corrects_what_was_seen_close_by(run, predictor):
    run.ask(CLICKS)
    answers = run.refine({i: MORE[i] for i in (3, 0, 4)})
    prompts = [CLICKS[i] for i in (3, 0, 4)]
    features, found = first_look(predictor, prompts)
    seen = predictor.zoom(IMAGE, prompts, found)
    more = [MORE[i] for i in (3, 0, 4)]
    corrected = predictor.zoom(IMAGE, more, predictor.predict(features, more, refine=seen))
    assert list(answers) == [3, 0, 4]
    assert_answers(answers, corrected)


def test_a_mask_that_was_given_is_answered_as_without_a_closer_look(model, run):
    given = {1: Prompt.from_mask(TRUTH[0])}
    plain = PictureModel(model, name="small").open(IMAGE).ask(given)[1]
    assert np.array_equal(run.ask(given)[1].mask, plain.mask)


def test_without_it_nothing_is_looked_at_again(model, predictor):
    answers = PictureModel(model, name="small").open(IMAGE).ask(CLICKS)
    _, found = first_look(predictor, list(CLICKS.values()))
    assert np.array_equal(np.stack([each.mask for each in answers.values()]), found.masks())


def test_the_settings_tell_both_methods_apart(model):
    methods = [PictureModel(model, name="small", zoom=zoom) for zoom in (False, True)]
    assert [json.loads(json.dumps(each.settings))["zoom"] for each in methods] == [False, True]
