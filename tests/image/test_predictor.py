"""The image predictor: encode once, ask many, one by one or together."""

import dataclasses

import numpy as np
import pytest
import torch

from masklet.errors import ImageError, PromptError
from masklet.image import predictor as predictor_module
from masklet.image.predictor import ImagePredictor
from masklet.ops.resize import resize_mask
from masklet.types import MaskSet, Prompt
from tests.parity.inputs import picture
from tests.tiny import tiny_model

SIZE = (48, 80)
CLICK = Prompt.point(30, 20)
BOX = Prompt.box_xyxy(10, 8, 60, 40)
CLICKS = CLICK + Prompt.point(60, 10, label=0)
MASK = Prompt.from_mask(np.arange(48 * 80).reshape(SIZE) % 80 < 40)
PROMPTS = [CLICK, BOX, CLICKS, MASK, BOX + CLICK, MASK + CLICK, Prompt.point(5, 40, label=0)]


@pytest.fixture(scope="module")
def predictor():
    return ImagePredictor(tiny_model())


@pytest.fixture(scope="module")
def features(predictor):
    return predictor.encode(picture(*SIZE, seed=3))


def assert_same(ours, expected):
    assert len(ours) == len(expected)
    torch.testing.assert_close(ours.logits, expected.logits, atol=5e-5, rtol=1e-4)
    torch.testing.assert_close(ours.iou, expected.iou, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(ours.object_score, expected.object_score, atol=5e-5, rtol=1e-4)


def test_an_image_is_encoded_at_the_models_size_unless_told_otherwise(predictor, features):
    assert (features.size, features.input_size) == (SIZE, (64, 64))
    assert features.features.grid == (4, 4)
    wide = predictor.encode(picture(*SIZE, seed=3), size=(64, 96))
    assert wide.features.grid == (4, 6)
    assert predictor.encode(picture(*SIZE, seed=3), size=96).input_size == (96, 96)


@pytest.mark.parametrize("size", [0, 48, (64, 33), (-32, 64)], ids=str)
def test_an_input_size_that_the_network_cannot_take_is_refused(predictor, size):
    with pytest.raises(ImageError, match="expected multiples of 32, for example 64"):
        predictor.encode(picture(*SIZE), size=size)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 8, 3), np.uint8),
    ],
    ids=["gray", "RGBA", "float", "empty"],
)
def test_an_array_that_is_no_rgb_picture_is_refused(predictor, image):
    with pytest.raises(ImageError, match=r"expected \(height, width, 3\) uint8 RGB"):
        predictor.encode(image)


def test_images_of_any_sizes_are_encoded_together_as_alone(predictor):
    images = [picture(48, 80, seed=3), picture(20, 30, seed=4), picture(100, 33, seed=5)]
    together = predictor.encode_batch(images)
    for image, features in zip(images, together, strict=True):
        alone = predictor.encode(image)
        assert features.size == image.shape[:2]
        assert_same(predictor.predict(features, CLICK), predictor.predict(alone, CLICK))


def test_no_images_are_no_features(predictor):
    assert predictor.encode_batch([]) == []


def test_features_are_a_value_that_prompts_do_not_change(predictor, features):
    before = predictor.predict(features, PROMPTS)
    assert_same(predictor.predict(features, PROMPTS), before)


@pytest.mark.parametrize("multimask", [None, True, False], ids=["open", "three", "one"])
def test_prompts_asked_together_are_answered_as_alone(predictor, features, multimask):
    together = predictor.predict(features, PROMPTS, multimask=multimask)
    index = np.array(together.prompt_index)
    assert sorted(set(index.tolist())) == list(range(len(PROMPTS)))
    assert (np.diff(index) >= 0).all()
    for number, prompt in enumerate(PROMPTS):
        alone = predictor.predict(features, prompt, multimask=multimask)
        assert_same(together[index == number], alone)


@pytest.mark.parametrize("count", [1, 3, 4, 5, 9])
def test_any_number_of_prompts_is_decoded_in_passes_of_a_few(
    predictor, features, count, monkeypatch
):
    prompts = [Prompt.point(5 * number, 4 * number) for number in range(count)]
    together = predictor.predict(features, prompts, multimask=False)
    assert together.prompt_index == tuple(range(count))
    monkeypatch.setattr(predictor_module, "_ROWS_PER_PASS", {"cpu": 1})
    assert_same(predictor.predict(features, prompts, multimask=False), together)


def test_a_single_click_gives_three_masks_and_anything_clearer_one(predictor, features):
    answer = predictor.predict(features, PROMPTS)
    assert [answer.prompt_index.count(number) for number in range(7)] == [3, 1, 1, 1, 1, 1, 3]


def test_three_masks_come_best_first(predictor, features):
    answer = predictor.predict(features, [CLICK, BOX], multimask=True)
    scores = answer.scores().reshape(2, 3)
    assert (np.diff(scores, axis=1) <= 0).all()
    assert_same(answer.best(), answer[[0, 3]])


def test_one_mask_is_the_first_candidate_or_the_best_of_the_others(predictor, features):
    single = predictor.predict(features, BOX, multimask=False)
    three = predictor.predict(features, BOX, multimask=True)
    first = predictor_module.decode_in_passes(
        predictor.model, features, predictor._prompt_tensors([BOX], features)
    ).logits_BMhw[:, 0]
    is_first = torch.allclose(single.logits, first)
    assert is_first or torch.allclose(single.logits, three.best().logits)


def test_no_prompts_are_no_masks(predictor, features):
    answer = predictor.predict(features, [])
    assert len(answer) == 0
    assert answer.masks().shape == (0, *SIZE)


def test_an_answer_feeds_a_better_question(predictor, features):
    first = predictor.predict(features, CLICK).best()
    refined = predictor.predict(features, CLICKS, refine=first)
    fresh = predictor.predict(features, CLICKS)
    assert len(refined) == 1
    assert (refined.logits - fresh.logits).abs().max() > 1e-3


def test_a_refined_click_is_no_longer_ambiguous(predictor, features):
    first = predictor.predict(features, CLICK).best()
    assert len(predictor.predict(features, CLICK, refine=first)) == 1


def test_logits_are_clamped_before_they_are_fed_back(predictor, features):
    first = predictor.predict(features, CLICK).best()
    loud = dataclasses.replace(first, logits=first.logits * 1000)
    limited = dataclasses.replace(first, logits=(first.logits * 1000).clamp(-32, 32))
    assert_same(
        predictor.predict(features, CLICKS, refine=loud),
        predictor.predict(features, CLICKS, refine=limited),
    )


def test_several_answers_are_refined_together_as_alone(predictor, features):
    first = predictor.predict(features, [CLICK, BOX], multimask=True).best()
    together = predictor.predict(features, [CLICKS, BOX], refine=first)
    for number, prompt in enumerate((CLICKS, BOX)):
        assert_same(together[number], predictor.predict(features, prompt, refine=first[number]))


def test_a_mask_prompt_enters_as_logits_of_ten(predictor, features):
    inside = torch.from_numpy(MASK.mask)
    logits = resize_mask(inside[None], (16, 16)) * 20 - 10
    drawn = MaskSet(logits, torch.ones(1), torch.ones(1), SIZE, (0,))
    assert_same(
        predictor.predict(features, MASK + CLICK),
        predictor.predict(features, CLICK, refine=drawn, multimask=False),
    )


def test_what_a_mask_says_matters(predictor, features):
    other = Prompt.from_mask(~MASK.mask)
    difference = (
        predictor.predict(features, MASK).logits - predictor.predict(features, other).logits
    )
    assert difference.abs().max() > 1e-3


def test_a_box_stands_before_the_clicks_and_a_click_is_no_corner(predictor, features):
    corners = Prompt(points=np.array([[10, 8], [60, 40]], np.float32), labels=np.array([1, 1]))
    box = predictor.predict(features, BOX, multimask=False)
    assert (box.logits - predictor.predict(features, corners).logits).abs().max() > 1e-3
    tensors = predictor._prompt_tensors([BOX + CLICK], features)
    assert tensors.labels_BP.tolist() == [[2, 3, 1]]
    expected = torch.tensor([[[8.0, 64 / 6], [48.0, 160 / 3], [24.0, 80 / 3]]])
    torch.testing.assert_close(tensors.points_BP2, expected)


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        (Prompt.point(200, 20), r"point \(200, 20\) lies outside the image"),
        (Prompt.point(20, 70), r"Did you pass \(row, column\)"),
        (Prompt.box_xyxy(90, 60, 99, 70), "box .* lies outside the image"),
        (Prompt.from_mask(np.ones((4, 4), bool)), "a mask prompt has the size of the image"),
    ],
)
def test_a_prompt_outside_the_image_is_refused(predictor, features, prompt, message):
    with pytest.raises(PromptError, match=message):
        predictor.predict(features, [CLICK, prompt])


def test_refining_needs_one_mask_per_prompt(predictor, features):
    three = predictor.predict(features, CLICK)
    with pytest.raises(
        PromptError, match=r"refine holds 3 masks for 1 prompts.*previous\.best\(\)"
    ):
        predictor.predict(features, CLICKS, refine=three)


def test_refining_needs_an_answer_of_the_same_input_size(predictor, features):
    wide = predictor.encode(picture(*SIZE, seed=3), size=(64, 96))
    first = predictor.predict(wide, CLICK).best()
    with pytest.raises(PromptError, match=r"refine holds logits of \(16, 24\).*needs \(16, 16\)"):
        predictor.predict(features, CLICKS, refine=first)


def test_a_prompt_starts_from_one_mask(predictor, features):
    first = predictor.predict(features, CLICK).best()
    with pytest.raises(PromptError, match="a prompt has a mask and refine is given too"):
        predictor.predict(features, MASK, refine=first)


def test_cleaning_is_handed_on_to_the_masks(features):
    predictor = ImagePredictor(tiny_model(), max_hole_area=7, max_speck_area=9)
    answer = predictor.predict(features, CLICK)
    assert (answer.max_hole_area, answer.max_speck_area) == (7, 9)
    plain = ImagePredictor(tiny_model()).predict(features, CLICK)
    assert_same(answer, plain)
    changed = answer.masks() != plain.masks()
    assert changed.any()


def test_answers_are_no_part_of_a_gradient(predictor, features):
    answer = predictor.predict(features, CLICK)
    assert not answer.logits.requires_grad
    assert answer.masks().dtype == np.bool_
