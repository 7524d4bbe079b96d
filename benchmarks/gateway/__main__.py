"""`python -m benchmarks.gateway`: chat requests through Readstone and through its peers, to the same mock upstream."""

import argparse
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.gateway.measure import Bench, Reading, Started
from benchmarks.gateway.programs import Programs, free_port
from benchmarks.gateway.report import Report, goals, line, table
from benchmarks.gateway.scenarios import SCENARIOS, Scenario
from benchmarks.gateway.servers import PEERS, Server
from benchmarks.gateway.versions import found_version
from benchmarks.reader.report import machine

EPILOG: Final = """\
Every server gets the first core for itself, the load generator and the mock upstream share the second. All are
started once; each repeat runs every scenario on every server before the next. A server that is not installed
is reported as missing, with the command that installs it.

scenarios
{scenarios}

figures (medians over repeats)
  .../s/core   answers or chunks per second of CPU that the server's process used
  .../s        answers per second of the clock; bounded by the load generator's core for the fastest
  added ms     median time of an answer (to its first chunk) less the direct way's in the same repeat
  copies       growth of the resident memory at its peak, by the bytes of the bodies that are sent at once

examples
  ./run bench gateway                                          everything, about 10 minutes
  ./run bench gateway --servers nginx,readstone --only requests,chunks --seconds 2 --repeats 1
  ./run bench gateway --json benchmarks/gateway/results/gateway.json
"""


class Options(argparse.Namespace):
    """The command line."""

    only: str
    servers: str
    seconds: float
    warm: float
    repeats: int
    json: Path | None


def _options() -> Options:
    sentences = "\n".join(f"  {scenario.name:12} {scenario.sentence}" for scenario in SCENARIOS)
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gateway",
        description=__doc__,
        epilog=EPILOG.format(scenarios=sentences),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    everyone = ",".join(["direct", *(server.name for server in PEERS)])
    every = ",".join(scenario.name for scenario in SCENARIOS)
    parser.add_argument("--only", default=every, help="scenarios (%(default)s)")
    parser.add_argument("--servers", default=everyone, help="who takes part (%(default)s)")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each load (%(default)s)")
    parser.add_argument("--warm", type=float, default=1.0, help="before that (%(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="of everything (%(default)s)")
    parser.add_argument("--json", type=Path, help="write the full report to this file")
    return parser.parse_args(namespace=Options())


def _chosen(names: str, known: list[str]) -> list[str]:
    """The names that are asked for, in the order they are known."""
    asked = names.split(",")
    if strangers := [name for name in asked if name not in known]:
        raise SystemExit(f"Not known: {', '.join(strangers)}. Known are: {', '.join(known)}.")
    return [name for name in known if name in asked]


def _start(names: list[str], bench: Bench, folder: Path, stack: ExitStack) -> Iterator[Started]:
    by_name = {server.name: server for server in PEERS}
    for name in names:
        server: Server | None = by_name.get(name)
        if server is None or not server.missing:
            yield stack.enter_context(Started(server, bench, folder / name))


def _measure(started: list[Started], scenarios: list[Scenario], repeats: int) -> Iterator[Reading]:
    for repeat in range(repeats):
        for scenario in scenarios:
            print(f"\n{scenario.sentence} ({repeat + 1} of {repeats})", file=sys.stderr)
            for one in started:
                reading = one.measure(scenario, repeat)
                print(line(reading), file=sys.stderr)
                yield reading


def _run(options: Options, folder: Path) -> Report:
    names = _chosen(options.servers, ["direct", *(server.name for server in PEERS)])
    scenarios = _chosen(options.only, [scenario.name for scenario in SCENARIOS])
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise SystemExit("The benchmark needs two cores: one for the server, one for the load.")
    programs = Programs(folder, cores[1])
    bench = Bench(programs, free_port(), cores[0], options.warm, options.seconds)
    missing = {one.name: one.install for one in PEERS if one.name in names and one.missing}
    with ExitStack() as stack:
        stack.enter_context(programs.mock(bench.upstream))
        started: list[Started] = []
        for one in _start(names, bench, folder, stack):
            print(f"starting {one.name}", file=sys.stderr)
            if failure := one.failure():
                missing[one.name] = f"it did not answer: {failure}"
                continue
            started.append(one)
        for name, remedy in missing.items():
            print(f"MISSING {name}: {remedy}", file=sys.stderr)
        chosen = [scenario for scenario in SCENARIOS if scenario.name in scenarios]
        return Report(
            command=shlex.join(["python", "-m", "benchmarks.gateway", *sys.argv[1:]]),
            machine=machine(),
            versions={one.name: found_version(one.name) for one in started if one.name != "direct"},
            missing=missing,
            scenarios=tuple(chosen),
            readings=list(_measure(started, chosen, options.repeats)),
        )


def main() -> None:
    """Measure, print the table and the goals, and write the report where one is asked for."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="gateway-") as folder:
        report = _run(options, Path(folder))
    print(table(report.readings))
    for name, remedy in report.missing.items():
        print(f"\nmissing: {name} ({remedy})")
    print("\n" + goals(report.readings))
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


main()
