"""Engines that another process keeps: asked where they are now, and refused while they are nowhere."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from readstone.core.chat import ChatEvent, ChatRequest, Message, TextPart
from readstone.core.engine import Engine
from readstone.core.errors import EngineCrashed, EngineFailed, EngineUnavailable
from readstone.core.model import KIND_DEFAULTS, Model
from readstone.engines.fake import FakeEngine
from readstone.engines.kept import Seen, SharedEngine
from readstone.engines.worker.shared import Pixels

UP = Seen("ready", "unix:/one:/v1", "key", "weights-1", 60.0)


class Keeper:
    """What another process told last."""

    def __init__(self) -> None:
        self.seen = Seen()
        self.heard: list[str] = []

    @property
    def worker(self) -> Pixels:
        raise AssertionError("what another process keeps of an engine is no pixels")

    def look(self, name: str) -> Seen:
        assert name == "llm"
        return self.seen

    def hear(self, name: str) -> None:
        self.heard.append(name)


class Dying(FakeEngine):
    """Breaks off, as its server does."""

    def __init__(self, keeper: Keeper, after: Seen) -> None:
        super().__init__(name="llm")
        self._keeper = keeper
        self._after = after

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ChatEvent]:
        async with aclosing(super().chat(request)) as events:
            async for event in events:
                yield event
                break
        self._keeper.seen = self._after
        raise EngineFailed("It broke off.")


@pytest.fixture
def question() -> ChatRequest:
    model = Model("llm", "chat", "llm", KIND_DEFAULTS["chat"], 16)
    message = Message("user", (TextPart("hello"),))
    return ChatRequest("id", "key", model, "llm", (message,), 10, 0, 1, 0)


@pytest.fixture
def keeper() -> Keeper:
    return Keeper()


async def _chat(engine: SharedEngine, request: ChatRequest) -> list[ChatEvent]:
    async with aclosing(engine.chat(request)) as events:
        return [event async for event in events]


async def test_it_is_asked_where_it_is_now_and_its_keeper_hears_of_it(
    keeper: Keeper, question: ChatRequest
) -> None:
    places: list[tuple[str, str]] = []

    def connect(url: str, key: str) -> Engine:
        places.append((url, key))
        return FakeEngine(name="llm")

    engine = SharedEngine("llm", connect, keeper)
    assert engine.state == "starting"
    with pytest.raises(EngineUnavailable) as caught:
        await _chat(engine, question)
    assert caught.value.retry_after == 1.0

    keeper.seen = UP
    assert (engine.state, engine.fingerprint) == ("ready", "weights-1")
    for _ in range(2):
        assert len(await _chat(engine, question)) > 1
    assert (places, keeper.heard) == ([(UP.url, UP.key)], ["llm"])

    keeper.seen = Seen("ready", "unix:/two:/v1", "other")
    await _chat(engine, question)
    assert places[1:] == [("unix:/two:/v1", "other")]
    await engine.stop()


@pytest.mark.parametrize(
    ("after", "error"), [(Seen(), EngineCrashed), (UP, EngineFailed)], ids=["dead", "alive"]
)
async def test_a_server_that_died_over_it_is_told_from_one_that_failed(
    keeper: Keeper, question: ChatRequest, after: Seen, error: type[EngineFailed]
) -> None:
    keeper.seen = UP
    engine = SharedEngine("llm", lambda _url, _key: Dying(keeper, after), keeper)

    with pytest.raises(EngineFailed) as caught:
        await _chat(engine, question)

    assert type(caught.value) is error
    await engine.stop()


def test_a_key_is_never_shown() -> None:
    assert "key" not in repr(UP)
