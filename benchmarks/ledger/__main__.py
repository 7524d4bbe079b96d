"""`python -m benchmarks.ledger`: what keys and the ledger cost a request; with `--kills`, what a killed server keeps."""

import argparse
import asyncio
import random
import tempfile
from pathlib import Path

import msgspec

from benchmarks.ledger.cost import Cost, measure
from benchmarks.ledger.kill import Round, killed, upstream
from benchmarks.reader.report import Machine, machine


class Options(argparse.Namespace):
    """The command line."""

    repeats: int
    requests: int
    kills: int
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


def _rounds(kills: int) -> list[Round]:
    """Kill servers after 1 to 200 answers, always the same ones."""
    moments = random.Random(7)
    rounds: list[Round] = []
    with upstream() as server:
        for _ in range(kills):
            with tempfile.TemporaryDirectory(prefix="readstone-kill-") as folder:
                rounds.append(killed(Path(folder), server.url, moments.randint(1, 200)))
    return rounds


def main() -> None:
    """Measure, print, and write the report."""
    options = _options()
    costs: list[Cost] = []
    if options.repeats:
        with tempfile.TemporaryDirectory(prefix="readstone-ledger-") as folder:
            costs = asyncio.run(_costs(options, Path(folder)))
    print("at once  fsync   without µs   with µs   ledger adds µs   key check µs")
    for cost in costs:
        fsync = "yes" if cost.fsync else "no"
        print(
            f"{cost.clients:7}  {fsync:5} {cost.bare:12} {cost.counted:9} {cost.added:16} {cost.keys:14}"
        )
    rounds = _rounds(options.kills)
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
