"""The last words of a program: why it ended, by its exit code and what it wrote."""

import re
import signal
from contextlib import suppress
from typing import Final

from readstone.engines.launcher import RUN

_TELLING: Final = re.compile(r"\berror\b.*:|[a-z](?:Error|Exception): ", re.IGNORECASE)
"""Of llama.cpp and of Python; the first line like it is nearest to the cause, what follows from it comes after."""
_STAMP: Final = re.compile(r"^\d[\d.]+ [A-Z] +")
"""What llama.cpp puts before a line: its time and level."""
_LONGEST: Final = 300
_SIGNALLED: Final = 128


def ending(code: int) -> str:
    """How a program ended, by its exit code, which is 128 + the signal where one ended it."""
    name = ""
    if code > _SIGNALLED:
        with suppress(ValueError):  # a code of its own, above all signals
            name = signal.Signals(code - _SIGNALLED).name
    if name == "SIGKILL":
        name += ", which is also what the system sends where memory runs out"
    return f"code {code} ({name})" if name else f"code {code}"


def reason(tail: str) -> str:
    """The line that tells the most of the last lines of a program, with a sentence's end; empty where there is none."""
    said = [line.strip() for line in tail.splitlines() if line.strip() and not line.startswith(RUN)]
    if not said:
        return ""
    line = next(filter(_TELLING.search, said), said[-1])
    return f" It said: {_STAMP.sub('', line)[:_LONGEST].rstrip('.')}."
