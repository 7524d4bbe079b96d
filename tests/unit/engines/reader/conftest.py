"""Fixtures of the reader's tests: the models are loaded once for all of them."""

import pytest

from readstone.engines.reader.weights import Weights, find_weights
from unit.engines.reader.desk import Desk


@pytest.fixture(scope="session")
def weights() -> Weights:
    return find_weights()


@pytest.fixture(scope="session")
def desk(weights: Weights) -> Desk:
    return Desk(weights)
