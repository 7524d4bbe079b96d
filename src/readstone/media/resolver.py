"""Name lookups: a name becomes all its addresses, once, on threads of their own."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Protocol

from readstone.media.address import Address


class Resolver(Protocol):
    """What turns names into addresses."""

    async def resolve(self, name: str) -> tuple[Address, ...]:
        """Every address of a name, in the order to try them; none where there is no such name."""
        ...


class SystemResolver:
    """The resolver of this machine: hosts file, DNS, whatever it is configured to ask.

    It has its own `threads`, because a lookup cannot be interrupted: servers that never answer would otherwise take the
    threads that everything else in the process shares.
    """

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="resolver")

    async def resolve(self, name: str) -> tuple[Address, ...]:
        """Every address of a name; none where it has none, or the lookup failed."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _look_up, name)

    def stop(self) -> None:
        """Take no more names; lookups under way end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(name: str) -> tuple[Address, ...]:
    try:
        answers = socket.getaddrinfo(name.encode(), None, type=socket.SOCK_STREAM)
    except OSError:
        return ()
    return tuple(ip_address(str(answer[4][0])) for answer in answers)
