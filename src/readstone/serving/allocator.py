"""The allocator: memory goes back to the system as soon as it is free, and is searched for cycles seldom."""

import ctypes
import gc
from collections.abc import Callable
from typing import Final

_TRIM_THRESHOLD: Final = -1
"""M_TRIM_THRESHOLD of malloc.h."""
_MMAP_THRESHOLD: Final = -3
"""M_MMAP_THRESHOLD of malloc.h."""
_LARGE: Final = 3 * 1024 * 1024
_KEPT: Final = 32 * 1024 * 1024
_CONTAINERS: Final = 10_000


def return_large_buffers() -> None:
    """Give every buffer of 3 MiB or more pages of its own, for the rest of this process; glibc only, else nothing.

    By default (mallopt(3)) the first one that is freed moves the threshold up to its own size: from then on buffers share a
    heap, which keeps what was freed between two that are not. Pages of one's own cost a fault each, half the time
    of a request with an image of 1 MB: what is smaller shares the heap, of which 32 MiB are kept for the next request
    (`return_free_pages` returns them).
    """
    mallopt = _libc("mallopt")
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGE)
        mallopt(_TRIM_THRESHOLD, _KEPT)


def return_free_pages() -> None:
    """Give back what is free between buffers that are not; glibc only, else nothing. Takes about a millisecond."""
    trim = _libc("malloc_trim")
    if trim is not None:
        trim(0)


def collect_seldom() -> None:
    """Search for cycles once in 10,000 new containers, not in 700, and never in what was there at the start.

    A request makes hundreds of containers and next to no cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_CONTAINERS)


def _libc(name: str) -> Callable[..., int] | None:
    return getattr(ctypes.CDLL(None), name, None)
