"""A turn at memory that processes share: a lock of the kernel's, which ends with its holder, and a mark that is left then."""

import fcntl
import threading
from collections.abc import Callable
from types import TracebackType


class Turn:
    """A block that one thread of one process is in at a time; the lock is of the descriptor's file.

    `words[flag]` says that somebody is in it: where that is so at the start of a turn, who was has ended there, and `mend` is called
    first.
    """

    __slots__ = ("_descriptor", "_flag", "_mend", "_thread", "_words")

    def __init__(
        self, descriptor: int, words: "memoryview[int]", flag: int, mend: Callable[[], None]
    ) -> None:
        self._descriptor = descriptor
        self._words = words
        self._flag = flag
        self._mend = mend
        self._thread = threading.Lock()

    def __enter__(self) -> None:
        self._thread.acquire()
        fcntl.lockf(self._descriptor, fcntl.LOCK_EX)
        if self._words[self._flag]:
            self._mend()
        self._words[self._flag] = 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self._words[self._flag] = 0
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN)
        self._thread.release()
