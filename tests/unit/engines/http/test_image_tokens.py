import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.core.model import Family
from readstone.engines.http.family import family_of
from readstone.engines.http.image_tokens import (
    HUNYUAN_OCR,
    LLAMA_TILE_TOKENS,
    QWEN2_VL,
    QWEN3_VL,
    Grid,
    estimate,
    estimate_all,
)

KNOWN: list[tuple[int, int, int, int, int, int]] = [
    (1240, 1754, 2772, 2145, 2202, 6404),
    (2480, 3508, 11125, 8580, 8692, 6404),
    (640, 480, 391, 300, 317, 3202),
    (100, 100, 16, 64, 274, 1601),
    (4000, 3000, 15301, 11750, 11846, 6404),
    (8000, 6000, 16170, 16170, 16282, 6404),
    (28, 28, 4, 64, 274, 1601),
]
"""Width, height, then what transformers 5.23's processors count: Qwen2.5-VL, Qwen3-VL, HunyuanOCR, Llama 3.2."""

SIDES = st.integers(1, 12_000)


@pytest.mark.parametrize(("width", "height", "qwen2", "qwen3", "hunyuan", "llama"), KNOWN)
def test_estimates_are_what_the_models_own_processors_count(
    width: int, height: int, qwen2: int, qwen3: int, hunyuan: int, llama: int
) -> None:
    assert estimate("qwen2-vl", width, height) == qwen2
    assert estimate("qwen3-vl", width, height) == qwen3
    assert estimate("hunyuan-ocr", width, height) == hunyuan
    assert estimate("llama-vision", width, height) == llama


def test_a_model_of_the_same_family_with_smaller_bounds_counts_by_the_same_rule() -> None:
    small = Grid(cell=28, least=3136, most=50_176)  # the tiny model of the tests, seen in an engine

    assert small.cells(168, 196) == (6, 7)
    assert small.cells(256, 192) == (9, 7)
    assert small.cells(300, 200) == (9, 6)


@given(SIDES, SIDES)
def test_scaled_images_keep_the_bounds_of_their_family(width: int, height: int) -> None:
    for grid in (QWEN2_VL, QWEN3_VL, HUNYUAN_OCR):
        if max(width, height) > 200 * min(width, height):
            with pytest.raises(ValueError, match="200"):
                grid.cells(width, height)
            continue
        columns, rows = grid.cells(width, height)
        assert columns >= 1
        assert rows >= 1
        # A side of one cell cannot shrink, so a thin image may exceed the bound by as much as that takes.
        thin = min(columns, rows) == 1
        assert thin or columns * rows * grid.cell**2 <= grid.most


@given(SIDES, SIDES)
def test_an_image_for_llama_takes_one_to_four_tiles(width: int, height: int) -> None:
    tokens = estimate("llama-vision", width, height)

    assert tokens is not None
    assert tokens % LLAMA_TILE_TOKENS == 0
    assert 1 <= tokens // LLAMA_TILE_TOKENS <= 4


def test_what_is_not_known_is_not_guessed() -> None:
    assert estimate("generic", 100, 100) is None
    assert estimate("qwen2-vl", 10_000, 10) is None
    assert estimate_all("qwen2-vl", [(100, 100), (10_000, 10)], 5000) is None
    assert estimate_all("generic", [(100, 100)], 5000) is None


def test_images_of_a_prompt_are_counted_together() -> None:
    assert estimate_all("qwen2-vl", [(100, 100), (28, 28)], 50) == 20
    assert estimate_all("qwen2-vl", [], 50) == 0


def test_an_estimate_that_the_engine_contradicts_is_not_told() -> None:
    assert estimate_all("llama-vision", [(560, 560)], 40) is None
    assert estimate_all("qwen2-vl", [(100, 100)], 16) == 16
    assert estimate_all("qwen2-vl", [(100, 100)], 15) is None


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("tencent/HunyuanOCR", "hunyuan-ocr"),
        ("Hunyuan/Hunyuan-OCR-1B", "hunyuan-ocr"),
        ("hunyuanocr-1.5-f16.gguf", "hunyuan-ocr"),
        ("Qwen/Qwen2-VL-2B-Instruct", "qwen2-vl"),
        ("Qwen/Qwen2.5-VL-7B-Instruct", "qwen2-vl"),
        ("qwen2.5vl:7b", "qwen2-vl"),
        ("Qwen/Qwen3-VL-235B-A22B-Instruct-FP8", "qwen3-vl"),
        ("qwen3-vl:8b", "qwen3-vl"),
        ("meta-llama/Llama-3.2-11B-Vision-Instruct", "llama-vision"),
        ("llama3.2-vision:11b", "llama-vision"),
        ("meta-llama/Llama-3.2-3B-Instruct", "generic"),
        ("Qwen/Qwen3-32B", "generic"),
        ("openai/gpt-oss-120b", "generic"),
        ("", "generic"),
    ],
)
def test_a_models_name_tells_its_family(name: str, family: Family) -> None:
    assert family_of(name) == family
