"""Starts the worker: `python -m readstone.engines.worker FD THREADS MEMORY`, where FD is its end of a socket pair.

It outlives the server by nothing: it ends when the other end closes, so a killed server leaves nothing behind. MEMORY is the
bytes it never takes more of, 0 for any: a PDF of 600 bytes can make a library take gigabytes, and then this process ends, not others.
"""

import asyncio
import os
import resource
import signal
import socket
import sys

import cv2

from readstone.engines.reader.buffers import keep_buffers
from readstone.engines.reader.profiles import BALANCED
from readstone.engines.reader.readers import Readers
from readstone.engines.reader.reading import Reading
from readstone.engines.reader.weights import find_weights
from readstone.engines.worker.painter import Painter
from readstone.engines.worker.threads import Threads
from readstone.engines.worker.worker import Worker
from readstone.telemetry import log_bug, start_logging


def _load() -> Readers:
    # One inference or image operation per thread: the threads are ours to place, one a core.
    cv2.setNumThreads(1)
    keep_buffers()
    readers = Readers(find_weights())
    readers.load(BALANCED)
    return readers


def _bound(memory: int) -> None:
    """Take no more memory of our own than that; what it costs beyond is an error, or our end."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


async def _main(descriptor: int, count: int) -> None:
    stream, writer = await asyncio.open_connection(sock=socket.socket(fileno=descriptor))
    threads = Threads(count)
    reading = Reading(await asyncio.to_thread(_load), threads)
    await Worker(reading.read, Painter(threads).paint, writer).serve(stream)


def main() -> None:
    """Run until the server closes its end; a thread in the middle of a page does not delay the end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    start_logging("auto")
    descriptor, count, memory = map(int, sys.argv[1:])
    if memory:
        _bound(memory)
    code = 0
    try:
        asyncio.run(_main(descriptor, count))
    except Exception as error:  # noqa: BLE001  (nobody above could tell why the worker ended)
        log_bug(error)
        code = 1
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
