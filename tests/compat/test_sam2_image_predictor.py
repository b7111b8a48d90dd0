"""The official predictor's shapes, dtypes, orders and coordinates."""

import inspect
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

from masklet.compat.sam2.modeling.sam2_base import SAM2Base, StabilityFallback
from masklet.compat.sam2.sam2_image_predictor import SAM2ImagePredictor
from masklet.image.predictor import ImagePredictor
from masklet.model.config import SAM2_1_TINY
from masklet.model.mask_decoder import from_quads
from masklet.model.preprocess import preprocess_image
from masklet.model.sam2 import SAM2
from masklet.model.tensors import PromptTensors

POINT = {"point_coords": np.array([[70.0, 40.0]]), "point_labels": np.array([1])}
POINTS = {"point_coords": np.array([[70.0, 40], [10, 80]]), "point_labels": np.array([1, 0])}
PER_OBJECT = {
    "point_coords": np.array([[[70.0, 40]], [[10, 80]]]),
    "point_labels": np.array([[1], [1]]),
}
BOX = {"box": np.array([45, 15, 95, 65])}
BOXES = {"box": np.array([[45.0, 15, 95, 65], [5, 5, 30, 60]])}
LOGITS = np.linspace(-9, 9, 32 * 32, dtype=np.float32).reshape(1, 32, 32)
MASK = {"mask_input": LOGITS}
MASKS = {"mask_input": np.stack([LOGITS, -LOGITS])}


def test_the_signatures_are_the_official_ones():
    def names(function):
        return list(inspect.signature(function).parameters)

    shared = ["multimask_output", "return_logits", "normalize_coords"]
    assert names(SAM2ImagePredictor) == [
        "sam_model",
        "mask_threshold",
        "max_hole_area",
        "max_sprinkle_area",
        "kwargs",
    ]
    assert names(SAM2ImagePredictor.predict) == [
        *("self", "point_coords", "point_labels", "box", "mask_input"),
        *shared,
    ]
    assert names(SAM2ImagePredictor.predict_batch) == [
        *("self", "point_coords_batch", "point_labels_batch", "box_batch", "mask_input_batch"),
        *shared,
    ]
    assert names(SAM2ImagePredictor.from_pretrained) == ["model_id", "kwargs"]


@pytest.mark.parametrize("multimask", [True, False], ids=["three", "one"])
@pytest.mark.parametrize(
    ("prompts", "rows"),
    [
        ({}, 1),
        (POINT, 1),
        (POINTS, 1),
        (BOX, 1),
        ({"box": [[45, 15, 95, 65]]}, 1),
        (MASK, 1),
        (POINT | MASK, 1),
        (BOX | POINTS, 1),
        (BOX | POINTS | MASK, 1),
        (PER_OBJECT, 2),
        (BOXES, 2),
        ({"box": BOXES["box"][:, None]}, 2),
        (BOXES | PER_OBJECT, 2),
        (BOXES | MASK, 2),
        (BOXES | MASKS, 2),
        (POINT | MASKS, 2),
        (MASKS, 2),
        ({name: torch.as_tensor(value) for name, value in (BOX | POINT | MASK).items()}, 1),
        ({"point_coords": [[70, 40]], "point_labels": [1], "box": [45, 15, 95, 65]}, 1),
    ],
    ids=[
        *("nothing", "point", "points", "box", "one_box_of_several", "mask", "point_mask"),
        *("box_points", "box_points_mask", "points_per_object", "boxes", "boxes_of_one"),
        *("boxes_points", "boxes_mask", "boxes_masks", "point_masks", "masks", "tensors", "lists"),
    ],
)
def test_shapes_and_dtypes(predictor, prompts, rows, multimask):
    masks, ious, low_res = predictor.predict(**prompts, multimask_output=multimask)
    count = 3 if multimask else 1
    leading = (count,) if rows == 1 else (rows, count)
    assert masks.shape == (*leading, 90, 120)
    assert ious.shape == leading
    assert low_res.shape == (*leading, 32, 32)
    assert {array.dtype for array in (masks, ious, low_res)} == {np.dtype(np.float32)}
    assert set(np.unique(masks)) == {0.0, 1.0}
    assert low_res.min() >= -32
    assert low_res.max() <= 32


def test_logits_are_returned_when_asked_for_and_only_the_low_ones_are_cut_off(predictor):
    masks, _, low_res = predictor.predict(**POINT)
    logits, _, same = predictor.predict(**POINT, return_logits=True)
    np.testing.assert_array_equal(low_res, same)
    np.testing.assert_array_equal(masks, (logits > 0).astype(np.float32))
    assert np.abs(logits).max() > 32 == np.abs(low_res).max()


def test_the_threshold_decides_what_a_mask_is(model, image, predictor):
    strict = SAM2ImagePredictor(model, mask_threshold=20.0)
    strict.set_image(image)
    logits, _, _ = predictor.predict(**POINT, return_logits=True)
    np.testing.assert_array_equal(strict.predict(**POINT)[0], logits > 20)


def candidates_of(model, image, points, labels):
    """All four, straight from the network."""
    encoded = ImagePredictor(model).encode(image)
    scale = torch.tensor([128 / 120, 128 / 90])
    prompts = PromptTensors(torch.tensor([points]) * scale, torch.tensor([labels]))
    with torch.inference_mode():
        return model.decode(encoded.embedding_BLC, encoded.features, prompts)


def test_three_candidates_are_the_last_of_the_network_in_its_order(model, image, predictor):
    wanted = candidates_of(model, image, [[70.0, 40.0]], [1])
    _, ious, low_res = predictor.predict(**POINT)
    np.testing.assert_allclose(ious, wanted.iou_BM[0, 1:], atol=1e-6)
    np.testing.assert_allclose(low_res, wanted.logits_BMhw[0, 1:].clamp(-32, 32), atol=1e-3)
    assert ious.argsort().tolist() == [1, 0, 2]


def test_a_box_is_its_corners_before_the_clicks(model, image, predictor):
    wanted = candidates_of(model, image, [[45.0, 15], [95, 65], [70, 40], [10, 80]], [2, 3, 1, 0])
    _, ious, low_res = predictor.predict(**BOX, **POINTS)
    np.testing.assert_allclose(ious, wanted.iou_BM[0, 1:], atol=1e-6)
    np.testing.assert_allclose(low_res, wanted.logits_BMhw[0, 1:].clamp(-32, 32), atol=1e-3)


def single(model, image, fallback):
    """The network's single mask for a click under another rule, and whether it is trained."""
    ruled = SAM2Base(model, image_size=128, fallback=fallback).eval()
    predictor = SAM2ImagePredictor(ruled)
    predictor.set_image(image)
    return predictor.predict(**POINT, multimask_output=False)


@pytest.mark.parametrize("fallback", [None, StabilityFallback(threshold=0.0)])
def test_a_single_mask_that_is_stable_or_never_replaced_is_candidate_0(model, image, fallback):
    wanted = candidates_of(model, image, [[70.0, 40.0]], [1])
    _, ious, low_res = single(model, image, fallback)
    np.testing.assert_allclose(ious, wanted.iou_BM[0, :1], atol=1e-6)
    np.testing.assert_allclose(low_res, wanted.logits_BMhw[0, :1].clamp(-32, 32), atol=1e-3)


def test_an_unstable_single_mask_is_replaced_by_the_best_of_the_three(model, image, predictor):
    _, three, low_three = predictor.predict(**POINT)
    _, ious, low_res = single(model, image, StabilityFallback(threshold=1.01))
    best = three.argmax()
    np.testing.assert_array_equal(ious, three[best : best + 1])
    np.testing.assert_array_equal(low_res, low_three[best : best + 1])


def test_the_delta_decides_what_is_stable(model, image):
    narrow = single(model, image, StabilityFallback(delta=0.0))
    wide = single(model, image, StabilityFallback(delta=500.0))
    np.testing.assert_array_equal(narrow[1], single(model, image, None)[1])
    assert not np.array_equal(wide[1], narrow[1])


def test_while_training_nothing_is_replaced(model, image):
    predictor = SAM2ImagePredictor(
        SAM2Base(model, image_size=128, fallback=StabilityFallback(threshold=1.01))
    )
    assert predictor.model.training
    predictor.set_image(image)
    _, ious, _ = predictor.predict(**POINT, multimask_output=False)
    np.testing.assert_array_equal(ious, single(model, image, None)[1])


def test_a_network_of_masklet_itself_has_the_default_rule(image):
    plain = SAM2(replace(SAM2_1_TINY, image_size=64)).eval()
    ours, official = (
        SAM2ImagePredictor(network)
        for network in (plain, SAM2Base(plain, image_size=64, fallback=StabilityFallback()).eval())
    )
    for predictor in (ours, official):
        predictor.set_image(image)
    answers = [each.predict(**BOXES, multimask_output=False)[2] for each in (ours, official)]
    np.testing.assert_array_equal(*answers)


def test_coordinates_from_0_to_1_are_said_by_normalize_coords_false(predictor):
    size = np.array([120, 90])
    pixels = predictor.predict(**POINTS, **BOX)
    shares = predictor.predict(
        POINTS["point_coords"] / size,
        POINTS["point_labels"],
        box=BOX["box"] / np.tile(size, 2),
        normalize_coords=False,
    )
    for left, right in zip(pixels, shares, strict=True):
        np.testing.assert_allclose(left, right, atol=2e-3)


def test_objects_together_are_answered_as_one_by_one(predictor):
    together = predictor.predict(**BOXES, **PER_OBJECT, **MASKS)
    for row in range(2):
        alone = predictor.predict(
            PER_OBJECT["point_coords"][row],
            PER_OBJECT["point_labels"][row],
            BOXES["box"][row],
            MASKS["mask_input"][row],
        )
        for left, right in zip(together, alone, strict=True):
            np.testing.assert_allclose(left[row], right, atol=2e-2)


def test_more_objects_than_one_pass_decodes_keep_their_order(predictor):
    boxes = np.array([[x, 10, x + 30, 60] for x in range(0, 90, 10)])
    together = predictor.predict(box=boxes)
    assert len(together[0]) == 9
    np.testing.assert_allclose(together[1][7], predictor.predict(box=boxes[7])[1], atol=1e-5)


def test_an_earlier_answer_changes_the_next(predictor):
    _, ious, low_res = predictor.predict(**POINT)
    _, refined, _ = predictor.predict(**POINT, mask_input=low_res[1:2])
    assert not np.allclose(ious, refined, atol=1e-6)


@pytest.mark.parametrize("multimask", [True, False], ids=["three", "one"])
def test_a_batch_of_images_is_answered_as_one_by_one(model, image, multimask):
    images = [image, image[:60, ::-1], image[::2, ::2]]
    points = [POINT["point_coords"], None, PER_OBJECT["point_coords"]]
    labels = [POINT["point_labels"], None, PER_OBJECT["point_labels"]]
    boxes = [BOX["box"], BOXES["box"], None]
    masks = [None, LOGITS, None]
    predictor = SAM2ImagePredictor(model)
    predictor.set_image_batch(images)
    together = predictor.predict_batch(
        points, labels, boxes, masks, multimask_output=multimask, return_logits=True
    )
    assert [type(answers) for answers in together] == [list, list, list]
    for number, one in enumerate(images):
        predictor.set_image(one)
        alone = predictor.predict(
            *(each[number] for each in (points, labels, boxes, masks)),
            multimask_output=multimask,
            return_logits=True,
        )
        for answers, answer in zip(together, alone, strict=True):
            assert answers[number].shape == answer.shape
            np.testing.assert_allclose(answers[number], answer, atol=2e-2)


def test_a_batch_takes_no_prompts_at_all_and_coordinates_from_0_to_1(model, image):
    predictor = SAM2ImagePredictor(model)
    predictor.set_image_batch([image, image])
    masks, ious, low_res = predictor.predict_batch()
    assert [len(masks), len(ious), len(low_res)] == [2, 2, 2]
    pixels = predictor.predict_batch(box_batch=[BOX["box"]] * 2)
    shares = predictor.predict_batch(
        box_batch=[BOX["box"] / [120, 90, 120, 90]] * 2, normalize_coords=False
    )
    np.testing.assert_allclose(pixels[1][1], shares[1][1], atol=1e-5)


def test_predict_after_a_batch_answers_for_the_last_image(model, image, predictor):
    other = image[:50]
    predictor.set_image_batch([other, image])
    last = predictor.predict(**POINT)
    assert last[0].shape == (3, 90, 120)


def test_pictures_are_taken_as_they_are_stored(model, image, predictor):
    expected = predictor.predict(**POINT)[2]
    turned = Image.fromarray(image)
    turned.getexif()[0x0112] = 6
    rgba, read_only = turned.convert("RGBA"), np.asarray(Image.fromarray(image))
    assert not read_only.flags.writeable
    for picture in (turned, rgba, read_only, image.copy("F"), image[::-1][::-1]):
        predictor.set_image(picture)
        np.testing.assert_array_equal(predictor.predict(**POINT)[2], expected)
    predictor.set_image(Image.fromarray(image).convert("L"))
    assert predictor.predict(**POINT)[0].shape == (3, 90, 120)


def test_the_embedding_and_what_is_read_under_private_names(model, image, predictor):
    encoded = model.encode_image(preprocess_image(image, (128, 128), torch.device("cpu")))
    embedding = predictor.get_image_embedding()
    wanted = model.condition(encoded, None).transpose(1, 2).reshape(1, 256, 8, 8)
    torch.testing.assert_close(embedding, wanted, atol=1e-4, rtol=1e-4)
    assert predictor._orig_hw == [(90, 120)]
    features = predictor._features
    torch.testing.assert_close(features["image_embed"], embedding)
    quarter, eighth = features["high_res_feats"]
    assert quarter.shape == (1, 32, 32, 32)
    assert eighth.shape == (1, 64, 16, 16)
    # Quad order is undone as the decoder undoes it.
    wanted = from_quads(encoded.quarter_FL16c.permute(0, 3, 1, 2).flatten(2), (8, 8))
    torch.testing.assert_close(quarter, wanted, atol=1e-4, rtol=1e-4)
    for y, x in ((0, 0), (0, 1), (1, 0), (1, 1)):
        child = encoded.eighth_FL4c[0, :, 2 * y + x].T.reshape(64, 8, 8)
        torch.testing.assert_close(eighth[0, :, y::2, x::2], child, atol=1e-4, rtol=1e-4)


def test_the_embeddings_of_a_batch_are_stacked_and_can_be_learned_from(model, image):
    predictor = SAM2ImagePredictor(model)
    predictor.set_image_batch([image, image[:40]])
    embeddings = predictor.get_image_embedding()
    assert embeddings.shape == (2, 256, 8, 8)
    assert predictor._orig_hw == [(90, 120), (40, 120)]
    assert [len(each) for each in predictor._features["high_res_feats"]] == [2, 2]
    head = torch.ones(256, requires_grad=True)
    (embeddings * head[:, None, None]).sum().backward()
    assert head.grad is not None


def test_a_reset_predictor_has_forgotten_its_image(predictor):
    predictor.reset_predictor()
    assert predictor._orig_hw is None
    assert predictor._features is None
    with pytest.raises(RuntimeError, match="no image is set"):
        predictor.predict(**POINT)


def test_holes_and_sprinkles_go_by_their_area_in_low_resolution(model, image):
    # At 32 x 32 an answer is as large as its logits, so nothing is resized.
    small = image[:32, :32]
    plain = SAM2ImagePredictor(model)
    plain.set_image(small)
    cleaning = SAM2ImagePredictor(
        model, mask_threshold=1.0, max_hole_area=6.0, max_sprinkle_area=9.5
    )
    cleaning.set_image(small)
    before, _, low_before = plain.predict(**POINT, return_logits=True)
    after, _, low_after = cleaning.predict(**POINT, return_logits=True)
    np.testing.assert_array_equal(low_before, low_after)
    expected = np.stack([cleaned(logits, 1.0, hole=6, sprinkle=9.5) for logits in before])
    np.testing.assert_array_equal(after, expected)
    assert (after == 11).any()
    assert (after == -9).any()


def cleaned(logits, threshold, *, hole, sprinkle):
    """Both kinds are looked for in the mask as it was decoded; corners connect."""
    result = logits.copy()
    for where, limit, value in (
        (logits <= threshold, hole, threshold + 10),
        (logits > threshold, sprinkle, threshold - 10),
    ):
        labels, _ = ndimage.label(where, np.ones((3, 3)))
        areas = np.bincount(labels.ravel())
        result[where & (areas[labels] <= limit)] = value
    return result


def test_cleaned_logits_are_what_is_resized(model, image, predictor):
    cleaning = SAM2ImagePredictor(model, max_sprinkle_area=1e9)
    cleaning.set_image(image)
    logits = cleaning.predict(**POINT, return_logits=True)[0]
    assert logits.max() <= 0
    assert not cleaning.predict(**POINT)[0].any()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_under_autocast_answers_stay_float32_and_close(model, image, predictor, dtype):
    expected = predictor.predict(**BOXES, **MASK)
    with torch.inference_mode(), torch.autocast("cpu", dtype=dtype):
        predictor.set_image(image)
        inside = predictor.predict(**BOXES, **MASK)
    outside = predictor.predict(**BOXES, **MASK)
    predictor.set_image(image)
    with torch.autocast("cpu", dtype=dtype):
        mixed = predictor.predict(**BOXES, **MASK)
    for answer in (inside, outside, mixed):
        assert [array.dtype for array in answer] == [np.float32] * 3
        np.testing.assert_allclose(answer[1], expected[1], atol=0.02)
        assert (answer[0] == expected[0]).mean() > 0.97
