"""A scene is filmed as it is: who is in front, when there is a cut, what light does."""

from dataclasses import replace

import numpy as np
import pytest

from masklet.data.scenes.backdrops import Backdrop
from masklet.data.scenes.film import Film, Light, Scene, Shot
from masklet.data.scenes.motion import Camera, Curve, Motion, still
from masklet.data.scenes.painter import Actor, Body, Sun, silhouette
from masklet.data.scenes.shapes import Blob, Slab
from masklet.data.scenes.textures import Look
from masklet.io.video import FrameSource

SIZE = (48, 64)
BACKDROP = Backdrop("boards", (140, 100, 65), (190, 150, 105), (60, 40, 28), "a")
SUN = Sun(-0.6, -0.8, shadow=0.0)
LOOK = Look("checks", (250, 250, 240), (20, 40, 160), "a")


def actor(x, y, radius, object_id=None, shape=None):
    motion = Motion(x if isinstance(x, Curve) else still(x), still(float(y)), still(float(radius)))
    return Actor(Body(shape or Blob(), LOOK, 10.0), motion, object_id)


def shot(*actors, start=0, backdrop=BACKDROP, camera=None):
    return Shot(start, backdrop, SUN, camera or Camera(), actors)


def scene(*shots, **others):
    return Scene(SIZE, 10, shots, seed="a", **others)


def outline(scene, number, frame_index):
    shown = scene.shot_at(frame_index)
    each = shown.actors[number]
    return silhouette(each.body.shape, scene.pose(each, shown, frame_index), SIZE)


def test_what_stands_in_front_takes_exactly_its_own_pixels():
    made = scene(shot(actor(30, 24, 12, 1), actor(40, 24, 8, 2), actor(30, 30, 5)))
    masks = made.visible(0)
    behind, before, unnamed = (outline(made, number, 0) for number in range(3))
    np.testing.assert_array_equal(masks[1], behind & ~before & ~unnamed)
    np.testing.assert_array_equal(masks[2], before & ~unnamed)
    assert (behind & before).any()
    assert (behind & unnamed).any()


def test_what_is_wholly_behind_something_has_no_pixels_and_changes_no_picture():
    wall = actor(32, 24, 14, shape=Slab(1.0, 1.0))
    hidden = scene(shot(actor(30, 26, 9, 1), wall))
    assert not hidden.visible(0)[1].any()
    np.testing.assert_array_equal(Film(hidden, "a")[0], Film(scene(shot(wall)), "a")[0])


def test_an_object_that_is_not_in_a_shot_is_hidden_there():
    made = scene(shot(actor(20, 20, 8, 1), actor(45, 30, 6, 3)), shot(actor(40, 24, 8, 1), start=4))
    assert made.object_ids() == (1, 3)
    assert [bool(made.visible(index)[3].any()) for index in (0, 3, 4, 9)] == [
        True,
        True,
        False,
        False,
    ]
    assert made.visible(9)[1].any()


def test_two_things_may_be_one_object():
    made = scene(shot(actor(15, 24, 6, 1), actor(45, 24, 6, 1)))
    np.testing.assert_array_equal(made.visible(0)[1], outline(made, 0, 0) | outline(made, 1, 0))


def test_the_picture_changes_at_once_at_a_cut():
    other = replace(BACKDROP, place="water", base=(50, 110, 130), dark=(20, 60, 85))
    film = Film(scene(shot(), shot(start=5, backdrop=other)), "a")
    steps = [np.abs(film[n + 1].astype(int) - film[n]).mean() for n in range(9)]
    assert np.argmax(steps) == 4
    assert steps[4] > 10 * max(steps[:4])


def test_frames_are_the_same_in_any_order_and_of_any_film():
    made = scene(shot(actor(Curve((0, 9), (10.0, 50.0)), 24, 9, 1)))
    film = Film(made, "a")
    assert isinstance(film, FrameSource)
    forward = list(film)
    assert [film.info.size, film.info.num_frames, len(film)] == [SIZE, 10, 10]
    for index in (7, 2, 9):
        np.testing.assert_array_equal(Film(made, "b")[index], forward[index])
        np.testing.assert_array_equal(film[index], forward[index])


def test_a_frame_is_the_callers_own():
    film = Film(scene(shot()), "a")
    film[0][:] = 0
    assert film[0].any()


def test_a_frame_that_is_not_there_is_refused():
    with pytest.raises(IndexError, match="there is no frame 10; the video has 10"):
        Film(scene(shot()), "a")[10]


def test_things_and_place_move_together_when_the_camera_moves():
    camera = Camera(x=Curve((0, 9), (0.0, 12.0), is_smooth=False))
    made = scene(shot(actor(40, 24, 8, 1), camera=camera), light=Light(noise=0.0))
    film = Film(made, "a")
    np.testing.assert_array_equal(film[9][:, :-12], film[0][:, 12:])
    np.testing.assert_array_equal(made.visible(9)[1][:, :-12], made.visible(0)[1][:, 12:])


def test_a_fast_thing_is_blurred_along_its_way_and_a_slow_one_is_not():
    def edges(speed):
        way = Curve((0, 9), (32.0 - 5 * speed, 32.0 + 4 * speed), is_smooth=False)
        pictures = [
            Film(scene(shot(*actors), light=Light(noise=0.0)), "a")[5].astype(int)
            for actors in ((), (actor(way, 24, 6, 1),))
        ]
        return (np.abs(pictures[1] - pictures[0]).sum(axis=2) > 6).any(axis=0).sum()

    assert edges(0.0) == edges(1.0)
    assert edges(30.0) == pytest.approx(edges(0.0) + 0.25 * 30, abs=2)


def test_the_gain_makes_the_picture_darker_and_warmth_red():
    dark = Light(gain=Curve((0, 9), (1.0, 0.5)), warmth=Curve((0, 9), (0.0, 0.2)), noise=0.0)
    film, plain = (
        Film(scene(shot(), light=dark), "a"),
        Film(scene(shot(), light=Light(noise=0)), "a"),
    )
    np.testing.assert_array_equal(film[0], plain[0])
    share = film[9].mean(axis=(0, 1)) / plain[9].mean(axis=(0, 1))
    np.testing.assert_allclose(share, [0.6, 0.5, 0.4], atol=0.02)


def test_flicker_jumps_from_frame_to_frame():
    film = Film(scene(shot(), light=Light(flicker=0.2, noise=0.0)), "a")
    levels = np.array([frame.mean() for frame in film])
    assert np.ptp(levels) / levels.mean() > 0.15
    assert np.abs(np.diff(levels)).max() / levels.mean() > 0.08


@pytest.mark.parametrize("noise", [3.0, 12.0])
def test_noise_has_the_deviation_that_was_asked_for_and_no_bias(noise):
    noisy, clean = (Film(scene(shot(), light=Light(noise=level)), "a") for level in (noise, 0.0))
    errors = np.stack([noisy[index].astype(int) - clean[index] for index in range(4)])
    inside = np.stack([(clean[index] > 60) & (clean[index] < 200) for index in range(4)])
    assert errors[inside].std() == pytest.approx(noise, rel=0.05)
    assert abs(errors[inside].mean()) < 0.2
    assert (errors[0] != errors[1]).mean() > 0.5
