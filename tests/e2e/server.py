"""A started server and what surrounds it: its process, its log, calls to it over a socket."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PATIENCE = 30.0
"""Seconds after which what a process should do counts as not done."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer, read whole."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def error(self) -> dict[str, str | None]:
        return self.json["error"]


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Wait for what another process does; fails after PATIENCE seconds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.02)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def environment() -> dict[str, str]:
    """This process's environment without settings of ours, and without a proxy to this machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("READSTONE_")}
    return {**kept, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def readstone(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one command of the command line in a folder, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "readstone", *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class Server:
    """`readstone serve` on a free port, run in `folder`, where a readstone.toml may lie.

    `up` is the path that tells when; `key` is one of its keys where its store has some already.
    """

    def __init__(self, folder: Path, *arguments: str, up: str = "/ready", key: str = "") -> None:
        self.folder = folder
        self._output = folder / "output.txt"
        self._log = folder / "log.jsonl"
        command = [sys.executable, "-m", "readstone", "serve", "--port", "0", "--host", "127.0.0.1"]
        with self._output.open("wb") as output, self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--data-dir", "data", *arguments],
                cwd=folder,
                env=environment(),
                stdout=output,
                stderr=log,
            )
        try:
            self.key = key or self.printed(r"admin key, shown this once: (rs-\w+-\w+)\n")
            self.address = self.printed(r"serves on (http://\S+) ")
            wait_until(lambda: self.call("GET", up).status == 200, "the server is up")
        except AssertionError:
            self.process.kill()
            self.process.wait()
            raise

    @property
    def output(self) -> str:
        """What it printed so far."""
        return self._output.read_text(encoding="utf-8")

    @property
    def log(self) -> list[dict[str, Any]]:
        """The lines of its log so far."""
        lines = self._log.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def requests(self, **fields: object) -> list[dict[str, Any]]:
        """The log lines of requests that have these fields, once there is one."""

        def found() -> list[dict[str, Any]]:
            lines = [line for line in self.log if line["event"] == "request"]
            return [line for line in lines if fields.items() <= line.items()]

        wait_until(found, f"logs a request with {fields}")
        return found()

    def printed(self, pattern: str) -> str:
        """Wait until it prints something; the first group of the pattern."""
        wait_until(lambda: self._ended() or re.search(pattern, self.output), f"prints {pattern}")
        match = re.search(pattern, self.output)
        assert match, self._log.read_text(encoding="utf-8")
        return match[1] if match.groups() else match[0]

    @property
    def worker(self) -> int:
        """The process id of the reader's worker."""

        def ready() -> int:
            pids = [line["pid"] for line in self.log if line["event"] == "reader ready"]
            return pids[-1] if pids and _lives(pids[-1]) else 0

        wait_until(ready, "logs that its reader is ready")
        return ready()

    def connect(self) -> http.client.HTTPConnection:
        """A connection of its own; the caller closes it."""
        url = urlsplit(self.address)
        return http.client.HTTPConnection(url.hostname or "", url.port, timeout=PATIENCE)

    def call(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        """One call on a connection of its own, with the headers given and no others."""
        connection = self.connect()
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, names, answer.read())
        finally:
            connection.close()

    def chat(self, body: bytes, **headers: str) -> Reply:
        """`POST /v1/chat/completions` with the admin's key."""
        return self.call(
            "POST", "/v1/chat/completions", body, authorization=f"Bearer {self.key}", **headers
        )

    def terminate(self) -> None:
        """Ask it to end."""
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        """Ask it to end and wait until it has; its exit code."""
        self.terminate()
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def _ended(self) -> bool:
        return self.process.poll() is not None
