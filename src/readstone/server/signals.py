"""What the operator signals: to end, to end at once, or to read the configuration again."""

import asyncio
import signal
from collections.abc import Callable
from typing import Final, Self

_END: Final = (signal.SIGINT, signal.SIGTERM)


class Signals:
    """A block that hears SIGTERM and Ctrl-C as the wish to `end`, a second one as impatience, and SIGHUP as a wish to reload.

    Without `reload` SIGHUP is ignored.
    """

    def __init__(self, reload: Callable[[], None] | None = None) -> None:
        self.end = asyncio.Event()
        self.at_once = asyncio.Event()
        self._reload = reload
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> Self:
        for number in _END:
            self._loop.add_signal_handler(number, self._wish_end)
        self._loop.add_signal_handler(signal.SIGHUP, self._wish_reload)
        return self

    def __exit__(self, *details: object) -> None:
        # What comes from now on comes too late: the server is about to end.
        for number in (*_END, signal.SIGHUP):
            self._loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)

    def _wish_end(self) -> None:
        if self.end.is_set():
            self.at_once.set()
        self.end.set()

    def _wish_reload(self) -> None:
        if self._reload is not None and not self.end.is_set():
            self._reload()
