"""What the doctor says of engines, without starting them."""

from pathlib import Path

import pytest

from readstone.config import Config, HTTPConfig, LlamaCppConfig, ModelConfig, VLLMConfig
from readstone.core.errors import ConfigurationError
from readstone.engines import examination
from readstone.engines.examination import examine_engine
from upstream import VLLM, Flavour, upstream


async def test_a_server_is_told_with_what_it_is_and_lists() -> None:
    with upstream(VLLM, {name: {} for name in "abcdefg"}) as many:
        config = Config(engines={"gpu": HTTPConfig(url=many.url, discover=True)})
        assert await examine_engine("gpu", config) == (
            f"{many.url} is vLLM 0.33.0 and lists a, b, c, d, e and 2 more"
        )


async def test_every_address_of_an_engine_is_looked_at() -> None:
    with upstream(Flavour(""), {}) as one, upstream(VLLM, {"a": {}}) as two:
        config = Config(engines={"gpu": HTTPConfig(urls=(one.url, two.url))})
        assert await examine_engine("gpu", config) == (
            f"{one.url} is an OpenAI-compatible server and lists no model; {two.url} is vLLM 0.33.0 and lists a; "
            "no model is answered by it: set 'discover' to have all served that it lists, or add a section "
            '[models."NAME"] with engine = "gpu"'
        )
        models = {"mine": ModelConfig("chat", "gpu", upstream="a")}
        with pytest.raises(ConfigurationError, match=r"no model 'a', which models\.mine asks for"):
            await examine_engine("gpu", Config(engines=config.engines, models=models))


async def test_a_model_of_the_hub_is_told_as_not_fetched_yet(tmp_path: Path) -> None:
    section = LlamaCppConfig(model="owner/repository:file.gguf", command=("true",))
    config = Config(data_dir=tmp_path, engines={"llm": section})

    told = await examine_engine("llm", config)

    assert "file.gguf (to be fetched from https://huggingface.co at the start)" in told
    assert told.endswith(", run by true")


async def test_a_model_larger_than_the_free_memory_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "big.gguf"
    path.write_bytes(b"GGUF" + bytes(2044))
    monkeypatch.setattr(examination, "_free_memory", lambda: 1024)

    def config(gpu_layers: int | None) -> Config:
        section = LlamaCppConfig(model=str(path), command=("true",), gpu_layers=gpu_layers)
        return Config(data_dir=tmp_path, engines={"llm": section})

    with pytest.raises(ConfigurationError, match="of memory are free: take a smaller model"):
        await examine_engine("llm", config(None))
    assert "big.gguf" in await examine_engine("llm", config(99))


async def test_a_vllm_is_told_with_how_it_is_run() -> None:
    config = Config(engines={"gpu": VLLMConfig(model="a/b", command=("true", "serve"))})

    assert await examine_engine("gpu", config) == "a/b, run by true serve"


def test_the_free_memory_is_some() -> None:
    assert examination._free_memory() > 0  # pyright: ignore[reportPrivateUsage]
