"""A request that is sent again with its Idempotency-Key has the first one's answer, and is charged once."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from starlette.routing import Route, Router

from readstone.api.accounted import Accounted
from readstone.api.http import Door, Paths
from readstone.api.idempotent import Idempotent
from readstone.api.openai.codec import ChatCodec
from readstone.api.openai.completions import ChatCompletions, ChatLimits
from readstone.core.chat import Finish, TextDelta
from readstone.core.errors import EngineFailed
from readstone.core.key import mint
from readstone.core.ledger import Entry, Selection, Status
from readstone.core.repeat import Right
from readstone.core.usage import Usage
from readstone.engines.fake import FakeEngine
from readstone.media.attachments import Attachments
from readstone.media.inspect import DocumentLimits, ImageLimits
from readstone.serving.admission import Admission
from readstone.serving.gateway import Backend, Gateway
from readstone.serving.intake import Intake
from readstone.serving.keys import Authenticator
from readstone.serving.ledger import Ledger, LedgerTerms
from readstone.serving.repeats import Fingerprint, Repeats, RepeatTerms
from readstone.store.answers import AnswerFile, StoredAnswers
from readstone.store.memory import MemoryStore
from unit.api.asgi import Call
from unit.api.openai.chat import CATALOGUE, Shelf, body

PATH = "/v1/chat/completions"
TERMS = RepeatTerms(
    ttl_seconds=600,
    answer_bytes=4096,
    entries_per_key=10,
    bytes_per_key=10_000,
    body_bytes=100_000,
    body_seconds=60.0,
)
ALICE, BOB = mint("alice", 0), mint("bob", 0)
FINISH = Finish("stop", Usage(3, 2))


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Server:
    """The hot path behind the door, with a ledger and answers that are kept in `file`."""

    def __init__(self, file: Path, store: MemoryStore, clock: Clock, terms: RepeatTerms) -> None:
        self.engine = FakeEngine()
        self.store = store
        self.ledger = Ledger(store, LedgerTerms())
        self.outcomes: list[str] = []
        self.repeats = Repeats(StoredAnswers(AnswerFile(file)), store, terms, clock)
        self.repeats.counted = self.outcomes.append
        gateway = Gateway({"fake": Backend(self.engine, Admission(4, 0))})
        codec = ChatCodec(CATALOGUE, Attachments(ImageLimits(), DocumentLimits(), Shelf({}), 0))
        completions = ChatCompletions(
            codec, gateway, Intake(10**6, 0), ChatLimits(100_000, 60.0, 60.0)
        )
        route = Accounted(Idempotent(completions, self.repeats), self.ledger)
        self._door = Door(Router([Route(PATH, route)]), Authenticator(store), Paths({PATH: route}))

    def begin(
        self,
        content: bytes,
        idempotency_key: str | None = "one",
        written: str = ALICE[1],
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> Call:
        named = {"authorization": f"Bearer {written}", "content-length": str(len(content))}
        if idempotency_key is not None:
            named["idempotency-key"] = idempotency_key
        every = [(name.encode(), value.encode("latin-1")) for name, value in named.items()]
        return Call(
            self._door,
            PATH,
            method="POST",
            pieces=(content[:9], content[9:]),
            extra={"headers": [*every, *headers]},
        )

    async def ask(self, content: bytes, key: str | None = "one", written: str = ALICE[1]) -> Call:
        return await self.begin(content, key, written).end()

    async def entries(self, status: Status = "ok") -> list[Entry]:
        """What was entered; those that nobody waited for are there when another is."""
        found = await self.store.entries(Selection(), None, 100)
        return [entry for entry in found if entry.status == status]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store() -> MemoryStore:
    store = MemoryStore()
    for key, _ in (ALICE, BOB):
        await store.add_key(key)
    return store


@asynccontextmanager
async def started(
    folder: Path, store: MemoryStore, clock: Clock, terms: RepeatTerms = TERMS
) -> AsyncGenerator[Server]:
    server = Server(folder / "answers.db", store, clock, terms)
    await server.ledger.start()
    await server.repeats.start()
    yield server
    await server.repeats.stop()
    await server.ledger.stop()


@pytest.fixture
async def server(tmp_path: Path, store: MemoryStore, clock: Clock) -> AsyncIterator[Server]:
    async with started(tmp_path, store, clock) as server:
        yield server


@pytest.mark.parametrize("stream", [False, True])
async def test_the_same_bytes_come_again_and_are_charged_once(
    server: Server, *, stream: bool
) -> None:
    first = await server.ask(body(stream=stream))
    again = await server.ask(body(stream=stream))

    assert (first.status, again.status) == (200, 200)
    assert again.body == first.body
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["content-length"] == str(len(first.body))
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert len(server.engine.requests) == 1
    assert len(await server.store.entries(Selection(), None, 10)) == 1
    assert server.outcomes == ["first", "replayed"]


async def test_without_a_key_every_request_is_answered(server: Server) -> None:
    for _ in range(2):
        assert (await server.ask(body(stream=False), None)).status == 200

    assert len(await server.entries()) == 2
    assert server.outcomes == []


async def test_another_body_is_refused_and_so_is_another_route(server: Server) -> None:
    await server.ask(body(stream=False))

    call = await server.ask(body(stream=True))

    assert (call.status, call.error["code"]) == (409, "idempotency_key_reused")
    assert (call.error["type"], call.error["param"]) == ("conflict_error", "Idempotency-Key")
    assert call.headers["x-should-retry"] == "false"
    assert len(server.engine.requests) == 1


async def test_keys_of_others_are_others(server: Server) -> None:
    await server.ask(body(stream=False))
    call = await server.ask(body(stream=True), written=BOB[1])

    assert call.status == 200
    assert len(server.engine.requests) == 2


async def test_while_the_first_is_answered_others_are_refused_for_a_moment(server: Server) -> None:
    go = asyncio.Event()
    server.engine.scripts.append((go, TextDelta("late", 2), FINISH))
    first = server.begin(body(stream=False))
    async with asyncio.timeout(10):
        await server.engine.begun.wait()

    refused = await server.ask(body(stream=False))
    go.set()
    await first.end()
    replayed = await server.ask(body(stream=False))

    assert (refused.status, refused.error["code"]) == (409, "idempotency_key_in_use")
    assert refused.headers["retry-after"] == "1"
    assert replayed.body == first.body
    assert server.outcomes == ["idempotency_key_in_use", "first", "replayed"]


@pytest.mark.parametrize("begun", [False, True])
async def test_a_failure_may_be_tried_again(server: Server, *, begun: bool) -> None:
    before = (TextDelta("a", 1),) if begun else ()
    server.engine.scripts.append((*before, EngineFailed("no")))

    failed = await server.ask(body(stream=True))
    answered = await server.ask(body(stream=True))

    assert failed.status == (200 if begun else 502)
    assert answered.status == 200
    assert "idempotent-replayed" not in answered.headers
    assert len(await server.entries()) == 1


async def test_a_client_that_leaves_may_ask_again(server: Server) -> None:
    server.engine.scripts.append((asyncio.Event(),))
    first = server.begin(body(stream=False))
    async with asyncio.timeout(10):
        await server.engine.begun.wait()
    first.leave()
    await first.end()

    assert (await server.ask(body(stream=False))).status == 200


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256])
async def test_a_key_that_is_none_is_refused(server: Server, key: str) -> None:
    call = await server.ask(body(stream=False), key)

    assert (call.status, call.error["code"]) == (400, "invalid_idempotency_key")
    assert not server.engine.requests


async def test_two_keys_are_none(server: Server) -> None:
    call = server.begin(body(stream=False), headers=[(b"idempotency-key", b"two")])

    assert (await call.end()).error["code"] == "invalid_idempotency_key"


async def test_an_answer_that_is_too_large_is_lost_and_never_charged_twice(
    tmp_path: Path, store: MemoryStore, clock: Clock
) -> None:
    terms = RepeatTerms(600, 100, 10, 10_000, 100_000, 60.0)
    async with started(tmp_path, store, clock, terms) as server:
        first = await server.ask(body(stream=False))
        again = await server.ask(body(stream=False))

        assert first.status == 200
        assert (again.status, again.error["code"]) == (409, "idempotency_answer_lost")
        assert again.headers["x-should-retry"] == "false"
        assert len(await server.entries()) == 1


async def test_an_answer_outlives_its_process_and_expires(
    tmp_path: Path, store: MemoryStore, clock: Clock
) -> None:
    async with started(tmp_path, store, clock) as server:
        first = await server.ask(body(stream=False))
    async with started(tmp_path, store, clock) as server:
        assert (await server.ask(body(stream=False))).body == first.body
        clock.now += TERMS.ttl_seconds
        assert "idempotent-replayed" not in (await server.ask(body(stream=False))).headers
        assert len(server.engine.requests) == 1


@pytest.mark.parametrize("charged", [False, True])
async def test_what_a_process_left_behind_is_answered_only_where_it_was_not_charged(
    server: Server, clock: Clock, *, charged: bool
) -> None:
    await server.repeats.take(ALICE[0].public_id, "one", "req_gone")
    if charged:
        entry = Entry("req_gone", ALICE[0].public_id, PATH, "ok", 0)
        await server.store.append([entry])
    running = await server.ask(body(stream=False))
    clock.now += 20

    call = await server.ask(body(stream=False))

    assert running.error["code"] == "idempotency_key_in_use"
    if charged:
        assert (call.status, call.error["code"]) == (409, "idempotency_answer_lost")
        assert not server.engine.requests
    else:
        assert call.status == 200
        assert len(await server.entries()) == 1


async def test_who_lost_its_right_is_not_charged(server: Server, clock: Clock) -> None:
    go = asyncio.Event()
    server.engine.scripts.append((go, TextDelta("late", 2), FINISH))
    slow = server.begin(body(stream=False))
    async with asyncio.timeout(10):
        await server.engine.begun.wait()
    clock.now += 20

    quick = await server.ask(body(stream=False))
    go.set()
    await slow.end()
    replayed = await server.ask(body(stream=False))

    assert quick.status == 200
    assert (slow.status, slow.error["code"]) == (409, "idempotency_key_in_use")
    assert replayed.body == quick.body
    assert len(await server.entries()) == 1


async def test_what_runs_is_renewed_and_what_was_left_is_not(server: Server, clock: Clock) -> None:
    key_id = ALICE[0].public_id
    await server.repeats.take(key_id, "one", "req_runs")
    left = await server.repeats.take(key_id, "two", "req_left")
    assert isinstance(left, Right)
    server.repeats.leave(left)

    clock.now += 15
    await server.repeats.renew()
    clock.now += 15

    assert (await server.ask(body(stream=False), "one")).error["code"] == "idempotency_key_in_use"
    assert (await server.ask(body(stream=False), "two")).status == 200


async def test_no_prompt_is_kept_and_no_key(server: Server, tmp_path: Path) -> None:
    content = body(stream=False, messages=[{"role": "user", "content": "a secret question"}])
    await server.ask(content, "my-own-key")

    def look() -> bytes:
        return b"".join(file.read_bytes() for file in tmp_path.iterdir())

    kept = await asyncio.to_thread(look)
    assert b"Hello, reader" in kept
    assert b"secret question" not in kept
    assert b"my-own-key" not in kept


async def test_a_server_that_keeps_nothing_says_so(store: MemoryStore) -> None:
    repeats = Repeats(None, store, TERMS)
    await repeats.start()
    route = Accounted(Idempotent(Router([]), repeats), Ledger(store, LedgerTerms()))
    door = Door(Router([Route(PATH, route)]), Authenticator(store), Paths({PATH: route}))
    headers = {"authorization": f"Bearer {ALICE[1]}", "idempotency-key": "one"}

    call = await Call(door, PATH, method="POST", headers=headers).end()

    assert (call.status, call.error["code"]) == (400, "idempotency_disabled")
    await repeats.stop()


def _print(content: bytes, cut: int, boundary: bytes = b"", path: str = PATH) -> str:
    fingerprint = Fingerprint("alice", "one", path, boundary)
    for begin in range(0, len(content), cut):
        fingerprint.add(content[begin : begin + cut])
    return fingerprint.finish()


def test_a_fingerprint_does_not_depend_on_how_the_body_comes() -> None:
    content = json.dumps({"a": list(range(50))}).encode()

    assert len({_print(content, cut) for cut in (1, 7, 64, 1000)}) == 1
    assert _print(content, 7) != _print(content[:-1], 7)
    assert _print(content, 7) != _print(content, 7, path="/other")


def test_a_form_is_the_same_whatever_parts_its_parts() -> None:
    def form(boundary: bytes, value: bytes = b"x" * 40) -> bytes:
        part = b"--%b\r\ncontent-disposition: form-data; name=image\r\n\r\n%b\r\n"
        return part % (boundary, value) + part % (boundary, b"second") + b"--%b--\r\n" % boundary

    one, two = b"1f2e3d4c5b6a", b"----WebKitFormBoundaryAAAA"
    prints = {_print(form(each), cut, each) for each in (one, two) for cut in (1, 5, 13, 999)}

    assert len(prints) == 1
    assert _print(form(one, b"y" * 40), 5, one) not in prints
