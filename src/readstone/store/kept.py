"""Keys as a store found them, for as long as nobody has changed any: a check costs no look into the database."""

import time
from collections.abc import Callable
from typing import Final

from readstone.core.key import Key

CHANGING: Final = 0
"""The mark while keys are being changed, or while nobody can tell: nothing that is kept is used."""

_MOST: Final = 10_000
_SECONDS: Final = 60.0
"""After which all are looked up again, for the sake of those who change a database by hand."""


class KeptKeys:
    """Keys that were found under a mark; another mark, which every change of a key leaves behind, forgets them all."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._keys: dict[str, Key] = {}
        self._mark = CHANGING
        self._until = 0.0

    def find(self, public_id: str, mark: int) -> Key | None:
        """The key as it was found under that mark; None where it has to be looked up."""
        if mark != self._mark or self._now() >= self._until:
            self._keys.clear()
            self._mark = mark
            self._until = self._now() + _SECONDS
        return self._keys.get(public_id)

    def keep(self, key: Key, mark: int) -> None:
        """Keep a key; the mark is the one of before it was looked up."""
        if mark == self._mark != CHANGING:
            if len(self._keys) >= _MOST:
                self._keys.clear()
            self._keys[key.public_id] = key
