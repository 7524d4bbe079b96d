"""`python -m benchmarks.crowd`: many clients send photos at once, and the server's memory is watched."""

import argparse
import shlex
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.crowd.clients import Crowd, Outcome
from benchmarks.crowd.host import Host, Memory, Watch
from benchmarks.crowd.photo import photo
from benchmarks.reader.report import Machine, machine, versions

_MEBIBYTE: Final = 1024 * 1024
EPILOG: Final = """\
A server of its own is started for each budget, with nothing else configured. Every client has a photo of
its own (8 megapixels, about 5 MB), and all send it at the same moment. What is stated:

answers     clients by status; a client without an answer after 15 minutes counts as hanging
seconds     from the moment all sent to the last answer, and to the last refusal
API, worker resident MiB of the two processes: before, at most (looked at every 50 ms), and afterwards

A budget is limits.intake_bytes: bodies and images that the server holds at once. What does not fit waits
limits.intake_seconds for room, then gets 503 with Retry-After.

examples
  ./run bench crowd                                  64 clients, budgets of 512, 256 and 128 MiB
  ./run bench crowd --clients 16 --intake 64         a small machine
  ./run bench crowd --json out.json                  every answer, for machines
"""


class Options(argparse.Namespace):
    """The command line."""

    clients: int
    intake: str
    json: Path | None


class Run(msgspec.Struct, frozen=True):
    """One crowd: budget and mean photo in MiB, clients by answer, seconds, memory, what the log complains of, answers."""

    intake: int
    photo: float
    answers: dict[str, int]
    seconds: float
    refused_within: float
    retry_after: list[str]
    api: Memory
    worker: Memory
    troubles: list[str]
    outcomes: list[Outcome]


class Report(msgspec.Struct, frozen=True):
    """A whole run of the benchmark: how to repeat it and what it showed."""

    command: str
    machine: Machine
    versions: dict[str, str]
    runs: list[Run]


def _options() -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.crowd",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--clients", type=int, default=64, help="how many (%(default)s)")
    parser.add_argument(
        "--intake", default="512,256,128", help="budgets in MiB, comma separated (%(default)s)"
    )
    parser.add_argument("--json", type=Path, help="write the full report to this file")
    return parser.parse_args(namespace=Options())


def _run(photos: list[bytes], intake: int) -> Run:
    print(f"{len(photos)} clients, {intake} MiB", file=sys.stderr)
    with (
        tempfile.TemporaryDirectory() as folder,
        Host(Path(folder), intake * _MEBIBYTE) as host,
    ):
        with Watch(host.pid, host.worker) as watch:
            outcomes = Crowd(host, photos).run()
        api, worker = watch.seen
        troubles = host.troubles
    refusals = [outcome for outcome in outcomes if outcome.status != "200"]
    return Run(
        intake=intake,
        photo=round(sum(map(len, photos)) / len(photos) / _MEBIBYTE, 2),
        answers=dict(sorted(Counter(outcome.status for outcome in outcomes).items())),
        seconds=max(outcome.seconds for outcome in outcomes),
        refused_within=max((outcome.seconds for outcome in refusals), default=0.0),
        retry_after=sorted({outcome.retry_after or "missing" for outcome in refusals}),
        api=api,
        worker=worker,
        troubles=troubles,
        outcomes=outcomes,
    )


def _table(runs: list[Run]) -> str:
    lines = [
        "| intake | clients × photo | answers | last answer | last refusal | API before → peak → after | worker before → peak → after |",
        "|---:|---:|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {run.intake} MiB | {len(run.outcomes)} × {run.photo:.1f} MiB"
        f" | {', '.join(f'{count} × {status}' for status, count in run.answers.items())}"
        f" | {run.seconds:.0f} s | {f'{run.refused_within:.0f} s' if run.refused_within else '–'}"
        f" | {_shown(run.api)} | {_shown(run.worker)} |"
        for run in runs
    ]
    return "\n".join(lines)


def _shown(memory: Memory) -> str:
    return f"{memory.before} → **{memory.peak}** → {memory.after} MiB"


def main() -> None:
    """Let a crowd come for each budget, print the table, and write the report where one is asked for."""
    options = _options()
    print(f"making {options.clients} photos", file=sys.stderr)
    photos = [photo(number) for number in range(options.clients)]
    report = Report(
        command=shlex.join(["python", "-m", "benchmarks.crowd", *sys.argv[1:]]),
        machine=machine(),
        versions=versions([]),
        runs=[_run(photos, int(intake)) for intake in options.intake.split(",")],
    )
    print(_table(report.runs))
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


main()
