"""Masks are read the way they were asked for."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from masklet.errors import PromptError
from masklet.ops.boxes import box_iou
from masklet.ops.masks import pack_bits
from masklet.ops.rle import decode
from masklet.types import MaskSet

SIZE = (40, 60)


def disc(x, y, radius, size=SIZE):
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.hypot(columns - x, rows - y) <= radius


def mask_set(*masks, iou=None, prompt_index=None, **options):
    """Masks as logits on a grid of the image's own size, so that they come back exactly."""
    logits = torch.tensor(np.stack(masks)).float() * 20 - 10
    count = len(masks)
    return MaskSet(
        logits=logits,
        iou=torch.tensor([0.5] * count if iou is None else iou),
        object_score=torch.arange(count).float(),
        size=masks[0].shape,
        prompt_index=tuple(range(count)) if prompt_index is None else prompt_index,
        **options,
    )


def test_masks_come_back_as_they_went_in():
    masks = [disc(20, 20, 9), disc(40, 15, 12)]
    read = mask_set(*masks).masks()
    assert read.dtype == np.bool_
    np.testing.assert_array_equal(read, masks)


def test_masks_are_drawn_at_the_size_of_the_image():
    small = disc(5, 4, 3, (10, 15))
    answer = MaskSet(
        torch.tensor(small)[None] * 20.0 - 10, torch.ones(1), torch.ones(1), SIZE, (0,)
    )
    assert answer.masks().shape == (1, *SIZE)
    assert answer.full_logits().shape == (1, *SIZE)
    assert answer.full_logits().dtype == np.float32
    both = answer.masks()[0] & disc(21.5, 17.5, 12.5)
    assert both.sum() > 0.9 * answer.areas()[0]


def test_the_threshold_decides_what_belongs_to_a_mask():
    rising = np.linspace(-3, 3, 60, dtype=np.float32)
    logits = torch.tensor(np.tile(rising, (40, 1)))[None]
    areas = [
        MaskSet(logits, torch.ones(1), torch.ones(1), SIZE, (0,), threshold=level).areas()[0]
        for level in (-1.0, 0.0, 1.0)
    ]
    assert areas == [40 * 40, 30 * 40, 20 * 40]


def test_holes_are_filled_and_specks_dropped_up_to_an_area_in_image_pixels():
    mask = disc(30, 20, 12) & ~disc(30, 20, 2)
    mask[2:4, 2:4] = True
    hole, speck = int(disc(30, 20, 2).sum()), 4
    plain = mask_set(mask).areas()[0]
    assert mask_set(mask, max_hole_area=hole - 1).areas()[0] == plain
    assert mask_set(mask, max_hole_area=hole).areas()[0] == plain + hole
    assert mask_set(mask, max_speck_area=speck - 1).areas()[0] == plain
    assert mask_set(mask, max_speck_area=speck).areas()[0] == plain - speck


def test_areas_and_boxes_belong_to_the_masks():
    answer = mask_set(disc(20, 20, 9), disc(40, 15, 12))
    assert answer.areas().dtype == np.int64
    assert answer.areas().tolist() == [int(mask.sum()) for mask in answer.masks()]
    assert answer.boxes().tolist() == [[11, 11, 30, 30], [28, 3, 53, 28]]


def test_an_empty_mask_has_no_area_an_empty_box_and_a_transparent_cutout():
    answer = mask_set(np.zeros(SIZE, bool))
    assert answer.areas().tolist() == [0]
    assert answer.boxes().tolist() == [[0, 0, 0, 0]]
    (cutout,) = answer.cutouts(np.full((*SIZE, 3), 7, np.uint8))
    assert cutout.shape == (1, 1, 4)
    assert cutout[0, 0, 3] == 0


def test_encodings_decode_to_the_masks():
    answer = mask_set(disc(20, 20, 9), disc(40, 15, 12))
    np.testing.assert_array_equal([decode(rle) for rle in answer.rle()], answer.masks())


def test_polygons_enclose_the_masks():
    answer = mask_set(disc(20, 20, 9), disc(40, 15, 12) & ~disc(40, 15, 4))
    rings = answer.polygons()
    assert [len(of_one) for of_one in rings] == [1, 2]
    bounds = np.array([[*of_one[0].min(0), *of_one[0].max(0)] for of_one in rings])
    np.testing.assert_array_equal(bounds, answer.boxes())
    assert len(answer.polygons(tolerance=1.0)[0][0]) < len(rings[0][0])


def test_coco_annotations_hold_what_coco_expects():
    answer = mask_set(disc(20, 20, 9), iou=[0.75])
    (annotation,) = answer.to_coco(image_id=7, category_id=3)
    assert annotation["image_id"] == 7
    assert annotation["category_id"] == 3
    assert annotation["bbox"] == [11.0, 11.0, 19.0, 19.0]
    assert annotation["area"] == int(answer.areas()[0])
    assert annotation["score"] == 0.75
    assert annotation["iscrowd"] == 0
    np.testing.assert_array_equal(decode(annotation["segmentation"]), answer.masks()[0])


def test_a_cutout_is_the_object_on_nothing_cropped_to_its_box():
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    answer = mask_set(disc(20, 20, 9))
    (cutout,) = answer.cutouts(image)
    np.testing.assert_array_equal(cutout[..., :3], image[11:30, 11:30])
    np.testing.assert_array_equal(cutout[..., 3] == 255, answer.masks()[0][11:30, 11:30])


@pytest.mark.parametrize("shape", [(41, 60, 3), (40, 60), (40, 60, 4)])
def test_a_cutout_needs_the_image_that_was_segmented(shape):
    with pytest.raises(PromptError, match=r"the masks belong to one of \(40, 60, 3\); pass the im"):
        mask_set(disc(20, 20, 9)).cutouts(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    ("index", "rows"),
    [
        (1, [1]),
        (-1, [2]),
        (slice(1, None), [1, 2]),
        (slice(None, None, -1), [2, 1, 0]),
        ([2, 0], [2, 0]),
        (np.array([False, True, True]), [1, 2]),
        (np.array([1, 1]), [1, 1]),
        ([], []),
        (np.zeros(3, bool), []),
    ],
    ids=str,
)
def test_indexing_takes_numbers_slices_lists_and_bools(index, rows):
    answer = mask_set(*(disc(20, 20, r) for r in (3, 6, 9)), prompt_index=(4, 5, 6), threshold=0.5)
    chosen = answer[index]
    assert len(chosen) == len(rows)
    assert chosen.prompt_index == tuple(4 + row for row in rows)
    assert chosen.areas().tolist() == [answer.areas()[row] for row in rows]
    assert chosen.object_score.tolist() == rows
    assert chosen.threshold == 0.5
    assert chosen.masks().shape == (len(rows), *SIZE)


def test_an_index_beyond_the_end_is_an_error():
    with pytest.raises(IndexError):
        mask_set(disc(20, 20, 9))[1]


def test_iterating_gives_sets_of_one_mask():
    answer = mask_set(disc(20, 20, 3), disc(20, 20, 6))
    assert [len(one) for one in answer] == [1, 1]
    assert [one.areas()[0] for one in answer] == answer.areas().tolist()


def test_the_best_mask_of_every_prompt_has_the_highest_predicted_iou():
    radii, iou = (1, 2, 3, 4, 5, 6), [0.1, 0.9, 0.3, 0.2, 0.6, 0.8]
    answer = mask_set(*(disc(20, 20, r) for r in radii), iou=iou, prompt_index=(0, 0, 0, 1, 1, 1))
    best = answer.best()
    assert best.prompt_index == (0, 1)
    np.testing.assert_allclose(best.scores(), [0.9, 0.8])


def test_nothing_has_no_best():
    assert len(mask_set(disc(20, 20, 9))[[]].best()) == 0


def test_a_mask_set_says_how_sure_it_is():
    answer = mask_set(*[disc(20, 20, 9)] * 9, iou=[0.875] * 9)
    assert repr(answer[:2]) == "MaskSet(2 of 60x40, iou 0.88, 0.88)"
    assert repr(answer).endswith(", ...)")


def test_scores_are_float32_whatever_the_precision_of_the_network():
    answer = mask_set(disc(20, 20, 9))
    half = MaskSet(answer.logits, answer.iou.bfloat16(), answer.object_score, SIZE, (0,))
    assert half.scores().dtype == np.float32


def test_boxes_feed_the_functions_on_boxes():
    boxes = torch.tensor(mask_set(disc(20, 20, 9), disc(40, 15, 12)).boxes())
    assert box_iou(boxes, boxes).diagonal().tolist() == [1, 1]


def test_a_mask_is_stable_as_far_as_its_edge_is_steep():
    steep, flat = disc(20, 20, 9), np.clip(10 - np.hypot(*np.mgrid[-20:20, -30:30]), -9, 9)
    answer = mask_set(steep, steep)
    answer.logits[1] = torch.from_numpy(flat) / 4
    sure, unsure = answer.stability()
    assert sure == 1
    # One logit to either side of the edge is four pixels of the radius, 10.
    assert unsure == pytest.approx(6**2 / 14**2, rel=0.05)


def test_exclusive_masks_share_no_pixel_and_the_highest_logit_wins():
    left, right = disc(20, 20, 12), disc(34, 20, 12)
    answer = mask_set(left, right, left | right, exclusive=True)
    answer.logits[0] *= 2
    answer.logits[2] /= 2
    first, second, third = answer.masks()
    np.testing.assert_array_equal(first, left)
    np.testing.assert_array_equal(second, right & ~left)
    assert not third.any()


def test_a_part_of_an_exclusive_set_is_exclusive_too():
    assert mask_set(disc(20, 20, 9), disc(24, 20, 9), exclusive=True)[[1, 0]].exclusive


def overlapping(**options):
    return mask_set(disc(20, 20, 12), disc(34, 20, 12), iou=[0.25, 0.75], **options)


def test_masks_on_the_cpu_have_nothing_to_fetch():
    answer = overlapping()
    assert answer.fetched() is answer


@pytest.mark.parametrize("options", [{}, {"exclusive": True, "threshold": 2.0}], ids=str)
def test_what_was_fetched_is_read_as_what_was_not(options):
    answer = overlapping(**options)
    # As on an accelerator: `fetched` does this there.
    fetched = answer._sent()
    assert fetched.fetched() is fetched
    np.testing.assert_array_equal(fetched.masks(), answer.masks())
    assert fetched.rle() == answer.rle()
    assert fetched.areas().tolist() == answer.areas().tolist()
    assert fetched.boxes().tolist() == answer.boxes().tolist()
    assert fetched.scores().tolist() == answer.scores().tolist() == [0.25, 0.75]
    assert fetched.stability().tolist() == answer.stability().tolist()
    assert repr(fetched) == repr(answer)


def test_what_was_fetched_is_read_where_it_arrived_and_not_again():
    fetched = overlapping()._sent()
    fetched.logits.zero_()
    fetched.iou.zero_()
    assert fetched.masks().any()
    assert fetched.ratings().iou.tolist() == [0.25, 0.75]
    assert fetched.ratings().object_score.tolist() == [0, 1]


def test_a_part_or_a_changed_copy_of_what_was_fetched_has_masks_of_its_own():
    answer = overlapping()
    fetched = answer._sent()
    np.testing.assert_array_equal(fetched[1].masks(), answer[1].masks())
    assert replace(fetched, threshold=99.0).areas().tolist() == [0, 0]


def test_fetching_waits_for_nothing():
    # Tensors of the "meta" device have shapes and no values: whoever reads one fails.
    answer = overlapping(exclusive=True)
    away = {name: getattr(answer, name).to("meta") for name in ("logits", "iou", "object_score")}
    there = replace(answer, **(away | {"logits": away["logits"][:, ::2, ::2]}))
    assert pack_bits(there._masks_on_device()).shape == (2, 40 * 60 // 8)
    assert there._numbers().shape == (3, 2)


def test_the_ratings_are_read_together():
    answer = overlapping()
    ratings = answer.ratings()
    assert ratings.iou.tolist() == answer.scores().tolist()
    assert ratings.object_score.tolist() == [0, 1]
    assert ratings.stability.tolist() == answer.stability().tolist()
