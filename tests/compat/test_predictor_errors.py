"""What cannot be answered is refused with the official kind of error and a message that helps."""

import numpy as np
import pytest
import torch
from PIL import Image

from masklet.compat.sam2.sam2_image_predictor import SAM2ImagePredictor
from masklet.errors import ImageError, PromptError

POINT, LABEL = np.array([[70.0, 40.0]]), np.array([1])
BOX = np.array([45, 15, 95, 65])
LOGITS = np.zeros((1, 32, 32), np.float32)


def test_without_an_image_there_is_no_answer(model):
    predictor = SAM2ImagePredictor(model)
    with pytest.raises(RuntimeError, match=r"Call set_image\(image\) first"):
        predictor.predict(POINT, LABEL)
    with pytest.raises(RuntimeError, match=r"get_image_embedding .* no image is set"):
        predictor.get_image_embedding()
    with pytest.raises(AssertionError, match=r"Call set_image_batch\(images\)"):
        predictor.predict_batch([POINT], [LABEL])


def test_a_batch_is_not_asked_of_a_single_image(predictor):
    with pytest.raises(AssertionError, match="predict_batch was called without a batch of images"):
        predictor.predict_batch([POINT], [LABEL])


@pytest.mark.parametrize("picture", ["cat.jpg", [[1]], torch.zeros(3, 8, 8), None], ids=type)
def test_what_is_neither_an_array_nor_a_picture_is_refused(model, picture):
    predictor = SAM2ImagePredictor(model)
    with pytest.raises(
        NotImplementedError, match=r"expected a \(height, width, 3\) uint8 RGB array"
    ):
        predictor.set_image(picture)
    with pytest.raises(NotImplementedError, match="Convert it"):
        predictor.set_image_batch([picture])


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((48, 64), np.uint8),
        np.zeros((48, 64, 4), np.uint8),
        np.zeros((3, 48, 64), np.uint8),
        np.zeros((48, 64, 3), np.float32),
        np.zeros((0, 64, 3), np.uint8),
        Image.new("I", (64, 48)),
        Image.new("F", (64, 48)),
        Image.new("I;16", (64, 48)),
    ],
    ids=["gray", "rgba", "channels_first", "float", "empty", "32_bits", "float_pillow", "16_bits"],
)
def test_an_array_of_another_kind_is_refused_and_the_image_before_is_forgotten(predictor, picture):
    with pytest.raises(ImageError, match=r"expected \(height, width, 3\) uint8 RGB"):
        predictor.set_image(picture)
    with pytest.raises(RuntimeError, match="no image is set"):
        predictor.predict(POINT, LABEL)


def test_an_empty_batch_is_refused(predictor):
    with pytest.raises(ImageError, match="the list of images is empty; expected at least one"):
        predictor.set_image_batch([])


def test_points_without_labels_are_refused(predictor):
    with pytest.raises(AssertionError, match="point_coords came without point_labels"):
        predictor.predict(POINT)


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        ({"point_coords": POINT[0], "point_labels": LABEL}, r"point_coords has shape \(2,\)"),
        ({"point_coords": POINT, "point_labels": [1, 1]}, r"and point_labels \(2,\); expected"),
        ({"point_coords": POINT[None], "point_labels": LABEL}, r"or \(B, P, 2\) and \(B, P\)"),
        ({"point_coords": [[1, 2, 3]], "point_labels": LABEL}, "Wrap a single click in a list"),
        ({"point_coords": [[np.nan, 1]], "point_labels": LABEL}, "point_coords holds values that"),
        ({"point_coords": POINT, "point_labels": [7]}, r"point_labels are \[7\]; expected 1"),
        ({"point_coords": np.zeros((0, 2)), "point_labels": []}, "point_coords holds no points"),
        ({"box": [1, 2, 3]}, r"box has shape \(3,\); expected \(4,\) or \(B, 4\)"),
        ({"box": np.zeros((0, 4))}, r"box has shape \(0, 4\)"),
        ({"box": [1, 2, np.inf, 4]}, "box holds values that are not finite; expected numbers"),
        (
            {"box": [BOX, BOX], "point_coords": POINT, "point_labels": LABEL},
            "there are 2 boxes and points of 1 objects; expected as many of each",
        ),
        ({"mask_input": LOGITS[0]}, r"mask_input has shape \(32, 32\); expected \(1, 32, 32\)"),
        ({"mask_input": LOGITS[:, :16]}, r"mask_input has shape \(1, 16, 32\)"),
        ({"mask_input": np.zeros((3, 32, 32))}, r"Pass low_res\[i : i \+ 1\] of an earlier answer"),
        ({"mask_input": np.zeros((0, 1, 32, 32))}, r"mask_input has shape \(0, 1, 32, 32\)"),
        ({"mask_input": LOGITS + np.nan}, "mask_input holds values that are not finite"),
        (
            {"mask_input": np.stack([LOGITS] * 3), "box": [BOX, BOX]},
            "there are 3 masks and points or boxes of 2 objects; .* Repeat the rows",
        ),
    ],
    ids=[
        *("flat", "labels", "labels_of_several", "three_numbers", "nan", "label_7", "no_points"),
        *("short_box", "no_boxes", "endless_box", "boxes_and_points"),
        *("flat_mask", "small_mask", "three_masks", "no_masks", "nan_mask", "masks_and_boxes"),
    ],
)
def test_prompts_that_cannot_be_are_refused(predictor, prompts, message):
    with pytest.raises(PromptError, match=message):
        predictor.predict(**prompts)


@pytest.mark.parametrize("label", [-1, 0, 1, 2, 3])
def test_every_label_of_the_network_is_allowed(predictor, label):
    assert predictor.predict(POINT, [label])[0].shape == (3, 90, 120)


def test_points_beside_the_image_are_allowed_as_in_the_reference(predictor):
    assert predictor.predict([[-20, 500]], [1])[0].shape == (3, 90, 120)


def test_a_list_of_another_length_than_the_batch_is_refused(predictor, image):
    predictor.set_image_batch([image, image])
    with pytest.raises(PromptError, match="there are prompts for 1 images and 2 are set"):
        predictor.predict_batch([POINT], [LABEL])
    with pytest.raises(AssertionError, match="point_coords came without point_labels"):
        predictor.predict_batch([POINT, None])
