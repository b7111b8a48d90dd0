"""Every kind of generated clip shows what it is named for, and is a fair test of it."""

import itertools
from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from masklet.data.scenes.film import Film
from masklet.data.scenes.kinds import SCENE_KINDS, draw_scene
from masklet.data.scenes.painter import silhouette

SIZES = {"landscape": (240, 320), "portrait": (320, 240), "small": (96, 128)}
NUMBERS = range(3)


@cache
def drawn(kind, number, size=SIZES["landscape"]):
    return draw_scene(kind, f"test {kind} {number}", size)


@cache
def truth(kind, number, size=SIZES["landscape"]):
    """The visible masks of each frame."""
    scene = drawn(kind, number, size)
    return [scene.visible(index) for index in range(scene.length)]


@cache
def whole(kind, number, size=SIZES["landscape"]):
    """Of each frame the masks of all objects as if nothing stood before them."""
    scene = drawn(kind, number, size)
    frames = []
    for index in range(scene.length):
        shot = scene.shot_at(index)
        frames.append(
            {
                actor.object_id: silhouette(
                    actor.body.shape, scene.pose(actor, shot, index), scene.size
                )
                for actor in shot.actors
                if actor.object_id is not None
            }
        )
    return frames


def areas(frames, object_id):
    return np.array([masks[object_id].sum() for masks in frames])


def centre(mask):
    return np.mean(np.nonzero(mask), axis=1)


def is_apart(masks):
    return not any((a & b).any() for a, b in itertools.combinations(masks.values(), 2))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", SCENE_KINDS)
def test_all_objects_are_well_in_sight_on_the_first_frame(kind, size):
    for number in NUMBERS:
        scene = drawn(kind, number, SIZES[size])
        shot = scene.shots[0]
        masks = scene.visible(0)
        assert set(masks) == {actor.object_id for actor in shot.actors} - {None}
        for actor in shot.actors:
            if actor.object_id is not None:
                pose = scene.pose(actor, shot, 0)
                mask = silhouette(actor.body.shape, pose, scene.size)
                assert masks[actor.object_id].sum() > max(5, 0.6 * mask.sum())


@pytest.mark.parametrize("kind", SCENE_KINDS)
def test_clips_have_the_length_that_is_promised_and_keyframes_in_order(kind):
    for number in NUMBERS:
        scene = drawn(kind, number)
        assert scene.length == 300 if kind == "long" else 40 <= scene.length <= 60
        motions = [actor.motion for shot in scene.shots for actor in shot.actors]
        for curve in (curve for each in motions for curve in (each.x, each.y, each.bend)):
            assert (np.diff(curve.times) > 0).all()
            assert len(curve.times) == len(curve.values)


def test_nearly_all_objects_stand_out_from_what_is_around_them():
    differences = []
    for kind in SCENE_KINDS:
        scene = drawn(kind, 0, SIZES["small"])
        frame, masks = Film(scene, kind)[0].astype(int), scene.visible(0)
        taken = np.any(list(masks.values()), axis=0)
        for mask in masks.values():
            around = ndimage.binary_dilation(mask, iterations=4) & ~taken
            inside, outside = np.median(frame[mask], axis=0), np.median(frame[around], axis=0)
            differences.append(np.abs(inside - outside).max())
    assert len(differences) > 12
    # Now and then one begins before something that lies about and has its colour.
    assert (np.array(differences) > 25).mean() >= 0.9


@pytest.mark.parametrize("number", NUMBERS)
def test_in_occlusion_an_object_is_hidden_partly_and_wholly_and_seen_again(number):
    seen, all_of_it = areas(truth("occlusion", number), 1), areas(whole("occlusion", number), 1)
    share = seen / all_of_it
    assert (share == 0).sum() >= 4
    assert ((share > 0.1) & (share < 0.9)).sum() >= 3
    assert min(share[0], share[-1]) > 0.5


@pytest.mark.parametrize("number", NUMBERS)
def test_look_alikes_look_alike_and_meet(number):
    shot = drawn("look-alikes", number).shots[0]
    alike = [actor for actor in shot.actors if actor.object_id is not None]
    assert 2 <= len(alike) <= 3
    assert len({actor.body for actor in alike}) == 1
    frames = whole("look-alikes", number)
    assert is_apart(frames[0])
    assert is_apart(frames[-1])
    assert sum((masks[1] & masks[2]).any() for masks in frames) >= 3


@pytest.mark.parametrize("number", NUMBERS)
def test_in_leaving_an_object_is_outside_for_some_frames_and_returns(number):
    inside = areas(whole("leaving", number), 1)
    assert (inside == 0).sum() >= 6
    assert inside[-1] > 0.8 * inside[0]
    # It leaves and returns once.
    assert np.abs(np.diff((inside > 0).astype(int))).sum() == 2


@pytest.mark.parametrize("number", NUMBERS)
def test_at_a_cut_place_and_picture_change_and_the_objects_are_there_again(number):
    scene = drawn("cut", number)
    assert 2 <= len(scene.shots) <= 3
    film = Film(scene, "cut")
    for before, after in itertools.pairwise(scene.shots):
        assert after.start - before.start > 8
        assert before.backdrop.place != after.backdrop.place
        pictures = [film[after.start + step].astype(int) for step in (-2, -1, 0)]
        usual, jump = (np.abs(b - a).mean() for a, b in itertools.pairwise(pictures))
        assert jump > 3 * usual
        masks = scene.visible(after.start)
        bodies = {actor.object_id: actor.body for actor in after.actors}
        for actor in before.actors:
            if actor.object_id is not None:
                assert bodies[actor.object_id] == actor.body
                assert masks[actor.object_id].any()


@pytest.mark.parametrize("number", range(6))
def test_fast_objects_move_farther_than_their_length(number):
    frames = whole("fast", number)
    for object_id in frames[0]:
        ways = [
            np.linalg.norm(centre(after[object_id]) - centre(before[object_id]))
            for before, after in itertools.pairwise(frames)
        ]
        length = 2 * np.sqrt(frames[0][object_id].sum() / np.pi)
        # Some rest between their leaps.
        assert (np.array(ways) > 1.1 * length).mean() > 0.25


def test_in_a_long_clip_objects_change_their_looks_and_are_away_several_times():
    size = SIZES["small"]
    scene = drawn("long", 0, size)
    frames = whole("long", 0, size)
    for object_id in (1, 2):
        inside = areas(frames, object_id)
        assert (inside == 0).sum() >= 16
        assert np.abs(np.diff((inside > 0).astype(int))).sum() >= 4
    film = Film(scene, "long")
    colours = [np.median(film[index][frames[index][1]], axis=0) for index in (0, 299)]
    assert np.abs(colours[1] - colours[0]).max() > 15


@pytest.mark.parametrize("number", NUMBERS)
def test_small_objects_have_few_pixels(number):
    frames = whole("small", number)
    assert 3 <= len(frames[0]) <= 5
    assert all(areas(frames, object_id).max() < 150 for object_id in frames[0])


@pytest.mark.parametrize("number", range(6))
def test_thin_objects_are_thin_and_long(number):
    for mask in whole("thin", number)[0].values():
        assert ndimage.distance_transform_edt(mask).max() <= 4
        assert np.ptp(np.nonzero(mask), axis=1).max() > 40


@pytest.mark.parametrize("number", NUMBERS)
def test_deforming_objects_change_their_size_and_their_proportions(number):
    frames = whole("deform", number)
    for object_id in frames[0]:
        area = areas(frames, object_id)
        assert area.max() > 2.5 * area.min()
        spreads = [np.linalg.eigvalsh(np.cov(np.nonzero(each[object_id]))) for each in frames]
        ratios = [np.sqrt(large / small) for small, large in spreads]
        assert max(ratios) > 1.2 * min(ratios)


@pytest.mark.parametrize("number", NUMBERS)
def test_in_light_the_picture_grows_dark_and_bright(number):
    film = Film(drawn("light", number), "light")
    levels = [frame.mean() for frame in itertools.islice(film, 0, None, 3)]
    assert max(levels) > 2 * min(levels)


def test_another_seed_gives_another_scene_and_the_same_seed_the_same():
    assert draw_scene("light", "a", (96, 128)) == draw_scene("light", "a", (96, 128))
    assert draw_scene("light", "a", (96, 128)) != draw_scene("light", "b", (96, 128))


def test_clips_differ_in_place_shape_and_surface():
    scenes = [drawn(kind, number) for kind in SCENE_KINDS for number in NUMBERS]
    actors = [
        actor for scene in scenes for actor in scene.shots[0].actors if actor.object_id is not None
    ]
    assert len({scene.shots[0].backdrop.place for scene in scenes}) >= 7
    assert len({actor.body.look.pattern for actor in actors}) >= 7
    assert len({type(actor.body.shape) for actor in actors}) >= 4
