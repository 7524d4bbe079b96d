"""Each profile reads plain print; a profile is loaded once, when it is asked for."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from benchmarks.reader.score import score
from PIL import Image

from readstone.core.model import Profile
from readstone.engines.reader.profiles import BALANCED, GATES
from readstone.engines.reader.readers import Readers
from readstone.engines.reader.weights import Weights

DATA = Path(__file__).parents[3] / "data"
PROFILES: tuple[Profile, ...] = get_args(Profile)
# As measured, less a hundredth for processors that round otherwise.
F1 = {
    "receipt": 0.974,
    "invoice": 0.99,
    "columns": 0.99,
    "screen": 0.97,
    "languages": 0.99,
    "vertical": 0.99,
}


@pytest.fixture(scope="module")
def readers(weights: Weights) -> Readers:
    return Readers(weights)


@pytest.mark.parametrize("name", F1)
@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_reads_the_sample_pages_as_well_as_it_did(
    readers: Readers, profile: Profile, name: str
) -> None:
    reader = readers.load(profile)
    (page,) = (page for page in DATA.glob(f"{name}.*") if page.suffix in {".jpg", ".png"})
    picture = np.asarray(Image.open(page).convert("RGB"), np.uint8)
    lines = [reader.recognise(crop) for crop in reader.prepare(picture).crops]
    text = " ".join(line.text for line in lines if line is not None)
    truth = (DATA / f"{name}.txt").read_text(encoding="utf-8")
    assert score(truth, text).f1 >= F1[name]


def test_a_profile_is_loaded_once_whoever_asks(weights: Weights) -> None:
    readers = Readers(weights)
    assert readers.at_hand("fast") is None
    with ThreadPoolExecutor(3) as pool:
        loaded = set(pool.map(readers.load, ["fast", "fast", "fast"]))
    assert loaded == {readers.at_hand("fast")}
    assert readers.at_hand(BALANCED) is None


def test_the_fast_profile_asks_the_better_model_less_often() -> None:
    fast, balanced = GATES["fast"], GATES["balanced"]
    assert fast.letter < balanced.letter
    assert fast.space < balanced.space
    assert fast.unread > balanced.unread
