"""A server with one engine, to be killed; run as a script: DIRECTORY NOTES."""

import asyncio
import os
import sys
from pathlib import Path

from readstone.engines.guarded import Guarded, LogFile

DIRECTORY, NOTES = sys.argv[1:]


async def main() -> None:
    here = Path(__file__).parent / "pretend_engine.py"
    program = [sys.executable, str(here), f"{DIRECTORY}/engine.sock", NOTES, "parent", "stubborn"]
    guarded = await Guarded.start(program, os.environ, LogFile(Path(DIRECTORY) / "engine.log"))
    sys.stdout.write(f"{guarded.pid}\n")
    sys.stdout.flush()
    await guarded.wait()


asyncio.run(main())
