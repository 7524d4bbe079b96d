"""The catalogue: the embedded model, configured ones, names."""

import pytest

from readstone.config import DefaultsConfig, ModelConfig
from readstone.core.errors import ConfigurationError, ModelNotFound
from readstone.core.model import KIND_DEFAULTS
from readstone.serving.catalogue import EMBEDDED, build_catalogue

ENGINES = ("reader",)


def test_with_no_configuration_the_reader_is_served() -> None:
    catalogue = build_catalogue({}, ENGINES)

    assert list(catalogue) == [EMBEDDED]
    assert catalogue.find("readstone-ocr").kind == "ocr"


def test_an_alias_finds_its_model() -> None:
    entry = ModelConfig(aliases=("Hunyuan/Hunyuan-OCR-1B",))
    catalogue = build_catalogue({"readstone-ocr": entry}, ENGINES)

    assert catalogue.find("Hunyuan/Hunyuan-OCR-1B").id == "readstone-ocr"
    assert [name for name, _ in catalogue.names()] == ["readstone-ocr", "Hunyuan/Hunyuan-OCR-1B"]


def test_a_changed_default_leaves_the_others_as_the_kind_has_them() -> None:
    entry = ModelConfig("vision", "reader", defaults=DefaultsConfig(temperature=0.0, stream=False))

    defaults = build_catalogue({"a/b": entry}, ENGINES).find("a/b").defaults

    assert (defaults.temperature, defaults.stream) == (0.0, False)
    assert defaults.max_tokens == KIND_DEFAULTS["vision"].max_tokens


def test_an_unknown_model_is_told_with_the_nearest() -> None:
    with pytest.raises(ModelNotFound, match="Did you mean 'readstone-ocr'") as caught:
        build_catalogue({}, ENGINES).find("readston-ocr")

    assert caught.value.param == "model"


def test_a_model_nothing_like_ours_is_told_without_a_guess() -> None:
    with pytest.raises(ModelNotFound) as caught:
        build_catalogue({}, ENGINES).find("gpt-4o")

    assert "Did you mean" not in caught.value.message


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({"a": ModelConfig(kind="ocr")}, r"models\.a\.engine is missing"),
        ({"a": ModelConfig(engine="reader")}, r"models\.a\.kind is missing"),
        ({"a": ModelConfig("ocr", "vllm")}, "known are: reader"),
        ({"a": ModelConfig("ocr", "reader", aliases=("readstone-ocr",))}, "names must differ"),
        ({"a": ModelConfig("ocr", "reader", aliases=("b", "b"))}, "names must differ"),
    ],
)
def test_a_catalogue_that_cannot_be_served_is_refused(
    entries: dict[str, ModelConfig], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        build_catalogue(entries, ENGINES)
