"""Clicks on a picture: where they go, what is fed back, what is counted."""

import pytest
import torch

from masklet.errors import PromptError
from masklet.eval import clicks as clicks_module
from masklet.eval.clicks import ClickOptions, run_clicks
from masklet.eval.model_methods import PictureModel
from masklet.image.predictor import ImagePredictor
from masklet.ops.rle import decode
from masklet.types import Prompt
from tests.eval.clips import ArrayPicture, square
from tests.eval.oracle import OraclePicture
from tests.tiny import tiny_model

PICTURE = ArrayPicture({1: square(4, 4), 2: square(40, 10), 3: square(70, 30, side=3)})


def values_of(run):
    return {each.object_id: each.values for each in run.scores.objects}


def prompts_of(oracle, object_id):
    """What was said of an object, call by call."""
    return [(verb, said[object_id]) for verb, said in oracle.calls if object_id in said]


def test_ious_and_clicks_are_counted_until_the_answer_is_right():
    oracle = OraclePicture(PICTURE, {1: 6, 2: 0, 3: 0}, gain=2)
    values = values_of(run_clicks(oracle, PICTURE, ClickOptions(5)))
    # Of twenty columns six are lost, then four, two, none.
    ious = [values[1][f"IoU@{count}"] for count in range(1, 6)]
    assert ious == pytest.approx([0.7, 0.8, 0.9, 1.0, 1.0])
    assert (values[1]["NoC@85"], values[1]["NoC@90"]) == (3.0, 3.0)
    assert (values[2]["NoC@85"], values[2]["IoU@5"]) == (1.0, 1.0)


def test_an_answer_that_is_never_good_enough_counts_as_all_clicks():
    oracle = OraclePicture(PICTURE, {1: 10, 2: 3, 3: 0}, gain=0)
    values = values_of(run_clicks(oracle, PICTURE, ClickOptions(4)))
    assert (values[1]["NoC@85"], values[1]["NoC@90"]) == (4.0, 4.0)
    assert (values[2]["NoC@85"], values[2]["NoC@90"]) == (1.0, 4.0)


def test_each_click_is_in_the_middle_of_the_largest_error_and_all_are_said_again():
    oracle = OraclePicture(PICTURE, {1: 8, 2: 0, 3: 0}, gain=4)
    run_clicks(oracle, PICTURE, ClickOptions(4, box=False, mask=False))
    said = prompts_of(oracle, 1)
    assert [verb for verb, _ in said] == ["ask", "refine", "refine"]
    # The whole square is 4 to 23; then its last eight columns are missing, then its last four.
    assert [prompt.points[:, 0].tolist() for _, prompt in said] == [
        [13.0],
        [13.0, 19.0],
        [13.0, 19.0, 21.0],
    ]
    assert all(prompt.labels.all() for _, prompt in said)
    assert [verb for verb, _ in prompts_of(oracle, 2)] == ["ask"]


def test_a_pixel_said_too_much_is_clicked_away():
    class Wide(OraclePicture):
        def _answer(self, object_id, said):
            answer = super()._answer(object_id, said)
            answer.mask[30:44, 4:18] = True
            return answer

    oracle = Wide(PICTURE, {1: 0, 2: 0, 3: 0})
    run_clicks(oracle, PICTURE, ClickOptions(2, box=False, mask=False))
    (_, (_, prompt)) = prompts_of(oracle, 1)
    assert prompt.points[1].tolist() == [10.0, 36.0]
    assert prompt.labels.tolist() == [1, 0]


def test_boxes_are_tight_and_masks_are_the_truth():
    oracle = OraclePicture(PICTURE, dict.fromkeys((1, 2, 3), 0), predicted_iou=0.75)
    values = values_of(run_clicks(oracle, PICTURE, ClickOptions(1)))
    boxes = [said[1].box for _, said in oracle.calls if said[1].box is not None]
    assert [box.tolist() for box in boxes] == [[4, 4, 24, 24]]
    assert values[1]["IoU box"] == values[1]["IoU mask"] == 1.0
    assert {name for name in values[1] if name.startswith("predicted")} == {
        "predicted IoU@1",
        "predicted IoU box",
        "predicted IoU mask",
    }
    assert values[1]["predicted IoU@1"] == 0.75


def test_boxes_and_masks_may_be_left_out_and_nothing_is_predicted_by_who_does_not_say():
    oracle = OraclePicture(PICTURE, dict.fromkeys((1, 2, 3), 0))
    values = values_of(run_clicks(oracle, PICTURE, ClickOptions(1, box=False, mask=False)))
    assert set(values[1]) == {"IoU@1", "NoC@85", "NoC@90"}
    assert len(oracle.calls) == 1


def test_what_the_last_click_gave_is_kept():
    oracle = OraclePicture(PICTURE, {1: 6, 2: 0, 3: 0}, gain=2, predicted_iou=0.25)
    run = run_clicks(oracle, PICTURE, ClickOptions(2))
    assert [mask.object_id for mask in run.masks.objects] == [1, 2, 3]
    kept = run.masks.at(1)
    assert (decode(kept.segmentation).sum(), kept.predicted_iou) == (16 * 20, 0.25)
    silent = run_clicks(OraclePicture(PICTURE, {1: 6, 2: 0, 3: 0}), PICTURE, ClickOptions(2))
    assert silent.masks.at(1).predicted_iou == 1.0


def test_small_objects_are_left_out_and_counted():
    oracle = OraclePicture(PICTURE, dict.fromkeys((1, 2, 3), 0))
    run = run_clicks(oracle, PICTURE, ClickOptions(1, min_area=10))
    assert (list(values_of(run)), run.scores.left_out) == ([1, 2], 1)
    everything = run_clicks(oracle, PICTURE, ClickOptions(1, min_area=9))
    assert (list(values_of(everything)), everything.scores.left_out) == ([1, 2, 3], 0)


def test_objects_are_drawn_by_seed_and_picture():
    many = {number: square(3 * number, 20, side=2) for number in range(1, 31)}

    def drawn(name, seed):
        picture = ArrayPicture(many, name)
        oracle = OraclePicture(picture, dict.fromkeys(many, 0))
        run = run_clicks(oracle, picture, ClickOptions(1, max_objects=5, seed=seed))
        assert run.scores.left_out == 25
        return list(values_of(run))

    assert drawn("a", 0) == drawn("a", 0) == sorted(drawn("a", 0))
    assert len({tuple(drawn(name, seed)) for name in ("a", "b") for seed in (0, 1)}) == 4


def test_random_clicks_fall_on_what_is_wrong_and_depend_on_nothing_else():
    lost = {1: 8, 2: 8, 3: 0}
    options = ClickOptions(3, where="random", box=False, mask=False)

    def said(picture, options=options):
        oracle = OraclePicture(picture, lost, gain=1)
        run_clicks(oracle, picture, options)
        return prompts_of(oracle, 2)[-1][1].points.tolist()

    first, *others = said(PICTURE)
    assert PICTURE.masks[2][int(first[1]), int(first[0])]
    # The last eight columns of 40 to 59 are lost, then seven.
    assert all(x >= 52 and 10 <= y < 30 for x, y in others)
    torch.manual_seed(7)
    alone = ArrayPicture({2: PICTURE.masks[2]})
    assert said(alone) == [first, *others]
    assert said(ArrayPicture(PICTURE.masks, "another")) != [first, *others]
    assert said(PICTURE, ClickOptions(3, "random", seed=1)) != [first, *others]


def test_equal_objects_have_different_luck():
    oracle = OraclePicture(PICTURE, dict.fromkeys((1, 2, 3), 0))
    run_clicks(oracle, PICTURE, ClickOptions(1, where="random", box=False, mask=False))
    ((_, said),) = oracle.calls
    # Both are squares of one size; the second lies 36 to the right of the first and 6 below it.
    assert (said[2].points - said[1].points).tolist() != [[36.0, 6.0]]


def test_objects_in_small_batches_score_as_all_together(monkeypatch):
    method = PictureModel(tiny_model(), name="tiny")
    together = run_clicks(method, PICTURE, ClickOptions(3))
    monkeypatch.setattr(clicks_module, "_BATCH_PIXELS", 48 * 96)
    one_by_one = run_clicks(method, PICTURE, ClickOptions(3))
    assert len(together.masks.objects) == 3
    assert one_by_one.masks.objects[0].segmentation == together.masks.objects[0].segmentation
    for alone, batched in zip(one_by_one.scores.objects, together.scores.objects, strict=True):
        assert alone.values == pytest.approx(batched.values, abs=1e-4)


def test_a_model_goes_on_from_the_best_of_three():
    model = tiny_model()
    picture = ArrayPicture({1: square(30, 12)})
    run = run_clicks(PictureModel(model, name="tiny"), picture, ClickOptions(2))
    predictor = ImagePredictor(model)
    features = predictor.encode(picture.image())
    first = predictor.predict(features, Prompt.point(39, 21)).best()
    assert run.scores.objects[0].values["predicted IoU@1"] == pytest.approx(float(first.iou[0]))
    said = first.masks()[0]
    assert run.scores.objects[0].values["IoU@1"] == pytest.approx(
        (said & picture.masks[1]).sum() / (said | picture.masks[1]).sum()
    )
    assert run.scores.seconds > 0


def test_a_picture_without_objects_has_no_scores():
    class Empty(ArrayPicture):
        def objects(self):
            return ()

    run = run_clicks(OraclePicture(PICTURE, {}), Empty(PICTURE.masks))
    assert (run.scores.objects, run.masks.objects, run.scores.frames) == ((), (), 1)


def test_no_clicks_are_refused():
    with pytest.raises(PromptError, match=r"0 clicks are to be made .* expected at least 1"):
        ClickOptions(0)
