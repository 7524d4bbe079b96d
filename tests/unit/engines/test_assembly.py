"""Every section becomes its engine, with what the section says; what cannot be had is told with the engine's name."""

from pathlib import Path

import pytest

from models.tiny import SEER
from readstone.config import (
    Config,
    EngineConfig,
    HTTPConfig,
    LlamaCppConfig,
    ModelConfig,
    PoolConfig,
    VLLMConfig,
)
from readstone.core.errors import ConfigurationError
from readstone.engines.assembly import build_engines
from readstone.engines.http.engine import HTTPEngine
from readstone.engines.pool.pool import Pool
from readstone.engines.supervised import Supervised
from readstone.engines.workshop import server_options


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF")
    return path


def test_the_reader_is_always_there_and_first() -> None:
    built = build_engines(Config(engines={"a": HTTPConfig(url="http://a/v1")}), cores=3)

    assert list(built) == ["reader", "a"]
    assert (built["reader"].concurrency, built["reader"].queue) == (6, 64)


def test_a_server_gets_what_its_section_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", "secret")
    section = HTTPConfig(
        url="https://a:8443/v1",
        api_key_env="A_KEY",
        headers={"x-team": "ours"},
        connect_seconds=1.0,
        first_seconds=2.0,
        silence_seconds=3.0,
        ca_file=tmp_path / "ca.pem",
        refuses=("n",),
        concurrency=7,
        queue=8,
    )
    (options,) = server_options(section)
    built = build_engines(Config(engines={"a": section}), cores=1)["a"]

    assert str(options.target) == "https://a:8443/v1"
    assert options.credentials == (("x-team", "ours"), ("authorization", "Bearer secret"))
    assert "secret" not in repr(options)
    assert (options.connect_seconds, options.first_seconds, options.silence_seconds) == (1, 2, 3)
    assert (options.ca_file, options.refused) == (tmp_path / "ca.pem", {"n"})
    assert isinstance(built.engine, HTTPEngine)
    assert (built.engine.name, built.concurrency, built.queue) == ("a", 7, 8)
    assert built.listing is None


def test_several_addresses_are_one_engine() -> None:
    section = HTTPConfig(urls=("http://a/v1", "http://b/v1"), concurrency=4, queue=9, discover=True)
    built = build_engines(Config(engines={"both": section}), cores=1)["both"]

    assert isinstance(built.engine, Pool)
    assert (built.engine.name, built.concurrency, built.queue) == ("both", 8, 9)
    assert built.listing is not None
    assert built.listing_seconds == 30


def test_a_pool_takes_its_members_in() -> None:
    engines: dict[str, EngineConfig] = {
        "both": PoolConfig(engines=("a", "b"), queue=3),
        "a": HTTPConfig(url="http://a/v1", concurrency=1),
        "b": HTTPConfig(url="http://b/v1", concurrency=2),
    }
    built = build_engines(Config(engines=engines), cores=1)

    assert list(built) == ["reader", "both"]
    assert isinstance(built["both"].engine, Pool)
    assert (built["both"].concurrency, built["both"].queue) == (3, 3)


def test_a_model_of_ours_runs_as_a_process_with_a_log(tmp_path: Path, gguf: Path) -> None:
    config = Config(
        data_dir=tmp_path,
        engines={"llm": LlamaCppConfig(model=str(gguf), mmproj=str(gguf), concurrency=3)},
        models={"tiny": ModelConfig("chat", "llm")},
    )
    built = build_engines(config, cores=1)["llm"]

    assert isinstance(built.engine, Supervised)
    assert (built.concurrency, built.queue) == (3, 256)
    assert built.log == tmp_path / "logs/llm.log"


def test_vllm_runs_as_a_process_with_a_log(tmp_path: Path) -> None:
    config = Config(
        data_dir=tmp_path,
        engines={
            "gpu": VLLMConfig(model="a/b", command=("true",)),
            "pool": PoolConfig(engines=("gpu",)),
        },
        models={"tiny": ModelConfig("chat", "pool", upstream="served")},
    )
    built = build_engines(config, cores=1)

    assert list(built) == ["reader", "pool"]


@pytest.mark.parametrize(
    ("section", "told"),
    [
        (HTTPConfig(url="ftp://a"), "is not the address of an engine"),
        (HTTPConfig(url="http://a/v1", api_key_env="NO_SUCH_KEY"), "NO_SUCH_KEY"),
        (HTTPConfig(url="http://a/v1", headers={"a": "b\n"}), "key or headers"),
        (HTTPConfig(url="http://a/v1", formats=("webp",)), "must name jpeg or png"),
        (LlamaCppConfig(model="nowhere.gguf"), "no file 'nowhere.gguf'"),
        (LlamaCppConfig(model=str(Path(__file__))), "is not a GGUF file"),
        (LlamaCppConfig(model=str(SEER / "seer.gguf"), mmproj=str(SEER)), "is a folder"),
        (LlamaCppConfig(model="a/b:c.gguf", command=("no-such-server",)), "no-such-server"),
        (VLLMConfig(model="a/b", command=("no-such-vllm",)), "no-such-vllm"),
    ],
)
def test_what_cannot_be_had_is_told_with_the_engines_name(
    tmp_path: Path, section: HTTPConfig | LlamaCppConfig | VLLMConfig, told: str
) -> None:
    models = {"m": ModelConfig("chat", "mine")}
    config = Config(data_dir=tmp_path, engines={"mine": section}, models=models)

    with pytest.raises(ConfigurationError, match=told) as caught:
        build_engines(config, cores=1)

    assert str(caught.value).startswith("engines.mine: ")


def test_a_process_that_no_model_needs_is_refused(tmp_path: Path, gguf: Path) -> None:
    config = Config(data_dir=tmp_path, engines={"llm": LlamaCppConfig(model=str(gguf))})

    with pytest.raises(ConfigurationError, match=r'engines\.llm: .*engine = "llm"'):
        build_engines(config, cores=1)
