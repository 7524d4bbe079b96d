"""A Redis or Valkey of the tests' own, on a socket in a folder of its own: found on the machine, else skipped."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

_MISSING = "needs Redis or Valkey: run 'apt install redis-server' (nothing has to be started) and then ./run test"


@dataclass(slots=True)
class RedisServer:
    """A started server; it may be ended and started again, which forgets everything."""

    program: str
    folder: Path
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"unix://{self.folder / 'socket'}"

    def start(self) -> None:
        """Start it and wait until it listens."""
        options = ["--port", "0", "--unixsocket", str(self.folder / "socket"), "--save", ""]
        options += ["--databases", "1000"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.program, *options, "--dir", str(self.folder)], stdout=log, stderr=log
            )
        deadline = time.monotonic() + 30
        while not (self.folder / "socket").exists():
            assert time.monotonic() < deadline, "waited in vain: redis listens"
            time.sleep(0.01)

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None
            (self.folder / "socket").unlink(missing_ok=True)


@contextmanager
def started_redis() -> Generator[RedisServer]:
    """A server for as long as the block lasts; skips where none is installed."""
    program = shutil.which("valkey-server") or shutil.which("redis-server")
    if program is None:
        pytest.skip(_MISSING)
    folder = Path(tempfile.mkdtemp(prefix="readstone-redis-"))
    server = RedisServer(program, folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
