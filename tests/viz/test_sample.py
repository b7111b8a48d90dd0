"""The sample picture shows what it says, with exact masks."""

import numpy as np
import pytest

from masklet.ops.contours import polygons, signed_area
from masklet.viz.sample import NAMES, Sample, sample_picture


@pytest.fixture(scope="module")
def sample() -> Sample:
    return sample_picture((320, 480))


def test_every_object_is_seen_and_none_covers_another(sample: Sample) -> None:
    assert sample.image.shape == (320, 480, 3)
    assert sample.image.dtype == np.uint8
    assert sample.masks.shape == (len(NAMES), 320, 480)
    assert (sample.masks.sum(axis=(1, 2)) > 400).all()
    assert sample.masks.sum(axis=0).max() == 1


@pytest.mark.parametrize("name", ["mug", "ring"])
def test_the_mug_and_the_ring_have_a_hole(sample: Sample, name: str) -> None:
    areas = [signed_area(ring) for ring in polygons(sample.masks[NAMES.index(name)])]
    assert min(areas) < -400


def test_the_straw_and_the_stems_are_thin(sample: Sample) -> None:
    straw, cherries = sample.masks[NAMES.index("straw")], sample.masks[NAMES.index("cherries")]
    assert 2 <= straw[40:100].sum(axis=1).mean() <= 9
    assert cherries[180:215].sum(axis=1).max() <= 16


def test_the_orange_stands_before_the_ring_and_the_tin(sample: Sample) -> None:
    orange = sample.masks[NAMES.index("orange")]
    for name in ("ring", "tin"):
        behind = sample.masks[NAMES.index(name)]
        beside = np.roll(orange, 1, 1) | np.roll(orange, -1, 1) | np.roll(orange, -1, 0)
        assert (beside & behind).sum() > 20


def test_the_picture_is_the_same_every_time() -> None:
    one, other = sample_picture((40, 60)), sample_picture((40, 60))
    np.testing.assert_array_equal(one.image, other.image)
    np.testing.assert_array_equal(one.masks, other.masks)


def test_the_scene_does_not_depend_on_the_size(sample: Sample) -> None:
    small = sample_picture((80, 120)).masks
    shares = small.mean(axis=(1, 2)) / sample.masks.mean(axis=(1, 2))
    np.testing.assert_allclose(shares, 1, atol=0.12)


def test_the_picture_is_neither_dark_nor_burnt_out(sample: Sample) -> None:
    assert 60 < sample.image.mean() < 190
    assert (sample.image == 255).mean() < 0.02
    assert (sample.image.max(axis=2) < 8).mean() < 0.02
