"""Memory that the API processes of one server count in, as descriptors to inherit: what keys ask for, and wrong keys."""

import os
from typing import Final, NamedTuple, Self

from readstone.serving.limits.shared import make_memory

_ADDRESSES: Final = 8192
"""Slots for addresses that sent wrong keys."""


class Memory(NamedTuple):
    """One for each kind: whoever sends wrong keys from very many addresses takes no room from the limits of keys."""

    limits: int
    wrong_keys: int

    @classmethod
    def make(cls) -> Self:
        """New memory, in which nothing is counted."""
        return cls(make_memory(), make_memory(_ADDRESSES))

    def close(self) -> None:
        """Let go of it; it is there as long as a process has it."""
        for descriptor in self:
            os.close(descriptor)
