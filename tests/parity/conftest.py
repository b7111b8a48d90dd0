"""Tests that need the same model run one after another: a large one takes seconds to make."""

from pathlib import Path

from tests.parity import modules
from tests.parity.scenarios import Scenario

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    places = [place for place, item in enumerate(items) if HERE in item.path.parents]
    in_order = sorted((items[place] for place in places), key=model_of)
    for place, item in zip(places, in_order, strict=True):
        items[place] = item


def model_of(item):
    """Config and seed of the model that a test needs."""
    params = item.callspec.params if hasattr(item, "callspec") else {}
    config, seed = "", 0
    # Without the whole set beside the repository there is no scenario in its place.
    if isinstance(params.get("scenario"), Scenario):
        config, seed = (params["scenario"].fields[name] for name in ("config", "seed"))
    elif "case" in params:
        config, seed = modules.weights_of(params["case"]) or ("", 0)
    return config, seed, item.path.name
