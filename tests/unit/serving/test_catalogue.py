"""The catalogue: the embedded model, configured ones, names."""

import pytest

from readstone.config import DefaultsConfig, ModelConfig
from readstone.core.errors import ConfigurationError, ModelNotFound
from readstone.core.model import KIND_DEFAULTS
from readstone.serving.catalogue import EMBEDDED, EXTRACT, build_catalogue

ENGINES = ("reader", "vllm")


def test_with_no_configuration_the_reader_is_served() -> None:
    catalogue = build_catalogue({}, ENGINES)

    assert list(catalogue) == [EMBEDDED, EXTRACT]
    assert catalogue.find("readstone-ocr").kind == "ocr"


def test_an_alias_finds_its_model() -> None:
    entry = ModelConfig(aliases=("Hunyuan/Hunyuan-OCR-1B",))
    catalogue = build_catalogue({"readstone-ocr": entry}, ENGINES)

    assert catalogue.find("Hunyuan/Hunyuan-OCR-1B").id == "readstone-ocr"
    assert [name for name, _ in catalogue.names()] == [
        "readstone-ocr",
        "Hunyuan/Hunyuan-OCR-1B",
        "u1-ocr-extract",
    ]


def test_a_changed_default_leaves_the_others_as_the_kind_has_them() -> None:
    entry = ModelConfig("vision", "vllm", defaults=DefaultsConfig(temperature=0.0, stream=False))

    defaults = build_catalogue({"a/b": entry}, ENGINES).find("a/b").defaults

    assert (defaults.temperature, defaults.stream) == (0.0, False)
    assert defaults.max_tokens == KIND_DEFAULTS["vision"].max_tokens


def test_a_model_has_what_its_section_says() -> None:
    entry = ModelConfig(
        "vision",
        "vllm",
        upstream="served",
        context_length=4096,
        fallback=("readstone-ocr",),
        family="qwen3-vl",
    )

    model = build_catalogue({"a": entry}, ENGINES).find("a")

    assert (model.name_at_engine, model.context_length) == ("served", 4096)
    assert (model.fallback, model.family) == (("readstone-ocr",), "qwen3-vl")


def test_an_extract_model_names_the_model_that_finds_its_values() -> None:
    entries = {
        "fields": ModelConfig("extract", "reader", language_model="seer"),
        "seer": ModelConfig("vision", "vllm"),
    }

    assert build_catalogue(entries, ENGINES).find("fields").language_model == "seer"


def test_two_ways_to_the_same_model_are_no_circle() -> None:
    entries = {
        "a": ModelConfig("ocr", "reader", fallback=("b", "readstone-ocr")),
        "b": ModelConfig("ocr", "reader", fallback=("readstone-ocr",)),
    }

    assert build_catalogue(entries, ENGINES).find("a").fallback == ("b", "readstone-ocr")


def test_an_unknown_model_is_told_with_the_nearest() -> None:
    with pytest.raises(ModelNotFound, match="Did you mean 'readstone-ocr'") as caught:
        build_catalogue({}, ENGINES).find("readston-ocr")

    assert caught.value.param == "model"


def test_of_a_name_of_megabytes_the_beginning_is_compared_and_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[str] = []

    def compare(word: str, *_: object, **__: object) -> list[str]:
        compared.append(word)
        return []

    monkeypatch.setattr("readstone.serving.catalogue.get_close_matches", compare)
    with pytest.raises(ModelNotFound, match=f"'{'x' * 200}'"):
        build_catalogue({}, ENGINES).find("x" * 10**6)
    assert compared == ["x" * 200]


def test_a_model_of_the_reader_may_have_a_profile() -> None:
    entries = {"readstone-ocr": ModelConfig(profile="best"), "b": ModelConfig("ocr", "reader")}
    catalogue = build_catalogue(entries, ENGINES)
    assert catalogue.find("readstone-ocr").profile == "best"
    assert catalogue.find("b").profile == "balanced"


def test_a_model_nothing_like_ours_is_told_without_a_guess() -> None:
    with pytest.raises(ModelNotFound) as caught:
        build_catalogue({}, ENGINES).find("gpt-4o")

    assert "Did you mean" not in caught.value.message


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({"a": ModelConfig(kind="ocr")}, r"models\.a\.engine is missing"),
        ({"a": ModelConfig(engine="reader")}, r"models\.a\.kind is missing"),
        ({"a": ModelConfig("ocr", "sglang")}, "known are: reader"),
        ({"a": ModelConfig("ocr", "reader", aliases=("readstone-ocr",))}, "names must differ"),
        ({"a": ModelConfig("ocr", "reader", aliases=("b", "b"))}, "names must differ"),
        (
            {"a": ModelConfig("ocr", "reader", fallback=("readston-ocr",))},
            r"models\.a\.fallback names 'readston-ocr'.*did you mean 'readstone-ocr'\?",
        ),
        ({"a": ModelConfig("ocr", "reader", fallback=("a",))}, "leads back .*: a → a"),
        (
            {"a": ModelConfig("extract", "reader", language_model="readston-ocr")},
            r"models\.a\.language_model is 'readston-ocr'.*did you mean 'readstone-ocr'\?",
        ),
        (
            {"a": ModelConfig("extract", "reader", language_model="readstone-ocr")},
            "of kind 'ocr': it must be a chat or vision model",
        ),
        (
            {"a": ModelConfig("extract", "reader", show_pages=True)},
            r"models\.a\.show_pages is set, but it names no language_model of kind 'vision'",
        ),
        (
            {"a": ModelConfig("ocr", "vllm", profile="fast")},
            r"models\.a\.profile is for models of the reader, and 'vllm' is another engine",
        ),
        (
            {"a": ModelConfig("chat", "reader")},
            r"models\.a\.kind is 'chat', but the reader only reads",
        ),
        ({"": ModelConfig("ocr", "reader")}, "no model can be called ''"),
        ({"a": ModelConfig("ocr", "reader", aliases=("b", "c\n"))}, "no model can be called"),
        (
            {"a": ModelConfig("extract", "reader", language_model="a")},
            "of kind 'extract': it must be a chat or vision model",
        ),
        (
            {"a": ModelConfig("chat", "vllm", language_model="readstone-ocr")},
            "only an extract model asks another",
        ),
        (
            {
                "a": ModelConfig("ocr", "reader", fallback=("b",)),
                "b": ModelConfig("ocr", "reader", fallback=("readstone-ocr", "c")),
                "c": ModelConfig("ocr", "reader", fallback=("a",)),
            },
            "leads back .*: a → b → c → a",
        ),
    ],
)
def test_a_catalogue_that_cannot_be_served_is_refused(
    entries: dict[str, ModelConfig], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        build_catalogue(entries, ENGINES)
