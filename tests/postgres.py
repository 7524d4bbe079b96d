"""A Postgres server of the tests' own, on a socket in a folder of its own: found on the machine, else skipped."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

_MISSING = (
    "needs Postgres: run 'apt install postgresql' (nothing has to be started) and then ./run test"
)
_USER = "postgres"


@dataclass(frozen=True, slots=True)
class Postgres:
    """A started server; it may be ended and started again."""

    folder: Path
    programs: Path

    def url(self, database: str = "postgres") -> str:
        """Where a database is."""
        return f"postgresql://{_USER}@/{database}?host={self.folder}"

    def database(self, name: str) -> str:
        """Make an empty database; its URL."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'create database "{name}"'.encode())
        return self.url(name)

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"-c listen_addresses='' -c unix_socket_directories={self.folder} -c fsync=off"
        self._control("start", "-w", "-o", options, "-l", str(self.folder / "log"))

    def stop(self) -> None:
        """End it at once."""
        self._control("stop", "-m", "immediate")

    def _control(self, action: str, *arguments: str) -> None:
        _run([self.programs / "pg_ctl", "-D", self.folder / "data", action, *arguments])


@contextmanager
def started_postgres() -> Generator[Postgres]:
    """A server for as long as the block lasts; skips where none is installed."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="readstone-postgres-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, _USER)
        folder.chmod(0o755)
        _run(
            [programs / "initdb", "-D", folder / "data", "-U", _USER, "-A", "trust", "--no-sync"],
        )
        postgres = Postgres(folder, programs)
        postgres.start()
        try:
            yield postgres
        finally:
            postgres.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    """The folder of Postgres's programs; Debian keeps them out of the path."""
    found = shutil.which("pg_ctl")
    if found is not None:
        return Path(found).resolve().parent
    kept = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if not kept:
        pytest.skip(_MISSING)
    return kept[-1].parent


def _run(command: Sequence[str | Path]) -> None:
    """Run one of its programs; it refuses to be run by root."""
    user = _USER if os.geteuid() == 0 else None
    if user is not None and user not in {entry.pw_name for entry in pwd.getpwall()}:
        pytest.skip(_MISSING)
    subprocess.run(
        command,
        user=user,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        timeout=60,
    )
