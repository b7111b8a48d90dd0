"""Scenes of cut-outs come again the same, and their masks are what is seen in them."""

import pickle
from collections import Counter

import numpy as np
import pytest
import torch

from masklet.data.cutout_scenes import SIDE, CutoutScene, scenes_of
from masklet.data.motion import MotionOptions, animate
from masklet.data.packed_cutouts import cutouts_in
from masklet.data.packs import open_cutout_pack
from masklet.data.readings import contents_of, origin_of, read_clip
from masklet.data.spans import Span
from masklet.data.tars import index_tar
from masklet.errors import DatasetError
from masklet.ops import rle
from tests.data.coded_clips import generator
from tests.data.made_packs import box, cutout_json, cutouts, jpeg, png, rgba, write_tar

COUNT = 24
EDGES = (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1])


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packs")
    write_tar(folder / "cutouts.tar", cutouts(*(f"{n:05d}" for n in range(COUNT))))
    return write_tar(folder / "backgrounds.tar", {"photo/a.jpg": jpeg(99)}).parent


@pytest.fixture(scope="module")
def scenes(pack):
    """Half of them before photos."""
    return open_cutout_pack([pack / "cutouts.tar"], [pack / "backgrounds.tar"]).items


def masks_of(scene):
    return {each.object_id: rle.decode(each.segmentation) for each in scene.objects()}


def coloured(folder, *colours):
    """Plain cut-outs, which say by their colours where they lie, and no other picture does."""
    files = {}
    for number, colour in enumerate(colours):
        files[f"{number}.png"] = png(rgba(box(0, 0, 20, 30), colour))
        files[f"{number}.json"] = cutout_json()
    return tuple(cutouts_in(index_tar(write_tar(folder / "plain.tar", files)).files))


def test_there_is_a_scene_for_every_cut_out_and_others_are_in_it(scenes):
    assert [scene.name for scene in scenes] == [f"{n:05d}" for n in range(COUNT)]
    assert all(scene.cutouts[0].name == scene.name for scene in scenes)
    counts = Counter(len(scene.cutouts) for scene in scenes)
    assert (min(counts), max(counts)) == (1, 5)
    assert any(scene.cutouts[0] in scene.cutouts[1:] for scene in scenes), "some have a twin"
    assert 0.5 < sum(scene.photo is not None for scene in scenes) / COUNT < 1


def test_a_scene_comes_again_the_same(pack, scenes):
    again = open_cutout_pack([pack / "cutouts.tar"], [pack / "backgrounds.tar"]).items
    for scene in scenes[:4]:
        copy = pickle.loads(pickle.dumps(scene))
        assert copy == scene == again[int(scene.name)]
        np.testing.assert_array_equal(copy.image(), scene.image())
        assert copy.objects() == scene.objects()
    other = scenes_of([scene.cutouts[0] for scene in scenes], [], "other")[0]
    assert not np.array_equal(other.image(), scenes[0].image())


def test_a_scene_is_a_picture_with_an_object_at_least(scenes):
    for scene in scenes[::2]:
        image, objects = scene.image(), scene.objects()
        assert (image.shape, image.dtype) == ((SIDE, SIDE, 3), np.uint8)
        assert image.flags.writeable
        assert [each.object_id for each in objects] == list(range(1, len(objects) + 1))
        assert {tuple(each.segmentation["size"]) for each in objects} == {(SIDE, SIDE)}
        wholes = sum(each.kind == "instance" for each in objects)
        assert 1 <= wholes <= len(scene.cutouts)
        assert min(rle.area(each.segmentation) for each in objects) >= 32


def test_objects_do_not_overlap_and_parts_lie_within_their_parents(scenes):
    for scene in scenes:
        masks = masks_of(scene)
        wholes = [masks[each.object_id] for each in scene.objects() if each.kind == "instance"]
        assert np.sum(wholes, axis=0).max() == 1
        for each in scene.objects():
            assert (each.parent is None) == (each.kind == "instance")
            if each.parent is not None:
                inner, outer = masks[each.object_id], masks[each.parent]
                assert not (inner & ~outer).any()
                assert inner.sum() < 0.9 * outer.sum()
    kinds = Counter(each.kind for scene in scenes for each in scene.objects())
    assert kinds["part"] > kinds["instance"]


def test_masks_are_what_is_seen(tmp_path):
    red, blue = (255, 0, 0), (0, 0, 255)
    found = 0
    for number in range(12):
        scene = CutoutScene("0", f"{number}", coloured(tmp_path, red, blue), None)
        # A mask holds the pixels that are mostly of one cut-out: others are mostly something else.
        image, masks = scene.image().astype(int), masks_of(scene)
        for colour in (red, blue):
            is_shown = np.abs(image - colour).max(axis=2) <= 3
            best = max((mask & is_shown).sum() / mask.sum() for mask in masks.values())
            if is_shown.sum() < 400:
                continue
            found += 1
            (mask,) = (m for m in masks.values() if (m & is_shown).sum() / m.sum() == best)
            assert not (is_shown & ~mask).any()
            edge = mask & ~is_shown
            assert edge.sum() < 6 * np.sqrt(mask.sum()), "only soft edges differ"
    assert found > 12


def test_what_is_nearly_hidden_is_not_asked_for(tmp_path):
    cutouts = coloured(tmp_path, *[(9, 9, 9)] * 5)
    listed = [
        sum(each.kind == "instance" for each in CutoutScene("0", f"{n}", cutouts, None).objects())
        for n in range(30)
    ]
    assert max(listed) == 5
    assert min(listed) in (2, 3, 4)


def test_a_scene_tells_which_file_is_damaged(tmp_path, scenes):
    files = cutouts("0") | {"0.json": b"{"}
    dataset = open_cutout_pack([write_tar(tmp_path / "a.tar", files)])
    with pytest.raises(DatasetError, match=r"0\.json in .*a\.tar is no JSON"):
        dataset.items[0].objects()
    photo = Span(tmp_path / "gone.tar", "photo/a.jpg", 0, 9)
    with pytest.raises(DatasetError, match=r"gone\.tar cannot be read"):
        CutoutScene("0", "0", scenes[0].cutouts, photo).image()


STRAIGHT = MotionOptions(
    **dict.fromkeys(("elsewhere", "twin", "occluder", "leaving", "smear", "turn", "growth"), 0.0),
    **dict.fromkeys(("camera_way", "tilt", "bend", "drift"), 0.0),
    mover=1.0,
    way=0.2,
    sizes=(0.003, 0.9),
)


def middle(mask):
    return torch.nonzero(mask).float().mean(dim=0)


def test_in_clips_made_of_scenes_parts_move_with_their_object(scenes):
    scene = next(each for each in scenes if len(each.cutouts) == 1)
    contents = contents_of(scene, origin_of(scene, "cutouts"), side=64, smallest=16)
    assert contents.kinds == ("instance", "part", "part")
    assert contents.parents == (-1, 0, 1)
    still = read_clip(scene, contents, frames=[0], objects=[0, 1, 2], side=64)
    moves = 0
    for seed in range(12):
        clip = animate(still, length=2, options=STRAIGHT, generator=generator(seed))
        if not clip.known_VTK[0, :, :3].all():
            continue  # a part leads, and of what it is in nobody knows
        whole, half, piece = zip(*clip.masks_VTKHW[0, :, :3], strict=True)
        is_cut_off = any(mask[edge].any() for mask in whole for edge in EDGES)
        if is_cut_off:
            continue
        moves += 1
        way = middle(whole[1]) - middle(whole[0])
        assert way.norm() > 1
        for part in (half, piece):
            torch.testing.assert_close(middle(part[1]) - middle(part[0]), way, atol=0.7, rtol=0)
            assert all((inner & ~outer).sum() < 5 for inner, outer in zip(part, whole, strict=True))
    assert moves > 5
