"""Suppression: the same choice as a plain loop, for boxes and for masks."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from masklet.ops import nms
from masklet.ops.boxes import box_iou
from masklet.ops.nms import nms_boxes, nms_masks


def greedy_by_loop(iou, scores, threshold):
    kept = []
    for row in sorted(range(len(scores)), key=lambda row: -scores[row]):
        if all(iou[row][other] <= threshold for other in kept):
            kept.append(row)
    return kept


def random_boxes(count, seed):
    generator = np.random.default_rng(seed)
    corners = generator.integers(0, 20, (count, 2))
    sides = generator.integers(1, 10, (count, 2))
    boxes = np.concatenate([corners, corners + sides], axis=1).astype(np.float32)
    # Few different scores, so that ties are common.
    return torch.from_numpy(boxes), torch.from_numpy(generator.integers(0, 5, count) / 4)


@given(st.integers(0, 60), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.25, 0.5, 0.875]))
def test_boxes_are_chosen_as_by_a_plain_loop_ties_in_order(count, seed, threshold):
    boxes, scores = random_boxes(count, seed)
    expected = greedy_by_loop(box_iou(boxes, boxes).tolist(), scores.tolist(), threshold)
    assert nms_boxes(boxes, scores, iou_threshold=threshold).tolist() == expected


@given(st.integers(0, 20), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.25, 0.5, 0.875]))
def test_masks_are_chosen_as_by_a_plain_loop(count, seed, threshold):
    generator = np.random.default_rng(seed)
    masks = generator.random((count, 6, 7)) < generator.random((count, 1, 1))
    scores = generator.integers(0, 5, count) / 4
    iou = [[(a & b).sum() / max(1, (a | b).sum()) for b in masks] for a in masks]
    expected = greedy_by_loop(iou, scores.tolist(), threshold)
    kept = nms_masks(torch.from_numpy(masks), torch.from_numpy(scores), iou_threshold=threshold)
    assert kept.tolist() == expected


@pytest.mark.parametrize("chunk", [1, 100, 1000])
def test_the_choice_does_not_depend_on_how_the_work_is_cut(chunk, monkeypatch):
    boxes, scores = random_boxes(80, seed=3)
    masks = torch.from_numpy(np.random.default_rng(4).random((30, 9, 11)) < 0.6)
    whole = nms_boxes(boxes, scores, iou_threshold=0.4)
    whole_masks = nms_masks(masks, scores[:30], iou_threshold=0.4)
    monkeypatch.setattr(nms, "_CHUNK", chunk)
    assert torch.equal(nms_boxes(boxes, scores, iou_threshold=0.4), whole)
    assert torch.equal(nms_masks(masks, scores[:30], iou_threshold=0.4), whole_masks)


def test_a_suppressed_box_suppresses_nothing():
    boxes = torch.tensor([[0.0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]])
    kept = nms_boxes(boxes, torch.tensor([0.9, 0.8, 0.7]), iou_threshold=0.3)
    assert kept.tolist() == [0, 2]


def test_an_iou_of_exactly_the_threshold_stays():
    boxes = torch.tensor([[0.0, 0, 2, 2], [0, 0, 2, 4]])
    kept = nms_boxes(boxes, torch.tensor([0.9, 0.8]), iou_threshold=0.5)
    assert kept.tolist() == [0, 1]


def test_empty_masks_all_stay():
    kept = nms_masks(
        torch.zeros((3, 4, 4), dtype=torch.bool), torch.tensor([0.1, 0.3, 0.2]), iou_threshold=0.0
    )
    assert kept.tolist() == [1, 2, 0]


def test_the_laws_of_suppression_hold_for_three_thousand_boxes():
    generator = torch.Generator().manual_seed(0)
    corners = torch.rand((3000, 2), generator=generator) * 100
    boxes = torch.cat([corners, corners + 12], dim=1)
    scores = torch.rand(3000, generator=generator)
    overlaps = box_iou(boxes, boxes) > 0.5
    kept = nms_boxes(boxes, scores, iou_threshold=0.5)
    # Laws instead of a slow loop: the kept are apart, and every other meets a better kept one.
    assert overlaps[kept][:, kept].sum() == len(kept)
    gone = torch.ones(3000, dtype=torch.bool)
    gone[kept] = False
    better = scores[kept][None, :] >= scores[gone][:, None]
    assert (overlaps[gone][:, kept] & better).any(dim=1).all()
