"""An engine whose server is a child: real processes that load, die, hang and refuse to go."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from readstone.core.chat import ChatEvent, ChatRequest, Finish, TextDelta
from readstone.core.engine import EngineState
from readstone.core.errors import (
    ConfigurationError,
    EngineCrashed,
    EngineFailed,
    EngineUnavailable,
)
from readstone.core.model import KIND_DEFAULTS, Model
from readstone.core.usage import Usage
from readstone.engines.leftovers import MARK
from readstone.engines.patience import Patience
from readstone.engines.program import Command, Seat
from readstone.engines.supervised import House, Supervised
from unit.engines.processes import arguments, is_alive, leave_record, noted, until

PATIENCE = Patience(
    start=30, stop=0.2, probe=0.05, silence=30, restarts=3, first_delay=0.01, longest_delay=0.04
)
Start = Callable[..., Awaitable[Supervised]]


@dataclass(frozen=True, slots=True)
class Pretend:
    """A pretend engine; what it lacks is told by `prepare`."""

    notes: Path
    modes: tuple[str, ...] = ()
    lacks: str = ""
    fingerprint: str = "pretend"

    async def prepare(self) -> None:
        if self.lacks:
            raise EngineFailed(self.lacks)

    def command(self, seat: Seat) -> Command:
        script = str(Path(__file__).parent / "pretend_engine.py")
        line = (sys.executable, script, str(seat.socket), str(self.notes), *self.modes)
        return Command(line, {"API_KEY": seat.api_key})


class Wire:
    """Talks to a pretend engine as the HTTP engine would to a real one."""

    name, fingerprint, state = "wire", "wire", EngineState.__args__[1]

    def __init__(self, url: str, api_key: str) -> None:
        assert api_key
        self._socket = url.removeprefix("unix:").removesuffix(":/v1")
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Nothing to do."""

    async def stop(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ChatEvent]:
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket)
        except OSError as error:
            raise EngineUnavailable from error
        self._open.add(writer)
        try:
            writer.write(f"GET /{request.model_name} HTTP/1.1\r\n\r\n".encode())
            while (line := await _line(reader)) != b"end\n":
                yield TextDelta(line.decode(), 1)
            yield Finish("stop", Usage(1, 1))
        finally:
            self._open.discard(writer)
            writer.close()


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        line = await reader.readline()
    except OSError:
        line = b""
    if not line:
        raise EngineFailed
    return line


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


@pytest.fixture
async def start(tmp_path: Path, notes: Path) -> AsyncIterator[Start]:
    """Starts engines and stops them at the end; then nothing of them is left."""
    started: list[Supervised] = []

    async def begin(*modes: str, patience: Patience = PATIENCE, lacks: str = "") -> Supervised:
        house = House(tmp_path / "data", dict(os.environ))
        program = Pretend(notes, modes, lacks)
        engine = Supervised("chat", program, Wire, house, patience)
        started.append(engine)
        await engine.start()
        return engine

    yield begin
    for engine in started:
        await engine.stop()
    assert not any(is_alive(pid) for pid in noted(notes))
    assert not list((tmp_path / "data" / "run").glob("*"))


def _request(name: str) -> ChatRequest:
    model = Model("m", "chat", "chat", KIND_DEFAULTS["chat"], 1)
    return ChatRequest("id", "key", model, name, (), 1, 0, 1, 0)


async def _ask(engine: Supervised, name: str = "answer") -> list[ChatEvent]:
    async with aclosing(engine.chat(_request(name))) as events:
        return [event async for event in events]


def _socket(notes: Path) -> Path:
    """Where the pretend engine listens."""
    (socket,) = [Path(each) for each in arguments(noted(notes)[0]) if each.endswith(".sock")]
    return socket


def _logged(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, object]]:
    return [record.__dict__["fields"] for record in caplog.records if record.message == event]


async def test_it_answers_once_it_is_healthy(start: Start) -> None:
    engine = await start()
    assert engine.state == "starting"
    await until(lambda: engine.state == "ready")

    assert await _ask(engine) == [TextDelta("hello\n", 1), Finish("stop", Usage(1, 1))]
    assert (engine.name, engine.fingerprint) == ("chat", "pretend")


async def test_while_it_starts_a_request_is_told_when_to_come_back(start: Start) -> None:
    engine = await start("loading")

    with pytest.raises(EngineUnavailable) as caught:
        await _ask(engine)

    assert 1 <= caught.value.retry_after <= 60


async def test_an_answer_that_its_death_cuts_off_says_so_and_it_starts_again(start: Start) -> None:
    engine = await start()
    await until(lambda: engine.state == "ready")

    with pytest.raises(EngineCrashed):
        await _ask(engine, "die")

    await until(lambda: engine.state == "ready")
    assert await _ask(engine)


async def test_one_that_died_unseen_is_unavailable_and_nothing_was_begun(
    start: Start, notes: Path
) -> None:
    engine = await start()
    await until(lambda: engine.state == "ready")

    (pid,) = noted(notes)
    os.kill(pid, signal.SIGKILL)
    while is_alive(pid):
        """Without a turn for the loop, which would see it."""

    with pytest.raises(EngineUnavailable) as caught:
        await _ask(engine)
    assert caught.value.retry_after >= 1


async def test_one_that_lives_and_cannot_be_reached_is_unavailable(
    start: Start, notes: Path
) -> None:
    engine = await start()
    await until(lambda: engine.state == "ready")
    _socket(notes).unlink()

    with pytest.raises(EngineUnavailable):
        await _ask(engine)

    assert engine.state == "ready"


async def test_what_an_earlier_server_left_is_ended_first(
    start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    environment = {**os.environ, MARK: "an earlier run"}
    left = await asyncio.create_subprocess_exec("sleep", "600", env=environment)
    leave_record(tmp_path / "data" / "run", left.pid, "an earlier run")

    await start()

    assert await left.wait() == -signal.SIGKILL
    await until(lambda: bool(_logged(caplog, "engine left behind was ended")))


async def test_a_failure_that_is_not_its_death_stays_what_it_is(start: Start) -> None:
    engine = await start()
    await until(lambda: engine.state == "ready")

    with pytest.raises(EngineFailed) as caught:
        await _ask(engine, "break")

    assert type(caught.value) is EngineFailed
    assert engine.state == "ready"


async def test_its_descendants_die_with_it(start: Start, notes: Path) -> None:
    engine = await start("parent")
    await until(lambda: engine.state == "ready")
    first = noted(notes)

    os.kill(first[0], signal.SIGKILL)
    await until(lambda: len(noted(notes)) == 6 and engine.state == "ready")

    assert not any(is_alive(pid) for pid in first)


async def test_one_that_dies_at_once_is_tried_again_and_given_up(
    start: Start, notes: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "readstone")
    engine = await start("dies")

    await until(lambda: engine.state == "failed")

    assert len(noted(notes)) == 1 + PATIENCE.restarts
    (given_up,) = _logged(caplog, "engine given up")
    assert str(given_up["tail"]).endswith("the model cannot be found")
    assert [fields["reason"] for fields in _logged(caplog, "engine failed to start")] == [
        "It ended with code 3 before it was ready. It said: the model cannot be found."
    ] * 4
    with pytest.raises(EngineUnavailable) as caught:
        await _ask(engine)
    assert caught.value.retry_after == 60
    assert "cannot be found" not in caught.value.message


async def test_its_restarts_are_further_and_further_apart(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "readstone")
    patience = replace(PATIENCE, restarts=5, first_delay=0.02, longest_delay=0.08)
    engine = await start("dies", patience=patience)

    await until(lambda: engine.state == "failed")

    delays = [float(str(fields["seconds"])) for fields in _logged(caplog, "engine starts again")]
    longest = [0.02, 0.04, 0.08, 0.08, 0.08]
    assert all(
        most / 2 - 0.01 <= delay <= most for delay, most in zip(delays, longest, strict=True)
    )


async def test_one_that_was_well_for_a_time_starts_the_count_anew(
    start: Start, notes: Path
) -> None:
    engine = await start(patience=replace(PATIENCE, restarts=1, steady=0))

    for lives in range(1, 4):
        await until(lambda lives=lives: engine.state == "ready" and len(noted(notes)) == lives)
        os.kill(noted(notes)[-1], signal.SIGKILL)

    await until(lambda: engine.state == "ready" and len(noted(notes)) == 4)


async def test_one_that_never_gets_healthy_is_ended_and_given_up(
    start: Start, notes: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = await start("loading", patience=replace(PATIENCE, start=2, restarts=1))

    await until(lambda: engine.state == "failed")

    assert len(noted(notes)) == 2
    assert not any(is_alive(pid) for pid in noted(notes))
    assert "not ready within 2 seconds" in str(_logged(caplog, "engine failed to start"))


async def test_one_that_stops_answering_is_replaced_and_its_answers_end(
    start: Start, notes: Path
) -> None:
    engine = await start(patience=replace(PATIENCE, silence=0.1))
    await until(lambda: engine.state == "ready")

    with pytest.raises(EngineCrashed):
        await _ask(engine, "sicken")

    await until(lambda: engine.state == "ready" and len(noted(notes)) == 2)


async def test_one_that_is_too_busy_to_tell_its_health_is_not_taken_for_dead(
    start: Start, notes: Path
) -> None:
    engine = await start(patience=replace(PATIENCE, silence=1))
    await until(lambda: engine.state == "ready")

    async with aclosing(engine.chat(_request("busy"))) as events:
        for _ in range(75):
            await anext(events)

        assert engine.state == "ready"
    await until(lambda: len(noted(notes)) == 2)


async def test_stopping_ends_answers_first_and_then_even_a_stubborn_child(
    start: Start, notes: Path
) -> None:
    engine = await start("stubborn", "parent")
    await until(lambda: engine.state == "ready")
    async with aclosing(engine.chat(_request("wait"))) as events:
        await anext(events)
        stopping = asyncio.create_task(engine.stop())

        with pytest.raises(EngineCrashed):
            await anext(events)

        assert is_alive(noted(notes)[0])  # it has not been waited for
        await stopping
    assert engine.state == "stopped"
    assert not any(is_alive(pid) for pid in noted(notes))
    with pytest.raises(EngineUnavailable):
        await _ask(engine)


async def test_stopping_while_it_starts_leaves_nothing(start: Start) -> None:
    engine = await start("loading")

    await engine.stop()

    assert engine.state == "stopped"


async def test_one_that_was_never_started_can_be_stopped(tmp_path: Path) -> None:
    house = House(tmp_path, {})
    engine = Supervised("chat", Pretend(tmp_path / "notes"), Wire, house, PATIENCE)

    await engine.stop()

    assert engine.state == "stopped"


async def test_what_cannot_be_prepared_is_told_in_the_log_only(
    start: Start, notes: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = await start(lacks="There is no /models/tiny.gguf.")

    await until(lambda: engine.state == "failed")

    assert not noted(notes)
    told = _logged(caplog, "engine failed to start")[0]
    assert (told["reason"], told["tail"]) == ("There is no /models/tiny.gguf.", "")
    with pytest.raises(EngineUnavailable, match="not up") as caught:
        await _ask(engine)
    assert "gguf" not in caught.value.message


async def test_its_private_directory_is_gone_with_it(start: Start, notes: Path) -> None:
    engine = await start()
    await until(lambda: engine.state == "ready")
    socket = _socket(notes)
    assert socket.parent.stat().st_mode & 0o777 == 0o700

    await engine.stop()

    assert not socket.parent.exists()


async def test_a_deep_temporary_directory_is_not_used(
    start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    engine = await start()

    await until(lambda: engine.state == "ready")

    assert not list(deep.iterdir())


@pytest.mark.parametrize("name", ["", "../chat", "a/b", ".hidden", "a b"])
def test_a_name_that_is_no_file_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is also a file's"):
        Supervised(name, Pretend(tmp_path), Wire, House(tmp_path, {}), PATIENCE)


async def test_a_bug_in_its_keeper_is_told_and_fails_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "logs").write_text("not a directory")
    engine = Supervised("chat", Pretend(tmp_path), Wire, House(tmp_path, {}), PATIENCE)

    await engine.start()
    await until(lambda: engine.state == "failed")

    assert _logged(caplog, "unexpected error") == [{"engine": "chat"}]
