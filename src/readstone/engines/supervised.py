"""An engine whose server is a child of ours: started, watched, started again when it dies, stopped with us."""

import asyncio
import re
import secrets
import shutil
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from readstone.core.chat import ChatEvent, ChatRequest
from readstone.core.engine import Engine, EngineState
from readstone.core.errors import (
    ConfigurationError,
    EngineCrashed,
    EngineFailed,
    EngineUnavailable,
)
from readstone.engines.guarded import Guarded, LogFile
from readstone.engines.health import is_gone, is_well
from readstone.engines.last_words import ending, reason
from readstone.engines.leftovers import MARK, Leftovers
from readstone.engines.patience import Patience
from readstone.engines.program import Program, Seat, new_seat
from readstone.telemetry import log, log_bug, log_trouble

_FIRST_PAUSE = 0.05
_PAUSE = 1.0
"""Between two questions after a start's health: from the first to the other, in seconds."""
_PROBE_SECONDS = 5.0
_TAIL_LINES = 20
_READ_LINES = 200
"""Of the log of a child that did not come up: told, and searched for the reason. One that was up may have told much since."""
_LONGEST_RETRY = 60.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class House:
    """Where children live: the data directory, for logs and records, and the environment each of them gets."""

    directory: Path
    environment: Mapping[str, str]
    log_bytes: int = 10 * 1024 * 1024
    log_files: int = 3


Connect: TypeAlias = Callable[[str, str], Engine]
"""Makes the engine that talks to a child, of its URL and its key."""


class Supervised:
    """Answers through a child; while there is none, requests are refused and nothing is begun."""

    def __init__(
        self, name: str, program: Program, connect: Connect, house: House, patience: Patience
    ) -> None:
        if not _NAME.fullmatch(name):
            raise ConfigurationError(
                f"The engine name {name!r} is also a file's: use letters, digits, '.', '_' and '-'."
            )
        self._name = name
        self._program = program
        self._connect = connect
        self._house = house
        self._patience = patience
        self._leftovers = Leftovers(house.directory / "run")
        self._log = LogFile(
            house.directory / "logs" / f"{name}.log", house.log_bytes, house.log_files
        )
        self._tail = ""
        self._state: EngineState = "starting"
        self._run: _Run | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._due = 0.0
        self._start_took = 1.0

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self._name

    @property
    def state(self) -> EngineState:
        """The child's: starting also while it is started again, failed once it was given up."""
        return self._state

    @property
    def fingerprint(self) -> str:
        """The program's."""
        return self._program.fingerprint

    @property
    def retry_after(self) -> float:
        """Seconds until it is likely to answer, where it does not."""
        return self._retry_after()

    def hear(self) -> None:
        """Its child has answered somebody else, so it lives."""
        if self._run is not None:
            self._run.heard = _now()

    async def start(self) -> None:
        """Begin to start the child."""
        self._due = _now() + self._start_took
        self._keeper = asyncio.create_task(self._keep())
        self._keeper.add_done_callback(self._kept)

    async def stop(self) -> None:
        """Refuse what comes, end the answers that run with an error, then end the child."""
        self._state = "stopped"
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        self._state = "stopped"

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ChatEvent]:
        """What the child answers. EngineUnavailable while it is not up, EngineCrashed where it dies over it."""
        run = self._run
        if run is None:
            raise EngineUnavailable(retry_after=self._retry_after())
        try:
            async with aclosing(run.engine.chat(request)) as events:
                async for event in events:
                    run.heard = _now()
                    yield event
        except EngineUnavailable as error:
            if await run.is_gone():
                raise EngineUnavailable(retry_after=self._retry_after()) from error
            raise
        except EngineFailed as error:
            if await run.is_gone():
                raise EngineCrashed from error
            raise

    def _retry_after(self) -> float:
        """Seconds until it is likely to answer."""
        if self._state == "starting":
            return min(max(1.0, self._due - _now()), _LONGEST_RETRY)
        return _LONGEST_RETRY

    async def _keep(self) -> None:
        """Run the child, again and again, until it is given up."""
        await self._clear()
        failures = 0
        while True:
            was_well = await self._live()
            failures = 1 if was_well >= self._patience.steady else failures + 1
            if failures > self._patience.restarts:
                break
            delay = self._patience.delay(failures)
            self._due = _now() + delay + self._start_took
            log(
                "engine starts again", engine=self._name, failures=failures, seconds=round(delay, 2)
            )
            await asyncio.sleep(delay)
        self._state = "failed"
        log_trouble("engine given up", engine=self._name, failures=failures, tail=self._tail)

    def _kept(self, keeper: asyncio.Task[None]) -> None:
        if not keeper.cancelled() and (error := keeper.exception()):
            self._state = "failed"
            log_bug(error, engine=self._name)

    async def _clear(self) -> None:
        """Make the directories, and end what an earlier server left behind."""
        await asyncio.to_thread(self._log.path.parent.mkdir, 0o700, parents=True, exist_ok=True)
        if ended := await asyncio.to_thread(self._leftovers.reap, self._name):
            log_trouble("engine left behind was ended", engine=self._name, processes=ended)

    async def _live(self) -> float:
        """One life of the child, from its start to its end; for how many seconds it was well."""
        undo = AsyncExitStack()
        try:
            return await self._begin(undo)
        finally:
            await _whole(undo.aclose())

    async def _begin(self, undo: AsyncExitStack) -> float:
        begun = _now()
        self._tail = ""
        try:
            await self._program.prepare()
            guarded, seat = await self._spawn(undo)
            await self._until_well(guarded, seat)
        except (EngineFailed, OSError) as error:
            why, tail = str(error), self._tail
            log_trouble("engine failed to start", engine=self._name, reason=why, tail=tail)
            return 0.0
        run = await self._open(undo, seat)
        ready = _now()
        self._start_took = ready - begun
        log("engine ready", engine=self._name, pid=guarded.pid, seconds=round(ready - begun, 2))
        why = await self._watch(guarded, seat, run)
        log_trouble("engine ended", engine=self._name, pid=guarded.pid, reason=why)
        return _now() - ready

    async def _spawn(self, undo: AsyncExitStack) -> tuple[Guarded, Seat]:
        """Start the child in a private directory; undone, both are gone."""
        seat = await asyncio.to_thread(new_seat)
        directory = seat.socket.parent
        undo.push_async_callback(asyncio.to_thread, shutil.rmtree, directory, ignore_errors=True)
        command = self._program.command(seat)
        mark = secrets.token_hex(16)
        environment = {**self._house.environment, **command.variables, MARK: mark}
        guarded = await Guarded.start(command.arguments, environment, self._log)
        undo.push_async_callback(self._put_away, guarded)
        await asyncio.to_thread(self._leftovers.remember, self._name, guarded.pid, mark, directory)
        return guarded, seat

    async def _put_away(self, guarded: Guarded) -> None:
        await guarded.stop(self._patience.stop)
        await asyncio.to_thread(self._leftovers.close, self._name, guarded.pid)

    async def _until_well(self, guarded: Guarded, seat: Seat) -> None:
        """Wait until it answers; EngineFailed where it ends before, or takes too long."""
        pause = _FIRST_PAUSE
        deadline = _now() + self._patience.start
        while not await is_well(seat.socket, _PROBE_SECONDS):
            if (code := await _ended(guarded, pause)) is not None:
                said = await self._listen()
                raise EngineFailed(f"It ended with {ending(code)} before it was ready.{said}")
            if _now() > deadline:
                said = await self._listen()
                seconds = f"{self._patience.start:g} seconds (start_seconds)"
                raise EngineFailed(f"It was not ready within {seconds}.{said}")
            pause = min(2 * pause, _PAUSE)
            await asyncio.to_thread(self._leftovers.note, self._name, guarded.pid)
        await asyncio.to_thread(self._leftovers.note, self._name, guarded.pid)

    async def _open(self, undo: AsyncExitStack, seat: Seat) -> "_Run":
        """Let requests in; undone, they are refused first and ended then, so that no open stream holds up its end."""
        engine = self._connect(seat.url, seat.api_key)
        undo.push_async_callback(engine.stop)
        await engine.start()
        run = self._run = _Run(engine, seat.socket, _now())
        undo.callback(self._close, run)
        self._state = "ready"
        return run

    def _close(self, run: "_Run") -> None:
        self._run = None
        self._due = _now() + self._patience.first_delay + self._start_took
        if self._state == "ready":
            self._state = "starting"
        run.is_over = True

    async def _watch(self, guarded: Guarded, seat: Seat, run: "_Run") -> str:
        """Wait until it has ended or is of no use any more; why."""
        patience = self._patience
        while (code := await _ended(guarded, patience.probe)) is None:
            if await is_well(seat.socket, _PROBE_SECONDS):
                run.heard = _now()
            elif _now() - run.heard > patience.silence:
                return f"It gave no healthy answer for {patience.silence:g} seconds."
        said = await self._listen(_TAIL_LINES)
        return f"It ended with {ending(code)}.{said if code else ''}"

    async def _listen(self, lines: int = _READ_LINES) -> str:
        """Keep the last lines that the child wrote; the one of that many that tells why it ended, as a sentence."""
        said = await asyncio.to_thread(self._log.tail, lines)
        self._tail = "\n".join(said.splitlines()[-_TAIL_LINES:])
        return reason(said)


@dataclass(slots=True)
class _Run:
    """A child that is ready: the engine that talks to it, where it listens, when it last gave a sign of life, and whether it is over with it.

    What it answers is such a sign too: a server that is busy with streams may keep a question for its health waiting.
    """

    engine: Engine
    socket: Path
    heard: float
    is_over: bool = False

    async def is_gone(self) -> bool:
        """Whether the child is gone, after an answer of its has broken off."""
        return await is_gone(self.socket, lambda: self.is_over)


async def _whole(work: Coroutine[None, None, None]) -> None:
    """Do something to its end although being cancelled meanwhile; being cancelled twice ends it."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


async def _ended(guarded: Guarded, seconds: float) -> int | None:
    """Its exit code, None where it still runs after `seconds`."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return await guarded.wait()
    return None


def _now() -> float:
    return asyncio.get_running_loop().time()
