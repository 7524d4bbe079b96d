"""`python -m benchmarks.ledger`: what keys, limits and the ledger cost a request; with `--kills`, what a killed server keeps."""

import argparse
import asyncio
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from benchmarks.ledger.cost import Cost, measure
from benchmarks.ledger.kill import Round, killed, upstream
from benchmarks.reader.report import Machine, machine
from readstone.serving.allocator import collect_seldom


class Options(argparse.Namespace):
    """The command line."""

    repeats: int
    requests: int
    kills: int
    postgres: bool
    json: Path | None


class Report(msgspec.Struct, frozen=True):
    """Everything that was found, and on which machine."""

    machine: Machine
    costs: list[Cost]
    rounds: list[Round]


def _options() -> Options:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ledger", description=__doc__)
    parser.add_argument("--repeats", type=int, default=9, help="turns of each way (%(default)s)")
    parser.add_argument("--requests", type=int, default=2048, help="of each turn (%(default)s)")
    parser.add_argument("--kills", type=int, default=0, help="servers to kill (%(default)s)")
    parser.add_argument(
        "--postgres",
        action="store_true",
        help="kill servers that keep their ledger in Postgres, which is started for it",
    )
    parser.add_argument("--json", type=Path, help="write the full report to this file")
    return parser.parse_args(namespace=Options())


async def _costs(options: Options, folder: Path) -> list[Cost]:
    ways = [(64, False), (16, False), (1, False), (64, True)]
    return [
        await measure(
            folder, clients=clients, fsync=fsync, repeats=options.repeats, requests=options.requests
        )
        for clients, fsync in ways
    ]


def _rounds(kills: int, database: Callable[[int], str | None]) -> list[Round]:
    """Kill servers after 1 to 200 answers, always the same ones; each has a store of its own."""
    moments = random.Random(7)
    rounds: list[Round] = []
    with upstream() as server:
        for number in range(kills):
            with tempfile.TemporaryDirectory(prefix="readstone-kill-") as folder:
                answers = moments.randint(1, 200)
                rounds.append(killed(Path(folder), server.url, answers, database(number)))
    return rounds


def _killed(options: Options) -> list[Round]:
    if not options.postgres:
        return _rounds(options.kills, lambda _: None)
    from tests.postgres import started_postgres  # noqa: PLC0415  (only where it is asked for)

    with started_postgres() as postgres:
        return _rounds(options.kills, lambda number: postgres.database(f"kill{number}"))


def main() -> None:
    """Measure, print, and write the report."""
    options = _options()
    collect_seldom()  # as the server does
    costs: list[Cost] = []
    if options.repeats:
        with tempfile.TemporaryDirectory(prefix="readstone-ledger-") as folder:
            costs = asyncio.run(_costs(options, Path(folder)))
    print("at once  fsync   without µs   ledger µs   limits µs   keys µs   all of them µs")
    for cost in costs:
        fsync = "yes" if cost.fsync else "no"
        print(
            f"{cost.clients:7}  {fsync:5} {cost.bare:12} {cost.ledger:11} {cost.limits:11} {cost.keys:9} {cost.every:16}"
        )
    rounds = _killed(options) if options.kills else []
    if rounds:
        whole, missing, twice = (
            sum(getattr(each, name) for each in rounds) for name in ("whole", "missing", "twice")
        )
        print(f"{len(rounds)} kills: {whole} whole answers, {missing} missing, {twice} twice")
    if options.json:
        report = Report(machine(), costs, rounds)
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1))


if __name__ == "__main__":
    main()
