"""One scenario on one server: the load, and what it cost the server's process."""

import http.client
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from benchmarks.gateway.process import Process, busy_seconds
from benchmarks.gateway.programs import Load, Programs, behave, free_port
from benchmarks.gateway.scenarios import SCENARIOS, Scenario, request
from benchmarks.gateway.servers import Place, Server

_START_SECONDS: Final = 120.0
_STEP_SECONDS: Final = 0.25
_QUIET_SHARE: Final = 0.05
_QUIET_STEPS: Final = 40


class Reading(msgspec.Struct, frozen=True):
    """One measurement.

    `seconds` were measured of `wall`. `cpu` is the server's seconds of CPU over all of `wall`; `others` the share of
    its core that went to anybody else; `before` and `peak` are resident bytes.
    """

    server: str
    scenario: str
    repeat: int
    load: Load
    seconds: float
    wall: float
    cpu: float
    others: float
    before: int
    peak: int


@dataclass(frozen=True, slots=True)
class Bench:
    """What all measurements share: the programs, the port of the mock upstream, the server's core, warm-up and time in seconds."""

    programs: Programs
    upstream: int
    core: int
    warm: float
    seconds: float


class Started:
    """A running server, or the direct way to the mock upstream where `server` is None."""

    def __init__(self, server: Server | None, bench: Bench, folder: Path) -> None:
        self.name = server.name if server else "direct"
        self._bench = bench
        self._place = Place(free_port() if server else bench.upstream, bench.upstream, folder)
        self._server = server
        self._process: Process | None = server.start(self._place, bench.core) if server else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.__exit__(kind, error, traceback)

    def failure(self) -> str | None:
        """Wait until it answers a chat request; what it said last where it does not."""
        end, said = time.monotonic() + _START_SECONDS, "nothing"
        while time.monotonic() < end:
            try:
                said = self._try()
            except (OSError, IndexError, http.client.HTTPException) as error:
                said = f"{type(error).__name__}: {error}"
            if said.startswith("200"):
                return None
            if self._process is not None and self._process.ended:
                break
            time.sleep(_STEP_SECONDS)
        return f"{said}; its log is {self._place.folder / 'log.txt'}"

    def measure(self, scenario: Scenario, repeat: int) -> Reading:
        """Run a scenario once, from a quiet moment on."""
        bench, process = self._bench, self._process
        self._settle()
        behave(bench.upstream, scenario)
        before = process.resident() if process else 0
        if process:
            process.forget_peak()
        cost, begun = self._cost(), time.monotonic()
        load = bench.programs.load(
            self._place.port,
            request(scenario, self._headers()),
            scenario,
            bench.warm,
            bench.seconds,
        )
        wall = time.monotonic() - begun
        cpu, others = (after - before for before, after in zip(cost, self._cost(), strict=True))
        peak = process.peak() if process else 0
        return Reading(
            self.name,
            scenario.name,
            repeat,
            load,
            seconds=bench.seconds,
            wall=round(wall, 3),
            cpu=round(cpu, 2),
            others=round(max(others / wall, 0.0), 3),
            before=before,
            peak=peak,
        )

    def _headers(self) -> dict[str, str]:
        return self._server.headers(self._place) if self._server else {}

    def _cost(self) -> tuple[float, float]:
        """Seconds of the server's core so far: the server's own, and everybody else's."""
        own = self._cpu()
        return own, busy_seconds(self._bench.core) - own

    def _cpu(self) -> float:
        return self._process.cpu_seconds() if self._process else 0.0

    def _settle(self) -> None:
        """Wait, for a while, until it does next to nothing: a slow one may still work on what was abandoned."""
        for _ in range(_QUIET_STEPS):
            before = self._cpu()
            time.sleep(_STEP_SECONDS)
            if self._cpu() - before <= _QUIET_SHARE * _STEP_SECONDS:
                return

    def _try(self) -> str:
        """Send one small request; status and the beginning of the answer."""
        head, _, body = request(SCENARIOS[0], self._headers()).partition(b"\r\n\r\n")
        pairs = (line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        connection = http.client.HTTPConnection("127.0.0.1", self._place.port, timeout=10)
        try:
            connection.request("POST", "/v1/chat/completions", body, dict(pairs))
            answer = connection.getresponse()
            return f"{answer.status} {answer.read(300).decode(errors='replace')}"
        finally:
            connection.close()
