"""`python -m benchmarks.keys`: CPU time of checking keys and tokens, and of starting the command line."""

import argparse
import asyncio
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import jwt
import msgspec

from benchmarks.reader.report import Machine, machine
from readstone.api.access import scope_of
from readstone.config import JWTConfig
from readstone.core.grant import Grant
from readstone.core.key import mint
from readstone.serving.keys import Authenticator
from readstone.serving.tokens import Tokens
from readstone.serving.wrong_keys import WrongKeys
from readstone.store.sqlite import SQLiteStore

_ROUNDS: Final = 9
_CHECKS: Final = 10_000
_LOOKUPS: Final = 1000
_COMMANDS: Final = 9
_PATH: Final = "/v1/chat/completions"
_SECRET: Final = "the secret of a benchmark, long enough"
_COMMAND: Final = [sys.executable, "-m", "readstone"]


class Cost(msgspec.Struct, frozen=True):
    """Microseconds of CPU for each time, all threads: the median of all rounds; of a command, milliseconds of the clock too."""

    what: str
    cpu_us: float
    wall_ms: float | None = None


class Report(msgspec.Struct, frozen=True):
    """A whole run."""

    command: str
    machine: Machine
    costs: list[Cost]


async def checks(folder: Path) -> list[Cost]:
    """A key and a token that were seen before, as each request has them checked; and a key that has to be looked up."""
    store = SQLiteStore(folder / "readstone.db")
    await store.open()
    key, written = mint("benchmark", int(time.time()), Grant(("chat", "usage"), ("m",)))
    await store.add_key(key)
    config = JWTConfig(issuer="benchmark", algorithms=("HS256",), secret_env="SECRET")
    authenticator = Authenticator(store, (Tokens(config, _SECRET),), WrongKeys(30))
    claims = {"iss": "benchmark", "aud": "readstone", "sub": "me", "exp": int(time.time()) + 900}

    async def check(credential: str) -> None:
        principal = await authenticator.principal(f"Bearer {credential}")
        principal.require_scope(scope_of(_PATH))

    async def look_up() -> None:
        # As after any change of a key.
        store._kept._mark = 0  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        await check(written)

    token = jwt.encode(claims, _SECRET, "HS256")
    found = [
        Cost("a key", await _spent(lambda: check(written), _CHECKS)),
        Cost("a token", await _spent(lambda: check(token), _CHECKS)),
        Cost("a key, looked up after a change", await _spent(look_up, _LOOKUPS)),
    ]
    await store.close()
    return found


async def _spent(turn: Callable[[], Awaitable[None]], count: int) -> float:
    rounds: list[float] = []
    for _ in range(_ROUNDS):
        begun = time.process_time()
        for _ in range(count):
            await turn()
        rounds.append((time.process_time() - begun) / count * 1e6)
    return round(statistics.median(rounds), 2)


def commands(folder: Path) -> list[Cost]:
    """The command line, from its start to its end."""
    kept = ("--data-dir", "data")
    return [_run(folder, *arguments) for arguments in (("--help",), ("keys", "list", *kept))]


def _run(folder: Path, *arguments: str) -> Cost:
    walls: list[float] = []
    begun = _children()
    for _ in range(_COMMANDS):
        at = time.perf_counter()
        subprocess.run([*_COMMAND, *arguments], cwd=folder, stdout=subprocess.DEVNULL, check=True)
        walls.append((time.perf_counter() - at) * 1e3)
    spent = (_children() - begun) / _COMMANDS * 1e6
    return Cost(f"readstone {' '.join(arguments)}", round(spent), round(statistics.median(walls)))


def _children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def main() -> None:
    """Measure, print, and write what was found where that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.keys", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the report here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        costs = [*asyncio.run(checks(Path(folder))), *commands(Path(folder))]
    for cost in costs:
        wall = "" if cost.wall_ms is None else f", {cost.wall_ms} ms of the clock"
        print(f"{cost.what:34} {cost.cpu_us:10.2f} µs{wall}")
    if options.json:
        command = shlex.join(["python", "-m", "benchmarks.keys", *sys.argv[1:]])
        report = Report(command, machine(), costs)
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1))


if __name__ == "__main__":
    main()
