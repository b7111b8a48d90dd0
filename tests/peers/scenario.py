"""One more scenario, whose answers are not stored: the peers give them when asked."""

import dataclasses

from tests.parity.scenarios import COMMITTED, Scenario, read_scenario

# What two correct implementations were seen to differ by, times four or more.
LIMITS = {
    "features": 5e-5,
    "masks": 2e-4,
    "low_res": 2e-4,
    "iou": 5e-6,
    "area_fraction": 1e-4,
}


def scenario_for(config: str) -> Scenario:
    """Every kind of prompt on a picture and with weights that no golden has."""
    stored = read_scenario("i_t21_480x854", COMMITTED)
    image = {"h": 480, "w": 854, "seed": 97, "n_objects": 6}
    fields = {**stored.fields, "config": config, "seed": 31, "image": image}
    return dataclasses.replace(stored, name="unstored", fields=fields)
