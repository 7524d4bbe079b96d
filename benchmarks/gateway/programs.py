"""The two C programs, mock upstream and load generator, compiled and run."""

import http.client
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.gateway.process import Process
from benchmarks.gateway.scenarios import Scenario

_SOURCES: Final = Path(__file__).parent
_GRACE_SECONDS: Final = 30.0


class Load(msgspec.Struct, frozen=True):
    """What the load generator saw. Times are milliseconds: the median, the 90th and the 99th of a hundred.

    `measured` answers and `measured_chunks` fell into the measured time; `finished` and `chunks` count all.
    """

    answer_ms: tuple[float, ...]
    first_ms: tuple[float, ...]
    finished: int
    failed: int
    unfinished: int
    measured: int
    chunks: int
    measured_chunks: int
    failure: str


class Programs:
    """`mock` and `load`, compiled into a folder."""

    def __init__(self, folder: Path, core: int) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            raise SystemExit("The benchmark needs a C compiler: apt-get install gcc libc6-dev")
        self._folder = folder
        self._core = core
        for name in ("mock", "load"):
            source = _SOURCES / f"{name}.c"
            subprocess.run([compiler, "-O2", "-o", str(folder / name), str(source)], check=True)

    def mock(self, port: int) -> Process:
        """The upstream, on `port` of 127.0.0.1."""
        return Process(
            [str(self._folder / "mock"), str(port)], self._core, self._folder / "mock.log"
        )

    def load(
        self, port: int, request: bytes, scenario: Scenario, warm: float, seconds: float
    ) -> Load:
        """Send the request as the scenario says for `seconds` after `warm` seconds, and wait for the last answers."""
        file = self._folder / "request"
        file.write_bytes(request)
        pace = (scenario.kind, scenario.connections, scenario.rate, warm, seconds)
        command = ["taskset", "--cpu-list", str(self._core), str(self._folder / "load")]
        done = subprocess.run(
            [*command, str(port), str(file), *map(str, pace)],
            check=True,
            stdout=subprocess.PIPE,
            timeout=warm + seconds + _GRACE_SECONDS,
        )
        return msgspec.json.decode(done.stdout, type=Load)


def behave(port: int, scenario: Scenario) -> None:
    """Tell the mock upstream how its streams are from now on."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("PUT", "/behaviour", f"{scenario.chunks} {scenario.interval_us}")
    connection.getresponse().close()
    connection.close()


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
