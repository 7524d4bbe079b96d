"""The entrance of a server of several processes: connections are accepted here, and each is handed to who has the fewest."""

import asyncio
import socket
from collections.abc import Sequence
from typing import Final

from readstone.server.listening import accept
from readstone.server.member import Member
from readstone.telemetry import log_trouble

_AT_ONCE: Final = 64
_PAUSE_SECONDS: Final = 0.01
_TROUBLE_SECONDS: Final = 0.5


class Entrance:
    """Accepts while somebody is up; until then, and while all are full, clients wait in the queue of the system."""

    def __init__(self, listener: socket.socket, members: Sequence[Member]) -> None:
        self._listener = listener
        self._members = members
        self._loop = asyncio.get_running_loop()
        self._is_open = False
        self._next = 0
        self._held: socket.socket | None = None
        self._pause: asyncio.TimerHandle | None = None

    def look(self) -> None:
        """Open where somebody is up, close where nobody is."""
        if any(member.is_up for member in self._members):
            self._open()
        else:
            self._shut()

    async def close(self, seconds: float) -> None:
        """Hand over what the system has accepted already, for so many seconds at most, and listen no more."""
        deadline = self._loop.time() + seconds
        while self._loop.time() < deadline:
            if self._held is None:
                self._held = accept(self._listener)
            if self._held is None:
                break
            if self._give(self._held):
                self._held = None
            else:
                await asyncio.sleep(_PAUSE_SECONDS)
        self._shut()
        self._listener.close()
        if self._held is not None:
            self._held.close()

    def _open(self) -> None:
        if not self._is_open:
            self._is_open = True
            self._loop.add_reader(self._listener.fileno(), self._accept)

    def _shut(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        if self._is_open:
            self._is_open = False
            self._loop.remove_reader(self._listener.fileno())

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection = self._held or accept(self._listener)
            except OSError as error:  # too many files are open
                log_trouble("connections are not accepted", reason=str(error.strerror))
                self._rest(_TROUBLE_SECONDS)
                return
            self._held = None
            if connection is None:
                return
            if not self._give(connection):
                self._held = connection
                self._rest(_PAUSE_SECONDS)
                return

    def _give(self, connection: socket.socket) -> bool:
        """Hand a connection to who has the fewest of those who are up and have room; in turn where several have."""
        members = [member for member in self._members if member.is_up]
        self._next += 1
        count = len(members)
        in_turn = [members[(self._next + offset) % count] for offset in range(count)]
        for member in sorted(in_turn, key=lambda each: each.load):
            if member.give(connection):
                connection.close()
                return True
        return False

    def _rest(self, seconds: float) -> None:
        self._shut()
        self._pause = self._loop.call_later(seconds, self.look)
