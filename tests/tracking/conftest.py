"""A real model, tiny, and a clip of moving shapes."""

import pytest

from tests.tracking.made import made_model, moving_shapes


@pytest.fixture(scope="session")
def model():
    return made_model()


@pytest.fixture(scope="session")
def clip():
    return moving_shapes()
