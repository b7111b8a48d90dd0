"""The JSON of one picture holds what was said and what was answered."""

import json

import numpy as np
import pytest
import torch

from masklet.io.annotations import FORMAT, FORMAT_VERSION, describe_image
from masklet.ops.rle import decode
from masklet.types import MaskSet, Prompt

MASKS = np.zeros((3, 20, 30), bool)
MASKS[0, 5:15, 10:25] = True
MASKS[1, 0, 0] = True

ANSWERS = MaskSet(
    logits=torch.tensor(MASKS).float() * 20 - 10,
    iou=torch.tensor([0.5, 0.25, 0.125]),
    object_score=torch.tensor([3.0, -2.0, 1.0]),
    size=(20, 30),
    prompt_index=(0, 0, 1),
    threshold=0.5,
    max_hole_area=4,
)

PROMPTS = {
    7: Prompt.point(12, 9) + Prompt.point(1, 2, label=0) + Prompt.box_xyxy(9, 4, 26, 16),
    9: Prompt.from_mask(MASKS[0]),
}


@pytest.fixture
def document():
    described = describe_image(
        "photo.jpg", PROMPTS, ANSWERS, MASKS, model="tiny", masklet_version="1.2.3"
    )
    return json.loads(json.dumps(described, allow_nan=False))


def test_it_says_what_it_is_and_who_wrote_it(document):
    assert document["format"] == FORMAT == "masklet-image"
    assert document["format_version"] == FORMAT_VERSION == 1
    assert document["masklet_version"] == "1.2.3"
    assert document["model"] == "tiny"
    assert document["image"] == {"file": "photo.jpg", "width": 30, "height": 20}
    assert document["settings"] == {"threshold": 0.5, "max_hole_area": 4, "max_speck_area": 0}


def test_prompts_stand_with_their_objects(document):
    first, second = document["objects"]
    assert (first["object_id"], second["object_id"]) == (7, 9)
    assert first["prompt"] == {
        "points": [[12, 9], [1, 2]],
        "labels": [1, 0],
        "box": [9, 4, 26, 16],
        "mask": None,
    }
    assert second["prompt"]["points"] == []
    assert second["prompt"]["box"] is None
    np.testing.assert_array_equal(decode(second["prompt"]["mask"]), MASKS[0])


def test_candidates_stand_with_the_object_they_answer(document):
    first, second = document["objects"]
    assert [mask["predicted_iou"] for mask in first["masks"]] == [0.5, 0.25]
    assert [mask["object_score"] for mask in first["masks"]] == [3, -2]
    assert [mask["predicted_iou"] for mask in second["masks"]] == [0.125]


def test_masks_are_described_as_coco_does(document):
    described = [mask for one in document["objects"] for mask in one["masks"]]
    for mask, told in zip(MASKS, described, strict=True):
        np.testing.assert_array_equal(decode(told["segmentation"]), mask)
        assert told["area"] == mask.sum()
    assert [told["bbox"] for told in described] == [[10, 5, 15, 10], [0, 0, 1, 1], [0, 0, 0, 0]]


def test_boxes_are_those_of_the_mask_set(document):
    described = [mask["bbox"] for one in document["objects"] for mask in one["masks"]]
    corners = [[x, y, x + width, y + height] for x, y, width, height in described]
    np.testing.assert_array_equal(corners, ANSWERS.boxes())
