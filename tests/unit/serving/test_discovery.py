"""Discovery: the catalogue follows what engines list."""

import asyncio
from collections.abc import Sequence

import pytest

from readstone.config import ModelConfig
from readstone.core.errors import ConfigurationError, EngineFailed, EngineUnavailable, ModelNotFound
from readstone.core.model import Offer
from readstone.serving.catalogue import EMBEDDED, EXTRACT, Catalogue, build_catalogue
from readstone.serving.discovery import Discovery, Source

ENGINES = ("reader", "ollama", "gpu")


class Script:
    """Answers each question with the next of its answers, the last one for ever."""

    def __init__(self, *answers: Sequence[Offer] | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def ask(self) -> tuple[Offer, ...]:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return tuple(answer)


class Clock:
    """A sleep that ends when the test says so."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.asleep = asyncio.Event()
        self._wake = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.asleep.set()
        await self._wake.wait()
        self._wake.clear()

    async def next(self) -> None:
        """Let the sleeper go on, and wait until it sleeps again."""
        await self.asleep.wait()
        self.asleep.clear()
        self._wake.set()
        await self.asleep.wait()


def _ids(catalogue: Catalogue) -> list[str]:
    """The models beside the embedded ones."""
    return [model.id for model in catalogue if model.id not in {EMBEDDED.id, EXTRACT.id}]


async def test_what_an_engine_lists_is_served_from_the_start() -> None:
    catalogue = build_catalogue({}, ENGINES)
    discovery = Discovery(
        catalogue,
        {
            "ollama": Source(Script([Offer("llama", "chat", 4096)]), 30),
            "gpu": Source(Script([Offer("eyes", "vision")]), 30),
        },
        Clock().sleep,
    )
    await discovery.start(5)
    await discovery.stop()

    assert _ids(catalogue) == ["llama", "eyes"]
    llama = catalogue.find("llama")
    assert (llama.kind, llama.engine, llama.context_length) == ("chat", "ollama", 4096)
    assert catalogue.find("eyes").defaults.max_tokens == 16384


async def test_an_engine_that_has_no_model_yet_is_told_and_holds_up_no_start() -> None:
    catalogue = build_catalogue({}, ENGINES)
    clock = Clock()
    script = Script([], [Offer("a", "chat")])
    discovery = Discovery(catalogue, {"ollama": Source(script, 30)}, clock.sleep)
    await discovery.start(5)
    told = dict(discovery.troubles)
    await clock.next()
    await discovery.stop()

    assert told == {"ollama": "It answers, and lists no model for chats so far."}
    assert (_ids(catalogue), discovery.troubles) == (["a"], {})


async def test_what_comes_and_goes_is_followed() -> None:
    catalogue = build_catalogue({}, ENGINES)
    clock = Clock()
    script = Script(
        [Offer("a", "chat")],
        [Offer("a", "chat"), Offer("b", "chat")],
        EngineUnavailable("It does not answer."),
        [Offer("b", "chat")],
    )
    discovery = Discovery(catalogue, {"ollama": Source(script, 30)}, clock.sleep)
    await discovery.start(5)
    seen = [_ids(catalogue)]
    await clock.next()
    seen.append(_ids(catalogue))
    await clock.next()
    seen.append(_ids(catalogue))
    assert discovery.troubles == {"ollama": "It does not answer."}
    await clock.next()
    seen.append(_ids(catalogue))
    await discovery.stop()

    assert seen == [["a"], ["a", "b"], ["a", "b"], ["b"]]
    assert discovery.troubles == {}
    assert set(clock.slept) == {30}
    with pytest.raises(ModelNotFound):
        catalogue.find("a")


async def test_a_start_does_not_wait_for_ever_and_the_models_join_later() -> None:
    catalogue = build_catalogue({}, ENGINES)
    clock = Clock()
    script = Script(EngineUnavailable("It does not answer."), [Offer("a", "chat")])
    discovery = Discovery(catalogue, {"ollama": Source(script, 30)}, clock.sleep)
    await discovery.start(0)
    assert _ids(catalogue) == []
    clock.asleep.clear()
    while "a" not in _ids(catalogue):
        await clock.next()
    await discovery.stop()

    assert clock.slept[-1] == 30
    assert set(clock.slept[:-1]) == {1.0}


async def test_a_clash_at_the_start_stops_it_and_says_what_to_do() -> None:
    catalogue = build_catalogue({}, ENGINES)
    sources = {name: Source(Script([Offer("same", "chat")]), 30) for name in ("ollama", "gpu")}
    discovery = Discovery(catalogue, sources, Clock().sleep)

    with pytest.raises(
        ConfigurationError,
        match=r"'same', one of the engine 'ollama' and one of 'gpu'.*urls = \[\.\.\]",
    ):
        await discovery.start(5)
    await discovery.stop()


async def test_a_clash_later_leaves_things_as_they_were_and_is_told() -> None:
    catalogue = build_catalogue({}, ENGINES)
    clock = Clock()
    script = Script([Offer("a", "chat")], [Offer("readstone-ocr", "ocr")])
    discovery = Discovery(catalogue, {"gpu": Source(script, 30)}, clock.sleep)
    await discovery.start(5)
    await clock.next()
    await discovery.stop()

    assert _ids(catalogue) == ["a"]
    assert "readstone-ocr" in discovery.troubles["gpu"]


async def test_a_bug_does_not_end_the_asking() -> None:
    catalogue = build_catalogue({}, ENGINES)
    clock = Clock()
    script = Script([Offer("a", "chat")], RuntimeError("ours"), [Offer("b", "chat")])
    discovery = Discovery(catalogue, {"gpu": Source(script, 30)}, clock.sleep)
    await discovery.start(5)
    await clock.next()
    await clock.next()
    await discovery.stop()

    assert _ids(catalogue) == ["b"]


async def test_a_trouble_that_stays_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    catalogue = build_catalogue({}, ENGINES)
    clock = Clock()
    script = Script([Offer("a", "chat")], EngineFailed("It refuses the key."))
    discovery = Discovery(catalogue, {"gpu": Source(script, 30)}, clock.sleep)
    await discovery.start(5)
    await clock.next()
    await clock.next()
    await discovery.stop()

    assert discovery.troubles == {"gpu": "It refuses the key."}
    assert capsys.readouterr().err.count("refuses") <= 1


async def test_a_configured_model_stands_for_what_it_is_called_at_the_engine() -> None:
    entry = ModelConfig("vision", "ollama", upstream="gemma3:4b", max_images=2)
    catalogue = build_catalogue({"my/eyes": entry}, ENGINES)

    catalogue.offer("ollama", [Offer("gemma3:4b", "chat"), Offer("llama", "chat")])

    assert _ids(catalogue) == ["my/eyes", "llama"]
    assert catalogue.find("my/eyes").name_at_engine == "gemma3:4b"
