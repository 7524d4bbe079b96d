"""What every engine keeps: the suite that each implementation of `core.engine.Engine` runs."""

import asyncio
import io
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from readstone.config import READER, Config, ReaderConfig
from readstone.core.chat import (
    ChatEvent,
    ChatRequest,
    Finish,
    Image,
    ImagePart,
    Message,
    TextDelta,
    TextPart,
    fold,
)
from readstone.core.engine import Engine
from readstone.core.errors import EngineFailed, RequestError
from readstone.engines.assembly import build_engines
from readstone.engines.fake import HELLO, FakeEngine
from readstone.engines.pool.lane import Member
from readstone.engines.pool.pool import Pool
from readstone.serving.catalogue import EMBEDDED

PATIENCE = 60.0

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True, slots=True)
class Subject:
    """An engine to hold to the contract, and what to ask it."""

    engine: Engine
    answered: ChatRequest
    refused: ChatRequest


def picture(lines: int) -> Image:
    page = Pillow.new("L", (500, 40 + 44 * lines), 255)
    draw = ImageDraw.Draw(page)
    for line in range(lines):
        text = f"Line {line} of the page"
        draw.text((20, 20 + 44 * line), text, 0, font=ImageFont.load_default(size=28))
    stream = io.BytesIO()
    page.save(stream, "png")
    return Image(stream.getvalue(), "png", *page.size, "image")


def request(*parts: TextPart | ImagePart, **extras: bytes) -> ChatRequest:
    return ChatRequest(
        key_id="tester",
        id="req_1",
        model=EMBEDDED,
        model_name=EMBEDDED.id,
        messages=(Message("user", parts),),
        max_tokens=1000,
        temperature=0.1,
        top_p=1.0,
        arrived=0.0,
        extras=extras,
    )


def fake() -> Subject:
    engine = FakeEngine(*HELLO, refused=frozenset({"tools"}))
    return Subject(engine, request(TextPart("Hi")), request(TextPart("Hi"), tools=b"[1]"))


def pool() -> Subject:
    refused = frozenset({"tools"})
    members = [Member(FakeEngine(name=name, refused=refused), 4) for name in ("one", "two")]
    asked = request(TextPart("Hi"))
    return Subject(Pool("pool", members), asked, request(TextPart("Hi"), tools=b"[1]"))


def reader() -> Subject:
    page = ImagePart(picture(lines=6))
    engine = build_engines(Config(reader=ReaderConfig(threads=1)), cores=1)[READER].engine
    return Subject(engine, request(page), request(page, tools=b"[1]"))


MAKE: dict[str, Callable[[], Subject]] = {"fake": fake, "pool": pool, "reader": reader}


async def until_ready(engine: Engine) -> None:
    async with asyncio.timeout(PATIENCE):
        while engine.state == "starting":  # noqa: ASYNC110  (a process tells nobody)
            await asyncio.sleep(0.01)
    assert engine.state == "ready"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=MAKE)
async def subject(request: pytest.FixtureRequest) -> AsyncGenerator[Subject]:
    """A started engine, shared by the tests that leave it running."""
    subject = MAKE[request.param]()
    await subject.engine.start()
    await until_ready(subject.engine)
    yield subject
    await subject.engine.stop()


@pytest.fixture(params=MAKE)
def fresh(request: pytest.FixtureRequest) -> Subject:
    """An engine that was not started."""
    return MAKE[request.param]()


async def events_of(subject: Subject) -> list[ChatEvent]:
    """Its answer, but for who of several gave it."""
    async with aclosing(subject.engine.chat(subject.answered)) as events:
        return [
            replace(event, engine=None) if isinstance(event, Finish) else event
            async for event in events
        ]


async def test_an_answer_ends_in_exactly_one_finish(subject: Subject) -> None:
    *deltas, finish = await events_of(subject)
    assert isinstance(finish, Finish)
    assert deltas
    assert all(isinstance(delta, TextDelta) for delta in deltas)


async def test_the_tokens_of_the_pieces_are_those_of_the_usage(subject: Subject) -> None:
    *deltas, finish = await events_of(subject)
    assert isinstance(finish, Finish)
    usage = finish.usage
    tokens = sum(delta.tokens for delta in deltas if isinstance(delta, TextDelta))
    assert tokens == usage.completion_tokens
    assert usage.image_tokens + usage.cached_tokens <= usage.prompt_tokens
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


async def test_an_answer_can_be_folded(subject: Subject) -> None:
    *deltas, finish = await events_of(subject)
    async with aclosing(subject.engine.chat(subject.answered)) as events:
        answer = await fold(events)
    assert replace(answer.finish, engine=None) == finish
    assert answer.text == "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


async def test_the_same_request_gets_the_same_answer(subject: Subject) -> None:
    assert await events_of(subject) == await events_of(subject)


async def test_several_requests_are_answered_at_once(subject: Subject) -> None:
    alone = await events_of(subject)
    assert await asyncio.gather(*(events_of(subject) for _ in range(3))) == [alone] * 3


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
        assert isinstance(await anext(events), TextDelta)
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


async def test_stopping_a_reader_that_is_loading_ends_its_worker() -> None:
    before = children()
    engine = reader().engine
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


async def test_a_request_that_runs_while_the_engine_stops_fails() -> None:
    page = ImagePart(picture(lines=40))
    slow = [
        replace(reader(), answered=request(page)),
        replace(fake(), engine=FakeEngine(HELLO[0], asyncio.Event())),
        replace(fake(), engine=Pool("pool", [Member(FakeEngine(HELLO[0], asyncio.Event()), 1)])),
    ]
    for subject in slow:
        await subject.engine.start()
        await until_ready(subject.engine)
        async with aclosing(subject.engine.chat(subject.answered)) as events:
            assert isinstance(await anext(events), TextDelta)
            await subject.engine.stop()
            with pytest.raises(EngineFailed):
                _ = [event async for event in events]


def children() -> set[int]:
    """The child processes of this one, dead but unmourned ones included."""
    listed = Path("/proc/self/task").glob("*/children")
    return {int(pid) for each in listed for pid in each.read_text().split()}
