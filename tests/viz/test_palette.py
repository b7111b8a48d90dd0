"""Colours stay with an id and differ, also for people who see fewer colours."""

import numpy as np
import numpy.typing as npt
import pytest

from masklet.viz.palette import BESIDE, ON, colour_of

Array = npt.NDArray[np.float64]

# Machado et al. 2009, full severity, for linear RGB.
VISION = {
    "full colour vision": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def oklab(colours: list[tuple[int, int, int]], vision: Array) -> Array:
    """Ottosson 2020."""
    levels = np.array(colours) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ vision.T, 0, 1)
    cones = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    opponents = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    lab: Array = np.cbrt(seen @ cones.T) @ opponents.T
    return lab


def smallest_difference(colours: list[tuple[int, int, int]], vision: Array) -> float:
    lab = oklab(colours, vision)
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=2)
    return float(apart[~np.eye(len(colours), dtype=bool)].min())


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize(("count", "difference"), [(4, 0.19), (6, 0.11), (12, 0.06)])
def test_the_first_colours_can_be_told_apart(vision: str, count: int, difference: float) -> None:
    # 0.02 is about what an eye can just tell apart side by side (OKLab units).
    colours = [colour_of(number) for number in range(1, count + 1)]
    assert smallest_difference(colours, VISION[vision]) > difference


def test_the_colours_of_36_objects_differ() -> None:
    assert len({colour_of(number) for number in range(1, 37)}) == 36
    assert smallest_difference([colour_of(n) for n in range(1, 37)], np.eye(3)) > 0.04


@pytest.mark.parametrize("object_id", [-5, 0, 1, 2, 36, 37, 10**9])
def test_any_id_has_a_colour_and_keeps_it(object_id: int) -> None:
    colour = colour_of(object_id)
    assert colour == colour_of(object_id)
    assert all(isinstance(level, int) and 0 <= level <= 255 for level in colour)


def test_saved_pictures_keep_their_meaning_the_first_colours_never_change() -> None:
    assert [colour_of(number) for number in (1, 2, 3)] == [
        (30, 136, 255),
        (255, 214, 10),
        (238, 39, 55),
    ]


@pytest.mark.parametrize("vision", ["full colour vision", "tritanopia"])
def test_the_two_kinds_of_clicks_differ_in_colour(vision: str) -> None:
    assert smallest_difference([ON, BESIDE], VISION[vision]) > 0.2
