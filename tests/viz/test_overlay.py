"""Masks and prompts are drawn where they are, in the colours of their objects."""

import numpy as np
import numpy.typing as npt
import pytest

from masklet.types import Prompt
from masklet.viz.overlay import draw_masks, draw_prompts, line_width
from masklet.viz.palette import BESIDE, ON, colour_of

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

GRAY = 128


def gray(height: int = 600, width: int = 800) -> Picture:
    return np.full((height, width, 3), GRAY, np.uint8)


def square(picture: Picture, top: int, left: int, side: int) -> Mask:
    mask = np.zeros(picture.shape[:2], bool)
    mask[top : top + side, left : left + side] = True
    return mask


def changed(before: Picture, after: Picture) -> Mask:
    differs: Mask = (before != after).any(axis=2)
    return differs


def near(picture: Picture, colour: tuple[int, int, int], tolerance: int = 6) -> Mask:
    close: Mask = (np.abs(picture.astype(int) - colour) <= tolerance).all(axis=2)
    return close


def test_the_picture_itself_is_never_changed() -> None:
    picture = gray()
    draw_masks(picture, square(picture, 30, 30, 40)[None])
    draw_prompts(picture, [Prompt.point(50, 50) + Prompt.box_xyxy(20, 20, 80, 80)])
    assert (picture == GRAY).all()


def test_a_mask_is_tinted_inside_and_outlined_in_the_colour_of_its_object() -> None:
    picture = gray()
    mask = square(picture, 150, 200, 250)
    drawn = draw_masks(picture, mask[None], ids=[3], alpha=0.5)
    tint = (GRAY + np.array(colour_of(3))) / 2
    np.testing.assert_allclose(drawn[275, 325], tint, atol=1)
    assert near(drawn, colour_of(3))[275, [199, 200, 449, 450]].all()
    assert not changed(picture, drawn)[275, :190].any()


def test_the_outline_follows_a_hole() -> None:
    picture = gray()
    mask = square(picture, 100, 100, 400) & ~square(picture, 225, 225, 150)
    drawn = draw_masks(picture, mask[None])
    assert near(drawn, colour_of(1))[300, 224:226].all()
    assert drawn[300, 300].tolist() == [GRAY] * 3


def test_without_a_tint_only_the_outline_is_drawn() -> None:
    picture = gray()
    drawn = draw_masks(picture, square(picture, 150, 200, 250)[None], alpha=0.0)
    assert drawn[275, 325].tolist() == [GRAY] * 3
    assert changed(picture, drawn).any()


def test_edges_are_smooth() -> None:
    picture = gray(200, 200)
    y, x = np.mgrid[:200, :200]
    disc = np.hypot(x - 100, y - 100) < 60
    drawn = draw_masks(picture, disc[None], alpha=0.0)
    # A hard edge would leave gray, the line's colour and the casing's: a handful of levels.
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 30


def test_thin_parts_are_drawn_as_line() -> None:
    picture = gray(900, 1200)
    mask = np.zeros((900, 1200), bool)
    mask[450, 100:1100] = True
    mask[200, 300] = True
    drawn = draw_masks(picture, mask[None])
    assert near(drawn, colour_of(1))[mask].all()


def test_a_mask_that_is_empty_draws_nothing() -> None:
    picture = gray()
    empty = np.zeros((1, 600, 800), bool)
    np.testing.assert_array_equal(draw_masks(picture, empty), picture)
    np.testing.assert_array_equal(draw_masks(picture, empty[:0]), picture)


def test_a_mask_at_the_border_has_no_outline_along_it() -> None:
    picture = gray()
    drawn = draw_masks(picture, np.ones((1, 600, 800), bool), alpha=0.5)
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) == 1


def test_a_small_mask_stays_visible_on_a_large_one_whatever_the_order() -> None:
    picture = gray()
    masks = np.stack([square(picture, 250, 350, 100), square(picture, 50, 50, 500)])
    one = draw_masks(picture, masks, ids=[1, 2])
    other = draw_masks(picture, masks[::-1], ids=[2, 1])
    np.testing.assert_array_equal(one, other)
    assert near(one, colour_of(1))[300, 349:351].all()


@pytest.mark.parametrize(("side", "width"), [(50, 1.5), (1000, 3.5), (4000, 14.0)])
def test_lines_grow_with_the_picture(side: int, width: float) -> None:
    assert line_width((side, side)) == pytest.approx(width)


@pytest.mark.parametrize("shape", [(1, 1), (3, 2000), (2000, 3)])
def test_extreme_pictures_can_be_drawn_on(shape: tuple[int, int]) -> None:
    picture = gray(*shape)
    drawn = draw_masks(picture, np.ones((1, *shape), bool))
    prompt = Prompt.point(0, 0) + Prompt.box_xyxy(0, 0, shape[1], shape[0])
    assert draw_prompts(drawn, [prompt]).shape == picture.shape


def test_a_click_on_the_object_is_a_green_disc_with_a_plus() -> None:
    drawn = draw_prompts(gray(600, 800), [Prompt.point(400, 300)])
    assert drawn[300, 400].tolist() == [255, 255, 255]
    assert drawn[298, 400].tolist() == drawn[300, 398].tolist() == [255, 255, 255]
    assert near(drawn, ON)[297, 397]


def test_a_click_beside_it_is_a_red_square_with_a_minus() -> None:
    drawn = draw_prompts(gray(600, 800), [Prompt.point(400, 300, label=0)])
    assert drawn[300, 400].tolist() == drawn[300, 398].tolist() == [255, 255, 255]
    assert near(drawn, BESIDE)[297, 400]
    assert not near(drawn, ON).any()


def test_the_two_kinds_of_clicks_differ_in_shape_without_any_colour() -> None:
    on = draw_prompts(gray(600, 800), [Prompt.point(400, 300)]).mean(axis=2)
    beside = draw_prompts(gray(600, 800), [Prompt.point(400, 300, label=0)]).mean(axis=2)
    assert (np.abs(on - beside)[294:307, 394:407] > 40).sum() > 20


@pytest.mark.parametrize("corner", [(0, 0), (799, 599), (800, 600), (-0.5, -0.5)])
def test_a_click_at_the_very_edge_is_drawn(corner: tuple[float, float]) -> None:
    picture = gray()
    assert changed(picture, draw_prompts(picture, [Prompt.point(*corner)])).any()


def test_a_box_is_drawn_along_its_sides_with_strong_corners() -> None:
    picture = gray(600, 800)
    drawn = draw_prompts(picture, [Prompt.box_xyxy(200, 100, 600, 500)], ids=[7])
    line = near(drawn, colour_of(7))
    assert line[300, 200]
    assert line[300, 600]
    assert line[100, 400]
    assert line[500, 400]
    assert line[120, 195:206].sum() > line[300, 195:206].sum()
    assert drawn[300, 400].tolist() == [GRAY] * 3


def test_a_box_that_reaches_out_of_the_picture_is_cut() -> None:
    picture = gray()
    drawn = draw_prompts(picture, [Prompt.box_xyxy(-50, -50, 400, 2500)])
    assert near(drawn, colour_of(1))[300, 400]
    assert not changed(picture, drawn)[:, :390].any()


def test_a_mask_prompt_is_outlined_in_white() -> None:
    picture = gray()
    drawn = draw_prompts(picture, [Prompt.from_mask(square(picture, 150, 150, 200))])
    assert near(drawn, (255, 255, 255), 45)[250, 149:151].all()
    assert drawn[250, 250].tolist() == [GRAY] * 3


def test_every_object_needs_its_id() -> None:
    with pytest.raises(ValueError, match="shorter"):
        draw_prompts(gray(), [Prompt.point(1, 1), Prompt.point(2, 2)], ids=[1])
