"""One of several API processes, as the process sees it that owns the server: started, talked to, and replaced when it ends."""

import asyncio
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Final, Protocol

from readstone.engines.process import Child
from readstone.engines.worker.shared import Relay
from readstone.server.memory import Memory
from readstone.server.messages import (
    Ask,
    Begin,
    Channel,
    Drain,
    FromProcess,
    Leaving,
    Load,
    Return,
    ToProcess,
    Unable,
    Up,
)
from readstone.server.permits import Counter
from readstone.serving.admission import Admission
from readstone.telemetry import log, log_trouble

_MODULE: Final = "readstone.server.child"
_FIRST_DELAY: Final = 0.1
_LONGEST_DELAY: Final = 30.0
_HEALTHY_SECONDS: Final = 10.0
_GONE_SECONDS: Final = 5.0
"""How long a process may take to end once it has closed its ends."""


class House(Protocol):
    """Whose API process it is."""

    def heard(self, member: "Member", message: FromProcess) -> None:
        """It said something that is not its own affair."""
        ...

    def changed(self, member: "Member") -> None:
        """It came up, or went."""
        ...


@dataclass(frozen=True, slots=True)
class Belongings:
    """What every API process is given: how it begins but for its number, the worker, permits, and memory to count in."""

    begin: Callable[[int], Begin]
    relay: Relay
    admissions: Mapping[str, Admission]
    memory: Memory | None
    release: Callable[[int], None]


class Member:
    """Keeps one API process running; connections are handed to it while it is up."""

    def __init__(self, number: int, belongings: Belongings, house: House) -> None:
        self.number = number
        self.is_up = False
        self.trouble: str | None = None
        """Why it could not start, where it said so."""
        self._belongings = belongings
        self._house = house
        self._channel: Channel[ToProcess, FromProcess] | None = None
        self._counter: Counter | None = None
        self._door: socket.socket | None = None
        self._child: Child | None = None
        self._sent = 0
        self._load = Load(0, 0)
        self._is_ending = False
        self._keeper: asyncio.Task[None] | None = None

    @property
    def load(self) -> int:
        """How many connections it has, those on their way to it included."""
        return self._sent - self._load.taken + self._load.open

    @property
    def pid(self) -> int:
        """Its process id; 0 where it has none."""
        return 0 if self._child is None else self._child.pid

    def start(self) -> None:
        """Begin to start it."""
        self._keeper = asyncio.create_task(self._keep())

    def give(self, connection: socket.socket) -> bool:
        """Hand it a connection that was accepted; False where it has no room for one just now."""
        if self._door is None:
            return False
        try:
            socket.send_fds(self._door, [b"c"], [connection.fileno()])
        except OSError:
            return False
        self._sent += 1
        return True

    def say(self, message: ToProcess) -> None:
        """Tell it something; nothing where it does not run."""
        if self._channel is not None:
            self._channel.send(message)

    def end(self, *, at_once: bool, for_good: bool = True) -> None:
        """Let it answer what it has accepted, and end; `at_once`, without. It is replaced unless that is `for_good`."""
        self._is_ending |= for_good
        self.say(Drain(at_once))

    async def until_ended(self) -> None:
        """Wait until it has ended for good; after `end`."""
        if self._keeper is not None:
            await asyncio.shield(self._keeper)

    async def kill(self) -> None:
        """End it now."""
        self._is_ending = True
        if self._child is not None:
            self._child.kill()
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper

    async def _keep(self) -> None:
        delay = _FIRST_DELAY
        clock = asyncio.get_running_loop().time
        while not self._is_ending:
            born = clock()
            code = await self._live()
            if self._is_ending:
                return
            delay = _FIRST_DELAY if clock() - born > _HEALTHY_SECONDS else delay
            log_trouble("API process ended", worker=self.number, code=code, again_in=delay)
            await asyncio.sleep(delay)
            delay = min(2 * delay, _LONGEST_DELAY)

    async def _live(self) -> int:
        """One life of the process; its exit code."""
        kinds = (socket.SOCK_STREAM, socket.SOCK_STREAM, socket.SOCK_SEQPACKET)
        pairs = [socket.socketpair(type=kind) for kind in kinds]
        control, pixels, door = (ours for ours, _ in pairs)
        try:
            child = self._child = await self._spawn([theirs for _, theirs in pairs])
        finally:
            for _, theirs in pairs:
                theirs.close()
        door.setblocking(False)  # noqa: FBT003  (the standard library's own)
        relay = asyncio.create_task(self._belongings.relay.serve(pixels))
        self._channel = channel = await Channel[ToProcess, FromProcess].open(control, FromProcess)
        self._counter = Counter(self._belongings.admissions, channel.send)
        self._door, self._sent, self._load = door, 0, Load(0, 0)
        try:
            channel.send(self._belongings.begin(self.number))
            self._house.changed(self)
            await self._listen(channel)
            return await self._ended(child)
        finally:
            await self._put_away(child, relay)

    async def _spawn(self, theirs: Sequence[socket.socket]) -> Child:
        handles = [*(end.fileno() for end in theirs), *(self._belongings.memory or ())]
        return await Child.spawn([sys.executable, "-P", "-m", _MODULE, *map(str, handles)], handles)

    async def _listen(self, channel: Channel[ToProcess, FromProcess]) -> None:
        async with aclosing(channel.messages()) as messages:
            async for message in messages:
                self._note(message)

    def _note(self, message: FromProcess) -> None:
        match message:
            case Up():
                self.is_up = True
                log("API process ready", worker=self.number, pid=self.pid)
                self._house.changed(self)
            case Leaving():
                self.is_up = False
                self._close_door()
                self._house.changed(self)
            case Unable():
                self.trouble = message.message
                self._house.changed(self)
            case Ask() if self._counter is not None:
                self._counter.ask(message)
            case Return() if self._counter is not None:
                self._counter.give_back(message.id)
            case Load():
                self._load = message
            case _:
                self._house.heard(self, message)

    def _close_door(self) -> None:
        """Hand over no more: it reads what was handed over, and then that this was all."""
        if self._door is not None:
            with suppress(OSError):  # it is gone already
                self._door.shutdown(socket.SHUT_WR)

    async def _ended(self, child: Child) -> int:
        """Its exit code; one that closed its ends and lives on is of no use to anybody."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_GONE_SECONDS):
                return await child.wait()
        child.kill()
        return await child.wait()

    async def _put_away(self, child: Child, relay: "asyncio.Task[None]") -> None:
        self.is_up = False
        child.kill()
        relay.cancel()
        with suppress(asyncio.CancelledError):
            await relay
        if self._counter is not None:
            self._counter.close()
        if self._channel is not None:
            self._channel.close()
        if self._door is not None:
            self._door.close()
        self._channel = self._counter = self._door = self._child = None
        self._belongings.release(self.number)
        self._house.changed(self)
