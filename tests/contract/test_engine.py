"""What every engine keeps: the suite that each implementation of `core.engine.Engine` runs."""

import asyncio
import json
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from contract.subjects import ELSEWHERE, MAKE, Grounds, Subject, fake, pool, reader
from readstone.core.chat import ChatEvent, Finish, Relay, TextDelta, fold
from readstone.core.engine import Engine
from readstone.core.errors import EngineFailed, RequestError
from readstone.engines.fake import HELLO, FakeEngine
from readstone.engines.pool.lane import Member
from readstone.engines.pool.pool import Pool

PATIENCE = 60.0

pytestmark = pytest.mark.asyncio(loop_scope="module")


ALL = {**MAKE, **ELSEWHERE}
AWAY = [pytest.param(name, marks=getattr(pytest.mark, name)) for name in ELSEWHERE]
NAMES = [*MAKE, *AWAY]
LENGTHY = ["reader", "http", "llamacpp", pytest.param("vllm", marks=pytest.mark.vllm)]
"""Those that can be asked for an answer that takes a while."""


@pytest.fixture(scope="module")
def grounds(tmp_path_factory: pytest.TempPathFactory) -> Generator[Grounds]:
    """What subjects stand on."""
    made = Grounds(tmp_path_factory.mktemp("grounds"))
    yield made
    made.clear()


async def until_ready(engine: Engine) -> None:
    async with asyncio.timeout(PATIENCE):
        while engine.state == "starting":  # noqa: ASYNC110  (a process tells nobody)
            await asyncio.sleep(0.01)
    assert engine.state == "ready"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=NAMES)
async def subject(request: pytest.FixtureRequest, grounds: Grounds) -> AsyncGenerator[Subject]:
    """A started engine, shared by the tests that leave it running."""
    subject = ALL[request.param](grounds)
    await subject.engine.start()
    await until_ready(subject.engine)
    yield subject
    await subject.engine.stop()


@pytest.fixture(params=NAMES)
def fresh(request: pytest.FixtureRequest, grounds: Grounds) -> Subject:
    """An engine that was not started."""
    return ALL[request.param](grounds)


async def events_of(subject: Subject) -> list[ChatEvent]:
    async with aclosing(subject.engine.chat(subject.answered)) as events:
        return [event async for event in events]


def text_of(event: ChatEvent) -> str:
    """The text an event adds to the first choice."""
    match event:
        case TextDelta(text=text):
            return text
        case Relay(choices=chunks):
            return "".join(map(content, chunks))
        case Finish(choices=choices):
            return content(choices or b"[]")


def content(choices: bytes) -> str:
    return "".join(choice["delta"].get("content") or "" for choice in json.loads(choices))


def gist(events: list[ChatEvent]) -> tuple[object, ...]:
    """What an answer says and costs, however it was cut, whoever of several gave it and whatever was cached."""
    finish = events[-1]
    assert isinstance(finish, Finish)
    text = "".join(map(text_of, events))
    return text, finish.reason, replace(finish.usage, cached_tokens=0)


async def test_an_answer_ends_in_exactly_one_finish(subject: Subject) -> None:
    *deltas, finish = await events_of(subject)
    assert isinstance(finish, Finish)
    assert deltas
    assert not any(isinstance(delta, Finish) for delta in deltas)


async def test_the_tokens_of_the_pieces_are_those_of_the_usage(subject: Subject) -> None:
    *deltas, finish = await events_of(subject)
    assert isinstance(finish, Finish)
    usage = finish.usage
    tokens = sum(delta.tokens for delta in deltas if not isinstance(delta, Finish))
    if any(isinstance(delta, Relay) for delta in deltas):
        # An engine elsewhere counts the end of its answer too, and may send several tokens at once.
        assert 0 < tokens <= usage.completion_tokens
    else:
        assert tokens == usage.completion_tokens
    assert usage.image_tokens + usage.cached_tokens <= usage.prompt_tokens
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


async def test_an_answer_can_be_folded(subject: Subject) -> None:
    events = await events_of(subject)
    async with aclosing(subject.engine.chat(subject.answered)) as again:
        answer = await fold(again)
    assert gist([TextDelta(answer.text, 0), replace(answer.finish, choices=None)]) == gist(events)


async def test_the_same_request_gets_the_same_answer(subject: Subject) -> None:
    assert gist(await events_of(subject)) == gist(await events_of(subject))


async def test_several_requests_are_answered_at_once(subject: Subject) -> None:
    alone = gist(await events_of(subject))
    answers = await asyncio.gather(*(events_of(subject) for _ in range(3)))
    assert [gist(answer) for answer in answers] == [alone] * 3


async def test_what_is_refused_is_refused_before_the_first_event(subject: Subject) -> None:
    events = subject.engine.chat(subject.refused)
    with pytest.raises(RequestError):
        await anext(events)


async def test_asking_does_nothing_until_the_first_event_is_awaited(subject: Subject) -> None:
    events = subject.engine.chat(subject.refused)
    await events.aclose()


async def test_closing_an_answer_in_the_middle_leaves_the_engine_to_others(
    subject: Subject,
) -> None:
    for _ in range(3):
        events = subject.engine.chat(subject.answered)
        assert isinstance(await anext(events), TextDelta | Relay)
        await events.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(events)
    assert isinstance((await events_of(subject))[-1], Finish)


async def test_cancelling_a_request_leaves_the_engine_to_others(subject: Subject) -> None:
    task = asyncio.create_task(events_of(subject))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    assert isinstance((await events_of(subject))[-1], Finish)


async def test_it_has_a_name_and_a_fingerprint_that_stay(subject: Subject) -> None:
    names = (subject.engine.name, subject.engine.fingerprint)
    assert all(names)
    await events_of(subject)
    assert (subject.engine.name, subject.engine.fingerprint) == names


async def test_stopping_is_idempotent_and_final(fresh: Subject) -> None:
    assert fresh.engine.state == "starting"
    await fresh.engine.start()
    await until_ready(fresh.engine)
    await fresh.engine.stop()
    await fresh.engine.stop()
    assert fresh.engine.state == "stopped"


async def test_stopping_at_once_leaves_nothing_behind(fresh: Subject) -> None:
    before = children()
    await fresh.engine.start()
    await fresh.engine.stop()
    assert fresh.engine.state == "stopped"
    assert children() == before


async def test_stopping_a_reader_that_is_loading_ends_its_worker(grounds: Grounds) -> None:
    before = children()
    engine = reader(grounds).engine
    await engine.start()
    async with asyncio.timeout(PATIENCE):
        while children() == before:  # noqa: ASYNC110  (a process tells nobody)
            await asyncio.sleep(0.001)
    assert engine.state == "starting"
    await engine.stop()
    assert children() == before


async def test_stopping_what_was_never_started_is_fine(fresh: Subject) -> None:
    await fresh.engine.stop()
    assert fresh.engine.state == "stopped"


@pytest.mark.parametrize("fresh", LENGTHY, indirect=True)
async def test_a_request_that_runs_while_the_engine_stops_fails(fresh: Subject) -> None:
    assert fresh.long
    await assert_stopping_fails(replace(fresh, answered=fresh.long))


async def test_a_script_that_waits_while_the_engine_stops_fails(grounds: Grounds) -> None:
    waiting = FakeEngine(HELLO[0], asyncio.Event())
    await assert_stopping_fails(replace(fake(grounds), engine=waiting))
    member = Member(FakeEngine(HELLO[0], asyncio.Event()), 1)
    await assert_stopping_fails(replace(pool(grounds), engine=Pool("pool", [member])))


async def assert_stopping_fails(subject: Subject) -> None:
    await subject.engine.start()
    await until_ready(subject.engine)
    async with aclosing(subject.engine.chat(subject.answered)) as events:
        assert isinstance(await anext(events), TextDelta | Relay)
        await subject.engine.stop()
        with pytest.raises(EngineFailed):
            _ = [event async for event in events]


def children() -> set[int]:
    """The child processes of this one, dead but unmourned ones included."""
    listed = Path("/proc/self/task").glob("*/children")
    return {int(pid) for each in listed for pid in each.read_text().split()}
