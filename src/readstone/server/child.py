"""An API process of several: `python -m readstone.server.child CONTROL PIXELS DOOR [MEMORY]`, its ends of what its owner gave it.

It ends when its owner is gone or tells it to, with what it was answering answered.
"""

import asyncio
import socket
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import uvloop

from readstone.app import Running, running
from readstone.config import Config, build_config
from readstone.core.engine import EngineState
from readstone.core.errors import ConfigurationError
from readstone.parts import Place
from readstone.server.front import Front, drained
from readstone.server.memory import Memory
from readstone.server.messages import (
    Begin,
    Channel,
    FromProcess,
    Leaving,
    Load,
    ModelTold,
    Told,
    ToProcess,
    Unable,
    Up,
)
from readstone.server.owner import Owner
from readstone.server.share import share_of
from readstone.server.signals import Signals
from readstone.serving.allocator import collect_seldom, return_large_buffers
from readstone.serving.limits.shared import SharedCounters
from readstone.serving.shared_admission import SharedAdmission
from readstone.store.opening import open_store
from readstone.telemetry import start_logging

_REPORT_SECONDS: Final = 0.05
_TOLD_SECONDS: Final = 0.2
_LAST_SECONDS: Final = 5.0
"""How long the owner may take to hear that this process leaves."""


class Process:
    """One API process, from its first word with its owner to its end."""

    def __init__(
        self,
        channel: Channel[FromProcess, ToProcess],
        owner: Owner,
        door: socket.socket,
        memory: Memory | None,
    ) -> None:
        self._channel = channel
        self._owner = owner
        self._door = door
        self._memory = memory
        self._taken = 0
        self._arriving: set[asyncio.Task[None]] = set()
        self._all_arrived = asyncio.Event()

    async def serve(self, begin: Begin) -> None:
        """Serve as the owner says until it wants an end."""
        config = share_of(build_config(begin.settings), begin.number)
        store = await open_store(config)
        try:
            async with running(config, store, self._owner.reload, self._place(begin)) as run:
                self._owner.apply = lambda settings: run.apply(
                    share_of(build_config(settings), begin.number)
                )
                await self._answer(run, config, begin)
        finally:
            await store.close()

    def _place(self, begin: Begin) -> Place:
        memory = self._memory
        return Place(
            begin.number,
            begin.of,
            Path(begin.folder),
            self._owner,
            memory and SharedCounters(memory.limits, begin.number),
            memory and SharedCounters(memory.wrong_keys, begin.number),
            partial(_permits, self._owner, begin.number),
            lambda: self._owner.up,
        )

    async def _answer(self, run: Running, config: Config, begin: Begin) -> None:
        loop = asyncio.get_running_loop()
        front = Front(run.application)
        loop.add_reader(self._door.fileno(), self._arrive, front)
        tasks = [asyncio.create_task(self._report(front))]
        if begin.number == 0:
            tasks.append(asyncio.create_task(self._tell(run)))
        with Signals() as signals:
            self._channel.send(Up())
            ends = [asyncio.create_task(each.wait()) for each in (signals.end, self._owner.end)]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            self._channel.send(Leaving())
            # What the owner handed over before it heard that is on its way still.
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_SECONDS):
                    await self._all_arrived.wait()
            loop.remove_reader(self._door.fileno())
            if self._arriving:
                await asyncio.wait(self._arriving)
            await drained(front, config.drain_seconds, (signals.at_once, self._owner.at_once))
        for task in (*tasks, *ends):
            task.cancel()
        await asyncio.gather(*tasks, *ends, return_exceptions=True)

    def _arrive(self, front: Front) -> None:
        """Take the connections that the owner has accepted for us; it closes its end after the last."""
        while True:
            try:
                _, handles, _, _ = socket.recv_fds(self._door, 1, 1)
            except BlockingIOError:
                return
            except OSError:  # the owner is gone
                handles = []
            if not handles:
                asyncio.get_running_loop().remove_reader(self._door.fileno())
                self._all_arrived.set()
                return
            self._taken += 1
            task = asyncio.create_task(front.take(socket.socket(fileno=handles[0])))
            self._arriving.add(task)
            task.add_done_callback(self._arriving.discard)

    async def _report(self, front: Front) -> None:
        """Let the owner know how many connections there are, so that it gives each to who has the fewest."""
        told = Load(0, 0)
        while True:
            now = Load(self._taken, front.connections + len(self._arriving))
            if now != told:
                self._channel.send(now)
                told = now
            await asyncio.sleep(_REPORT_SECONDS)

    async def _tell(self, run: Running) -> None:
        """Let the owner know what is served, for its announcement."""
        told = None
        while True:
            models = [ModelTold(model.id, model.kind, model.engine) for model in run.catalogue]
            states: dict[str, EngineState] = {
                name: engine.state for name, engine in run.engines.items()
            }
            logs = {name: str(path) for name, path in run.logs.items()}
            now = Told(models, states, dict(run.troubles), logs)
            if now != told:
                self._channel.send(now)
                told = now
            await asyncio.sleep(_TOLD_SECONDS)


def _permits(owner: Owner, number: int, engine: str, limit: int) -> SharedAdmission:
    # Told by one process only: metrics add up what all of them tell.
    return SharedAdmission(owner, engine, limit if number == 0 else 0)


async def _main(control: int, pixels: int, door: int, *memory: int) -> int:
    channel = await Channel[FromProcess, ToProcess].open(socket.socket(fileno=control), ToProcess)
    owner = Owner(channel, socket.socket(fileno=pixels))
    begin = await owner.begin()
    start_logging(begin.log_format)
    entrance = socket.socket(fileno=door)
    entrance.setblocking(False)  # noqa: FBT003  (the standard library's own)
    listening = asyncio.create_task(owner.listen())
    try:
        shared = Memory(*memory) if memory else None
        await Process(channel, owner, entrance, shared).serve(begin)
    except ConfigurationError as error:
        channel.send(Unable(str(error)))
        return 1
    finally:
        await channel.flush()
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
        channel.close()
    return 0


def main() -> None:
    """Run until the owner wants an end or is gone."""
    return_large_buffers()
    collect_seldom()
    sys.exit(uvloop.run(_main(*map(int, sys.argv[1:]))))


if __name__ == "__main__":
    main()
