"""`python -m benchmarks.metering`: CPU time of counting one answered request, alone and on a board that processes share."""

import argparse
import shlex
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, cast

import msgspec
from starlette.types import Receive, Scope, Send

from benchmarks.reader.report import Machine, machine
from readstone.api.exchange import Exchange
from readstone.api.metering import Metering
from readstone.core.chat import Finish
from readstone.core.key import Principal
from readstone.core.usage import Metrics, Usage
from readstone.serving.gateway import Served
from readstone.telemetry.metrics.board import Board
from readstone.telemetry.metrics.exposition import merge, render

PATH: Final = "/v1/chat/completions"
SCOPE: Final[Scope] = {"type": "http", "method": "POST", "path": PATH, "headers": []}
_ROUNDS: Final = 9
_REQUESTS: Final = 20_000


class Cost(msgspec.Struct, frozen=True):
    """Microseconds of CPU for each request, the best and the median of all rounds; milliseconds of a scrape."""

    board: str
    best: float
    median: float
    scrape: float


class Report(msgspec.Struct, frozen=True):
    """A whole run."""

    command: str
    machine: Machine
    costs: list[Cost]


def exchange() -> Exchange:
    """A request that was answered."""
    found = Exchange(SCOPE, cast("Receive", None), cast("Send", None))
    found.status = 200
    found.principal = cast("Principal", object())
    found.notes["model"] = "readstone-ocr"
    found.served = Served(
        Finish("stop", Usage(700, 90, image_tokens=650, pages=1)),
        Metrics(0.01, 90.0, 1.0, 0.0, 0.0, "reader"),
    )
    return found


def measure(name: str, board: Board) -> Cost:
    """Count the same request again and again."""
    metering = Metering(board, [PATH], {PATH: "chat"})
    answered = exchange()
    rounds: list[float] = []
    for _ in range(_ROUNDS):
        begun = time.process_time()
        for _ in range(_REQUESTS):
            metering.begin(answered)
            metering.end(answered, SCOPE)
        rounds.append((time.process_time() - begun) / _REQUESTS * 1e6)
    begun = time.process_time()
    render(merge(board.read()))
    scrape = (time.process_time() - begun) * 1e3
    board.close()
    return Cost(
        name, round(min(rounds), 2), round(sorted(rounds)[_ROUNDS // 2], 2), round(scrape, 2)
    )


def main() -> None:
    """Measure, print, and write what was found where that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.metering", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the report here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        costs = [measure("alone", Board()), measure("shared", Board(Path(folder) / "0.board"))]
    for cost in costs:
        print(
            f"{cost.board:8} {cost.best:5.2f} µs at best, {cost.median:5.2f} µs median, scrape {cost.scrape} ms"
        )
    if options.json:
        report = Report(
            shlex.join(["python", "-m", "benchmarks.metering", *sys.argv[1:]]), machine(), costs
        )
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1))


if __name__ == "__main__":
    main()
