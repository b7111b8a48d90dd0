"""Losses equal the reference's, and rows that nobody annotated cost nothing."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from masklet.errors import TrainingError
from masklet.model.tensors import Candidates
from masklet.train.losses import (
    LossRules,
    LossWeights,
    actual_ious,
    dice_losses,
    focal_losses,
    make_target,
    near_outline,
    normalised_focal_losses,
    object_losses,
    step_loss,
    summed,
)
from tests.parity import inputs
from tests.tiny import noise

# Made by the reference's functions in float32; relative 1e-5 covers another order of sums.
GOLDEN = json.loads((Path(__file__).parent / "golden/losses.json").read_text())
FIRST = slice(0, 8)
# How much of the fixtures' configs each of our records says.
BEST_SQUARED = LossRules(iou_of="best", iou_error="squared", object_alpha=0.25, object_gamma=2.0)
CONFIGS = {
    "official_finetune": (LossWeights(), LossRules()),
    "best_iou_mse": (LossWeights(), BEST_SQUARED),
    "no_object_scores": (LossWeights(object_score=0.0), LossRules(masks_of="all")),
}


def blobs(height, width, seeds, empty):
    masks = torch.stack([torch.from_numpy(inputs.blob_mask(height, width, s, 126)) for s in seeds])
    masks[empty] = False
    return masks


def made_candidates(frame, step, masks):
    """What the reference was given, with gradients asked of it."""
    name = f"t{frame}_s{step}"
    return Candidates(
        logits_BMhw=inputs.tensor(f"ml_masks_{name}", (3, masks, 48, 80), 3.0).requires_grad_(),
        iou_BM=inputs.tensor(f"ml_iou_{name}", (3, masks)).sigmoid().requires_grad_(),
        pointers_BMC=torch.zeros(3, masks, 1),
        object_score_B=inputs.tensor(f"ml_score_{name}", (3, 1), 2.0)[:, 0].requires_grad_(),
    )


def per_function(name, logits, target, iou):
    """The fixture's value of a function: ours, divided and added up as theirs."""
    match name:
        case "focal_multi":
            return focal_losses(logits, target) / 2
        case "focal_noalpha":
            return focal_losses(logits, target, alpha=None, gamma=0.0) / 2
        case "dice_multi":
            return dice_losses(logits, target) / 2
        case "iou_l1_True":
            return (iou - actual_ious(logits, target)).abs() / 2
        case "iou_l1_False":
            return (iou - actual_ious(logits, target)).square() / 2
    # The flat ones take all masks of an object for one long one.
    long, truth = logits.flatten(1)[:, None, None], target[:, None].expand_as(logits).flatten(1)
    losses = focal_losses if name == "focal_flat" else dice_losses
    return losses(long, truth[:, None]).sum().reshape(1) / 3


@pytest.mark.parametrize("name", GOLDEN["functions"])
def test_values_and_gradients_of_functions_are_the_references(name):
    logits = inputs.tensor("loss_logits", (3, 3, 64, 64), 3.0).requires_grad_()
    iou = inputs.tensor("loss_iou", (3, 3)).sigmoid().requires_grad_()
    target = blobs(64, 64, (200, 201, 202), empty=1).float()
    found = per_function(name, logits, target, iou)
    expected = torch.tensor(GOLDEN["functions"][name])
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=0)
    # Of the logits, or of the predicted IoU.
    (gradient,) = torch.autograd.grad(found.sum(), iou if name.startswith("iou") else logits)
    said = GOLDEN["function_gradients"][name]
    assert gradient.double().abs().sum().item() == pytest.approx(said["abs_sum"], rel=1e-5)
    assert gradient.double().sum().item() == pytest.approx(said["sum"], rel=1e-5)
    first = torch.tensor(said["first"])
    torch.testing.assert_close(gradient.flatten()[FIRST], first, rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("name", GOLDEN["modules"])
def test_the_loss_of_several_steps_and_masks_is_the_references(name):
    weights, rules = CONFIGS[name]
    frames = [[made_candidates(t, s, masks) for s, masks in enumerate((3, 1, 1))] for t in range(2)]
    everyone, shown = torch.ones(3, dtype=torch.bool), torch.zeros(3, dtype=torch.int64)
    steps = []
    for frame, decoded in enumerate(frames):
        truth = blobs(48, 80, range(300 + 10 * frame, 303 + 10 * frame), empty=[2] * frame)
        target = make_target(truth, everyone, rules)
        steps += [step_loss(found, shown, target, weights, rules) for found in decoded]
    report = summed(steps, weights, torch.tensor(3.0))
    said = GOLDEN["modules"][name]["losses"]
    assert report.focal.item() == pytest.approx(said["loss_mask"], rel=1e-5)
    assert report.dice.item() == pytest.approx(said["loss_dice"], rel=1e-5)
    assert report.iou.item() == pytest.approx(said["loss_iou"], rel=1e-5)
    assert report.total.item() == pytest.approx(said["core_loss"], rel=1e-5)
    if weights.object_score:
        assert report.object_score.item() == pytest.approx(said["loss_class"], rel=1e-5)
    report.total.backward()
    gradients = [
        value.grad.double().abs().sum().item()
        for decoded in frames
        for values in zip(*(learned_of(found) for found in decoded), strict=True)
        for value in values
    ]
    assert gradients == pytest.approx(GOLDEN["modules"][name]["grad_abs_sum"], rel=1e-5)


def learned_of(found):
    return found.logits_BMhw, found.iou_BM, found.object_score_B


def some_candidates(rows=3, masks=3, side=16, seed=0):
    return Candidates(
        logits_BMhw=noise(rows, masks, side, side, seed=seed, scale=3.0).requires_grad_(),
        iou_BM=noise(rows, masks, seed=seed + 1).sigmoid().requires_grad_(),
        pointers_BMC=torch.zeros(rows, masks, 1),
        object_score_B=noise(rows, seed=seed + 2).requires_grad_(),
    )


def square(rows=3, side=64, first=16, last=48):
    masks = torch.zeros(rows, side, side, dtype=torch.bool)
    masks[:, first:last, first:last] = True
    return masks


def loss_of(found, truth, known, rules=None, weights=None):
    rules, weights = rules or LossRules(), weights or LossWeights()
    shown = torch.zeros(len(truth), dtype=torch.int64)
    target = make_target(truth, known, rules)
    return summed([step_loss(found, shown, target, weights, rules)], weights, torch.tensor(1.0))


def known(*values):
    return torch.tensor(values, dtype=torch.bool)


def test_logits_grow_to_the_size_of_the_truth():
    found, truth = some_candidates(), square()
    grown = torch.nn.functional.interpolate(
        found.logits_BMhw, size=(64, 64), mode="bilinear", align_corners=False
    )
    same_size = loss_of(replace(found, logits_BMhw=grown), truth, known(1, 1, 1))
    torch.testing.assert_close(loss_of(found, truth, known(1, 1, 1)).total, same_size.total)


def test_at_the_resolution_of_logits_the_truth_is_the_covered_share_of_each_cell():
    truth = torch.zeros(1, 8, 8, dtype=torch.bool)
    truth[0, :4, :1] = True
    target = make_target(truth, known(1), LossRules(resolution="logits"))
    assert target.mask_BHW.tolist() == [[[0.25, 0.0], [0.0, 0.0]]]
    # An object too thin for half a cell is visible all the same.
    assert target.is_visible_B.tolist() == [True]


@pytest.mark.parametrize("losses", [focal_losses, normalised_focal_losses, dice_losses])
def test_the_right_answer_costs_nearly_nothing(losses):
    truth = square(rows=1).float()
    right, wrong = (truth * 40 - 20)[:, None], (truth * -40 + 20)[:, None]
    assert losses(right, truth).item() < 1e-3
    assert losses(wrong, truth).item() > 0.5


def test_a_cell_that_is_partly_covered_is_right_with_its_share():
    share = torch.full((1, 1, 1), 0.3)
    logits = torch.logit(torch.tensor([0.2, 0.3, 0.4]))[None, :, None, None].requires_grad_()
    losses = focal_losses(logits, share)
    (gradient,) = torch.autograd.grad(losses.sum(), logits)
    assert gradient[0, 0].item() < 0 < gradient[0, 2].item()
    assert losses[0, 1].item() == pytest.approx(0.0, abs=1e-9)


def test_what_is_wrong_weighs_the_same_however_small_it_is():
    small, large = (torch.zeros(1, 64, 64) for _ in range(2))
    small[0, :4, :4], large[0, :32, :32] = 1.0, 1.0
    nothing = torch.full((1, 1, 64, 64), -6.0)
    ours = [normalised_focal_losses(nothing, truth).item() for truth in (small, large)]
    plain = [focal_losses(nothing, truth).item() for truth in (small, large)]
    assert ours[1] / ours[0] < 1.1
    assert plain[1] / plain[0] > 50


def test_near_the_outline_a_pixel_counts_several_times():
    truth = square(rows=1)
    found = some_candidates(rows=1)
    plain = loss_of(found, truth, known(1))
    heavier = loss_of(found, truth, known(1), LossRules(boundary=3.0, boundary_pixels=2))
    near = near_outline(truth.float(), 2)
    # Two pixels on both sides of a square of 32: a frame between 28 and 36 wide, corners cut off
    # nowhere, as the distance is taken per axis.
    assert near.sum().item() == 36 * 36 - 28 * 28
    assert not near[0, 0].any()
    weight = 1 + 2 * near.float()
    grown = torch.nn.functional.interpolate(found.logits_BMhw, size=(64, 64), mode="bilinear")
    focal = focal_losses(grown, truth.float(), weight_BHW=weight)
    best = (20 * focal + dice_losses(grown, truth.float())).argmin()
    assert heavier.focal.item() == pytest.approx(focal.flatten()[best].item(), rel=1e-5)
    assert heavier.dice.item() == pytest.approx(plain.dice.item(), rel=0.1)


def test_rows_that_are_not_known_neither_cost_nor_learn():
    found, truth = some_candidates(), square()
    report = loss_of(found, truth, known(1, 0, 1))
    report.total.backward()
    for value in learned_of(found):
        assert value.grad[1].abs().sum() == 0
        assert value.grad[0].abs().sum() > 0
    rows = [0, 2]
    alone = Candidates(
        found.logits_BMhw[rows],
        found.iou_BM[rows],
        found.pointers_BMC[rows],
        found.object_score_B[rows],
    )
    without = loss_of(alone, truth[rows], known(1, 1))
    torch.testing.assert_close(report.total, without.total)
    torch.testing.assert_close(report.reached, without.reached)


def test_of_a_hidden_object_only_the_score_learns():
    found, truth = some_candidates(rows=2), square(rows=2)
    truth[1] = False
    report = loss_of(found, truth, known(1, 1))
    report.total.backward()
    assert found.logits_BMhw.grad[1].abs().sum() == 0
    assert found.iou_BM.grad[1].abs().sum() == 0
    # It was said to be there: the score must fall.
    assert found.object_score_B.grad[1] > 0 > found.object_score_B.grad[0]
    both = object_losses(found.object_score_B, known(1, 0)).sum()
    torch.testing.assert_close(report.object_score, both)


def test_only_the_best_candidate_learns_the_mask_and_all_learn_their_iou():
    truth = square(rows=1)
    found = some_candidates(rows=1)
    with torch.no_grad():
        found.logits_BMhw[0, 2] += 4 * (square(rows=1, side=16, first=4, last=12)[0].float() - 0.5)
    loss_of(found, truth, known(1)).total.backward()
    assert [bool(found.logits_BMhw.grad[0, m].any()) for m in range(3)] == [False, False, True]
    assert found.iou_BM.grad.ne(0).all()


def test_the_report_tells_what_the_shown_masks_reached():
    truth = square(rows=2)
    truth[1] = False
    found = some_candidates(rows=2)
    report = loss_of(found, truth, known(1, 1))
    grown = torch.nn.functional.interpolate(found.logits_BMhw, size=(64, 64), mode="bilinear")
    expected = actual_ious(grown[:1], truth[:1].float())[0, 0]
    torch.testing.assert_close(report.reached, expected)


def test_two_empty_masks_have_no_overlap():
    assert actual_ious(torch.full((1, 1, 4, 4), -1.0), torch.zeros(1, 4, 4)).item() == 0


@pytest.mark.parametrize("wrong", [{"boundary": 0.5}, {"boundary_pixels": 0}])
def test_a_boundary_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(TrainingError, match=r"expected both to be at least 1\. A boundary of 1"):
        LossRules(**wrong)
