"""The sample clip moves as it says, with exact masks."""

import numpy as np
import pytest

from masklet.viz.sample import orange
from masklet.viz.sample_clip import CLIP_FRAMES, CLIP_NAMES, _rolling, sample_clip


@pytest.fixture(scope="module")
def frames():
    return list(sample_clip((80, 120)))


def areas(frames, name):
    return np.array([frame.masks[CLIP_NAMES.index(name)].sum() for frame in frames])


def columns(frames, name):
    masks = (frame.masks[CLIP_NAMES.index(name)] for frame in frames)
    return np.array([np.nonzero(mask)[1].mean() for mask in masks if mask.any()])


def test_it_is_as_long_and_as_large_as_it_says(frames):
    assert len(frames) == CLIP_FRAMES
    assert all(frame.image.shape == (80, 120, 3) for frame in frames)
    assert all(frame.masks.shape == (3, 80, 120) for frame in frames)


def test_the_orange_rolls_to_the_right_and_out_of_the_picture(frames):
    across = columns(frames, "orange")
    assert (np.diff(across) > 0).all()
    assert across[0] < 20
    assert (areas(frames, "orange")[:30] > 250).all()
    assert (areas(frames, "orange")[-3:] == 0).all()


def test_the_mug_and_the_tin_move_to_the_left_and_are_partly_hidden_on_the_way(frames):
    for name in ("mug", "tin"):
        seen = areas(frames, name)
        assert columns(frames, name)[-1] < columns(frames, name)[0] - 4
        assert 0.4 < seen.min() / seen.max() < 0.75


def test_no_pixel_belongs_to_two_objects(frames):
    assert max(frame.masks.sum(axis=0).max() for frame in frames) == 1


def test_the_stalk_on_top_is_at_the_right_after_a_quarter_turn():
    ball = orange()
    x, y, z = ball.centre
    top = np.array([[x - 0.1], [y + 0.57], [z + 0.12]], np.float32)
    right = np.array([[x + 0.57], [y + 0.1], [z + 0.12]], np.float32)
    turned = _rolling(ball, np.pi / 2)
    np.testing.assert_allclose(turned.colour(right), ball.colour(top), atol=1e-3)
    assert not np.allclose(ball.colour(right), ball.colour(top), atol=0.1)
    np.testing.assert_allclose(turned.distance(right), ball.distance(top), atol=1e-4)


def test_the_clip_is_the_same_every_time():
    one, other = next(sample_clip((16, 24))), next(sample_clip((16, 24)))
    np.testing.assert_array_equal(one.image, other.image)
