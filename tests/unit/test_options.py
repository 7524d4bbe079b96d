"""The options that add engines, as the settings they stand for."""

import argparse

import pytest

from readstone.config import HTTPConfig, LlamaCppConfig, ModelConfig, load_config
from readstone.core.errors import ConfigurationError
from readstone.options import add_engine_options, engine_settings


def _settings(*arguments: str) -> dict[str, object]:
    parser = argparse.ArgumentParser()
    add_engine_options(parser)
    return engine_settings(parser.parse_args(arguments))


def test_nothing_asked_sets_nothing() -> None:
    assert _settings() == {}


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("http://127.0.0.1:11434", "http://127.0.0.1:11434/v1"),
        ("http://127.0.0.1:11434/", "http://127.0.0.1:11434/v1"),
        ("https://a/api/v3", "https://a/api/v3"),
        ("unix:/run/vllm.sock", "unix:/run/vllm.sock:/v1"),
        ("unix:/run/vllm.sock:/v1", "unix:/run/vllm.sock:/v1"),
    ],
)
def test_an_upstream_is_an_engine_whose_models_are_found(given: str, url: str) -> None:
    config = load_config(None, _settings("--upstream", given))

    assert config.engines == {"upstream": HTTPConfig(url=url, discover=True)}


def test_each_upstream_has_its_own_key() -> None:
    settings = _settings(
        *("--upstream", "http://a/v1", "--upstream-key-env", ""),
        *("--upstream", "http://b/v1", "--upstream-key-env", "B_KEY"),
        *("--upstream", "http://c/v1"),
    )

    assert load_config(None, settings).engines == {
        "upstream": HTTPConfig(url="http://a/v1", discover=True),
        "upstream-2": HTTPConfig(url="http://b/v1", discover=True, api_key_env="B_KEY"),
        "upstream-3": HTTPConfig(url="http://c/v1", discover=True),
    }


def test_a_key_given_for_the_name_of_its_variable_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigurationError, match="not the key itself") as caught:
        _settings("--upstream", "http://a/v1", "--upstream-key-env", "sk-secret-1")

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "name", "kind"),
    [
        (["--llm", "/models/Qwen3-0.6B-Q8_0.gguf"], "Qwen3-0.6B-Q8_0", "chat"),
        (["--llm", "big-00001-of-00003.gguf"], "big", "chat"),
        (["--llm", "Qwen/Qwen3-0.6B-GGUF:q8/Qwen3.gguf"], "Qwen3", "chat"),
        (["--llm", "eyes.gguf", "--mmproj", "mmproj.gguf"], "eyes", "vision"),
        (["--llm", "eyes.gguf", "--llm-name", "my/eyes"], "my/eyes", "chat"),
    ],
)
def test_a_model_of_ours_is_an_engine_and_a_model(
    arguments: list[str], name: str, kind: str
) -> None:
    config = load_config(None, _settings(*arguments))

    engine = config.engines["llm"]
    assert isinstance(engine, LlamaCppConfig)
    assert (engine.model, engine.mmproj) == (
        arguments[1],
        "mmproj.gguf" if kind == "vision" else None,
    )
    entry = config.models[name]
    assert isinstance(entry, ModelConfig)
    assert (entry.kind, entry.engine) == (kind, "llm")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--mmproj", "a.gguf"], "go with --llm"),
        (["--llm-name", "a"], "go with --llm"),
        (["--upstream-key-env", "A"], "each key is of one upstream"),
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments: list[str], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        _settings(*arguments)
