"""The allocator: memory goes back to the system as soon as it is free, and is searched for cycles seldom."""

import ctypes
import gc
from typing import Final

_MMAP_THRESHOLD: Final = -3
"""M_MMAP_THRESHOLD of malloc.h."""
_LARGE: Final = 1024 * 1024
_CONTAINERS: Final = 10_000


def return_large_buffers() -> None:
    """Give every buffer of a MiB or more pages of its own, for the rest of this process; glibc only, else nothing.

    By default (mallopt(3)) the first one that is freed moves the threshold up to its own size: from then on buffers share a
    heap, which keeps what was freed between two that are not. Such buffers cost page faults, so this is for the
    process that takes bodies in; the reader's worker needs its speed.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGE)


def collect_seldom() -> None:
    """Search for cycles once in 10,000 new containers, not in 700, and never in what was there at the start.

    A request makes hundreds of containers and next to no cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_CONTAINERS)
