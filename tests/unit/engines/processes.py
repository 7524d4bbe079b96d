"""What tests ask of processes: whether they live, and to wait for what they do."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec

from readstone.engines.leftovers import Identity, Leftovers, Record


def is_alive(pid: int) -> bool:
    """Whether there is such a process that has not ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def arguments(pid: int) -> list[str]:
    """The command line of a process."""
    return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").split("\0")


def children(pid: int) -> list[int]:
    """The processes it started that live."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(child) for child in listed.split()]


def noted(notes: Path) -> list[int]:
    """The process ids a pretend engine wrote down."""
    return [int(line) for line in notes.read_text("ascii").split()] if notes.exists() else []


async def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for what another process does; fails after `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  (another process sets no event of ours)
            await asyncio.sleep(0.02)


def leave_record(directory: Path, pid: int, mark: str, **changes: object) -> Path:
    """The record of a run, of a server that has ended unless changed."""
    left = Leftovers(directory)
    private = directory / "private"
    private.mkdir(parents=True)
    left.remember("chat", pid, mark, private)
    path = directory / f"chat-{pid}.json"
    record = msgspec.json.decode(path.read_bytes(), type=Record)
    gone = Identity(record.server.pid, record.server.started + 1)
    path.write_bytes(
        msgspec.json.encode(msgspec.structs.replace(record, **{"server": gone, **changes}))
    )
    return path
