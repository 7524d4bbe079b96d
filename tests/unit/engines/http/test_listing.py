"""What servers list: each kind of server in its own words, and every way in which one does not answer."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.core.errors import EngineFailed, EngineUnavailable
from readstone.core.model import Offer
from readstone.engines.http.engine import HTTPOptions
from readstone.engines.http.listing import (
    Listing,
    _entries,  # pyright: ignore[reportPrivateUsage]
    _of_entry,  # pyright: ignore[reportPrivateUsage]
    _of_shown,  # pyright: ignore[reportPrivateUsage]
)
from readstone.engines.http.target import parse_target
from unit.engines.http.upstream import Upstream, saying
from upstream import OLLAMA, VLLM, Flavour, upstream

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(
            ["id", "architecture", "input_modalities", "kind", "max_model_len", "capabilities", "parameters"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


def _listing(*urls: str, key: str | None = None) -> Listing:
    return Listing([HTTPOptions(parse_target(url), api_key=key) for url in urls])


async def test_vllm_tells_its_context_and_its_names_tell_what_they_are_for() -> None:
    models = {
        "openai/gpt-oss-120b": {"max_model_len": 131072},
        "Qwen/Qwen3-VL-8B-Instruct": {"max_model_len": 32768},
        "tencent/HunyuanOCR": {},
        "Qwen/Qwen3-Embedding-8B": {},
    }
    with upstream(VLLM, models) as server:
        listed = await _listing(server.url).look()

    assert listed.server == "vLLM 0.33.0"
    assert listed.names == tuple(models)
    assert listed.offers == (
        Offer("openai/gpt-oss-120b", "chat", 131072),
        Offer("Qwen/Qwen3-VL-8B-Instruct", "vision", 32768),
        Offer("tencent/HunyuanOCR", "ocr"),
    )


async def test_ollama_is_asked_what_each_model_can_do() -> None:
    with upstream(OLLAMA, {name: {} for name in OLLAMA.shows}) as server:
        listed = await _listing(server.url).look()

    assert listed.server == "Ollama 0.12.3"
    assert listed.offers == (
        Offer("llama3.2:3b", "chat"),
        Offer("mistral:latest", "chat", None, ("mistral",)),
        Offer("gemma3:4b", "vision", 8192),
    )


@pytest.mark.parametrize(
    ("modalities", "kind"), [({"vision": True}, "vision"), ({"vision": False}, "chat")]
)
async def test_llama_cpp_tells_whether_it_sees_and_what_a_slot_holds(
    modalities: dict[str, bool], kind: str
) -> None:
    props = {
        "modalities": modalities,
        "default_generation_settings": {"n_ctx": 4096},
        "build_info": "b11549",
    }
    with upstream(Flavour("llamacpp", {"/props": props}), {"seer": {}}) as server:
        listed = await _listing(server.url).look()

    assert listed.server == "llama.cpp b11549"
    assert [(offer.name, offer.kind, offer.context_length) for offer in listed.offers] == [
        ("seer", kind, 4096)
    ]


async def test_hosted_apis_and_servers_like_ours_tell_in_the_list() -> None:
    models = {
        "big/eyes": {"architecture": {"input_modalities": ["text", "image"]}, "context_length": 9},
        "router/one": {"meta": {"n_ctx": 2048}, "architecture": None},
        "big/blind-vl": {"architecture": {"input_modalities": ["text"]}},
        "readstone-ocr": {"kind": "ocr"},
        "text-embedding-3-small": {},
    }
    with upstream(Flavour("someone"), models) as server:
        offers = await _listing(server.url).ask()

    assert offers == (
        Offer("big/eyes", "vision", 9),
        Offer("router/one", "chat", 2048),
        Offer("big/blind-vl", "chat"),
        Offer("readstone-ocr", "ocr"),
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Qwen/Qwen2.5-VL-7B-Instruct", "vision"),
        ("meta-llama/Llama-3.2-11B-Vision-Instruct", "vision"),
        ("llava:13b", "vision"),
        ("deepseek-ai/DeepSeek-OCR", "ocr"),
        ("rednote-hilab/dots.ocr", "ocr"),
        ("PaddleOCR-VL", "ocr"),
        ("mediocre-7b", "chat"),
        ("openai/gpt-oss-120b", "chat"),
        ("vlad/story-9b", "chat"),
    ],
)
def test_a_name_tells_where_nobody_else_does(name: str, kind: str) -> None:
    offer = _of_entry(name, {})

    assert offer is not None
    assert offer.kind == kind


async def test_a_server_that_is_not_there_is_unavailable_and_the_next_is_asked() -> None:
    with upstream(VLLM, {"a": {}}) as gone:
        dead = gone.url
    with pytest.raises(EngineUnavailable, match="does not answer"):
        await _listing(dead).ask()

    with upstream(VLLM, {"a": {}}) as server:
        assert await _listing(dead, server.url).ask() == (Offer("a", "chat"),)


async def test_a_key_is_sent_and_a_refused_one_is_told_without_the_servers_words() -> None:
    with upstream(VLLM, {"a": {}}, key="k") as server:
        assert await _listing(server.url, key="k").ask() == (Offer("a", "chat"),)
        with pytest.raises(EngineFailed, match="refuses the key") as caught:
            await _listing(server.url, key="wrong").ask()

        with pytest.raises(EngineFailed, match="asks for a key: name the environment variable"):
            await _listing(server.url).ask()

    assert "secret" not in caught.value.message


async def test_an_address_without_its_path_is_told() -> None:
    with (
        upstream(VLLM, {"a": {}}) as server,
        pytest.raises(EngineFailed, match="often ends in /v1"),
    ):
        await _listing(server.url.removesuffix("/v1")).ask()


async def test_an_address_that_is_elsewhere_is_told_and_not_followed() -> None:
    moved = b"HTTP/1.1 301 Moved\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n"
    async with Upstream(saying(moved)).open() as server:
        with pytest.raises(EngineFailed, match="gives 301: it is elsewhere"):
            await _listing(server.url + "/v1").ask()


@given(data=JSON)
def test_whatever_a_server_says_is_read_or_left_out(data: object) -> None:
    for name, entry in _entries(data).items():
        _of_entry(name, entry)
        _of_shown(name, entry)


@given(names=st.lists(st.text(max_size=300)))
def test_names_are_unique_and_can_be_shown(names: Sequence[str]) -> None:
    found = list(_entries([{"id": name} for name in names]))

    assert len(found) == len(set(found))
    assert all(name.isprintable() and 0 < len(name) <= 256 for name in found)
