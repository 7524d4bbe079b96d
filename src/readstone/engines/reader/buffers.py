"""Buffers: the memory that one line or page took is kept for the next."""

import ctypes
from typing import Final

_TRIM_THRESHOLD: Final = -1
"""M_TRIM_THRESHOLD of malloc.h."""
_MMAP_THRESHOLD: Final = -3
"""M_MMAP_THRESHOLD of malloc.h."""
_LARGE: Final = 32 * 1024 * 1024
"""The most that glibc lets share a heap. What the models say of a line of the widest is 24 MB."""
_KEPT: Final = 128 * 1024 * 1024


def keep_buffers() -> None:
    """Keep up to 128 MiB of a heap that is free, and every buffer below 32 MiB in it, for the rest of this process.

    A page makes hundreds of buffers of megabytes and frees them at once. By default (mallopt(3)) their memory goes back to the
    system, which clears it page by page when it is taken again: 5 % of the CPU of a dense page. glibc only, else nothing.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGE)
        mallopt(_TRIM_THRESHOLD, _KEPT)
