"""A session runs one model for several threads at once."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from readstone.engines.reader.session import Session
from readstone.engines.reader.weights import Weights


@pytest.fixture(scope="module")
def session(weights: Weights) -> Session:
    return Session(weights.recogniser)


def test_the_recogniser_gives_a_probability_per_column_and_class(session: Session) -> None:
    out = session.run(np.zeros((1, 3, 48, 96), np.float32))
    assert out.shape == (1, 12, 18710)
    assert np.allclose(out.sum(axis=2), 1, atol=1e-3)


def test_threads_get_the_answers_of_their_own_questions(session: Session) -> None:
    shades = np.linspace(-1, 1, 4, dtype=np.float32)
    batches = [np.full((1, 3, 48, 96), shade, np.float32) for shade in shades]
    alone = [session.run(batch) for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(session.run, batches * 3))
    for position, answer in enumerate(together):
        assert np.array_equal(answer, alone[position % 4])


def test_the_alphabet_is_in_the_models_metadata(session: Session) -> None:
    assert len(session.metadata("character").split("\n")) == 18708


def test_metadata_that_is_not_there_is_a_key_error(session: Session) -> None:
    with pytest.raises(KeyError):
        session.metadata("no such key")
