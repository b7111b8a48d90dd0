"""Backgrounds are squares out of photos or made up, the same for the same dice."""

import numpy as np
import pytest

from masklet.data.backgrounds import background_photos, made_up_background, photo_background
from masklet.data.scenes.dice import Dice
from masklet.data.tars import index_tar
from masklet.errors import DatasetError
from tests.data.made_packs import jpeg, png, write_tar


def photos(tmp_path, files):
    return background_photos(index_tar(write_tar(tmp_path / "b.tar", files)).files)


def test_photos_are_what_lies_in_their_folder(tmp_path):
    names = ("photo/b.jpg", "x/photo/a.PNG", "photo/info.json", "video/c/00000.jpg", "d.jpg")
    found = photos(tmp_path, dict.fromkeys(names, b""))
    assert [each.name for each in found] == ["photo/b.jpg", "x/photo/a.PNG"]


def test_of_a_photo_a_square_is_shown(tmp_path):
    wide = np.zeros((30, 90, 3), np.uint8)
    wide[..., 0] = np.arange(90) * 2
    (photo,) = photos(tmp_path, {"photo/a.png": png(wide)})
    shown = [photo_background(photo, Dice(f"{n}"), 32) for n in range(12)]
    assert all(each.shape == (32, 32, 3) and each.dtype == np.uint8 for each in shown)
    np.testing.assert_array_equal(shown[3], photo_background(photo, Dice("3"), 32))
    rises = [int(each[16, -1, 0]) - int(each[16, 0, 0]) for each in shown]
    assert all(30 <= abs(rise) <= 62 for rise in rises)
    assert {rise > 0 for rise in rises} == {True, False}, "some are mirrored"
    assert len({int(each[..., 0].min()) for each in shown}) > 6, "squares come from everywhere"


def test_a_damaged_photo_is_told(tmp_path):
    (photo,) = photos(tmp_path, {"photo/a.jpg": jpeg()[:100]})
    with pytest.raises(DatasetError, match=r"photo/a\.jpg in .*b\.tar cannot be read as a picture"):
        photo_background(photo, Dice("a"), 32)


def test_made_up_backgrounds_differ_and_come_again():
    made = [made_up_background(Dice(f"{n}"), 64) for n in range(40)]
    assert all(each.shape == (64, 64, 3) and each.dtype == np.uint8 for each in made)
    np.testing.assert_array_equal(made[7], made_up_background(Dice("7"), 64))
    spreads = [each.astype(float).std(axis=(0, 1)).max() for each in made]
    assert min(spreads) < 8, "some are plain but for their grain"
    assert max(spreads) > 30, "some are not"
    assert len({tuple(each.mean(axis=(0, 1)).round()) for each in made}) == 40
