"""What every client is asked for, and what must come of it; the standard library only, for each client has an environment of its own."""

import base64
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

MODEL = "readstone-ocr"
MISSING = "readstone-missing"
QUESTION = "Extract all text."
BROKEN = "data:image/png;base64,AAAA"

NO_MODEL = f"There is no model '{MISSING}'."
NO_IMAGE = "is not an image; send a PDF, or jpeg, png or webp."
NO_KEY = "That is not a key of this server"
NO_TOOLS = "cannot honour 'tool"

WRITTEN = ("LANTERN GROCERY", "Rye bread", "22.53", "Thank you for your visit!")
"""What stands on the receipt."""
TOTAL = 22.53

Failure = TypeVar("Failure", bound=Exception)


@dataclass(frozen=True, slots=True)
class Case:
    """A started server, a key of it, and the receipt as a data URI."""

    base_url: str
    key: str
    image: str


def run(*checks: Callable[[Case], None]) -> None:
    """Make every check with the case of the command line; each that holds prints its name."""
    base_url, key, path = sys.argv[1:]
    image = base64.b64encode(Path(path).read_bytes()).decode()
    case = Case(base_url, key, f"data:image/jpeg;base64,{image}")
    for check in checks:
        check(case)
        print(check.__name__)


def must(holds: object, what: str) -> None:
    """Fail where something does not hold."""
    if not holds:
        raise AssertionError(what)


def must_be_the_receipt(text: str | None) -> None:
    """The receipt was read."""
    must(text and all(words in text for words in WRITTEN), f"not the receipt: {text!r}")


def must_refuse(kind: type[Failure], sentence: str, call: Callable[[], object]) -> Failure:
    """The call ends in the client's own exception, which tells our sentence; the exception."""
    try:
        answer = call()
    except kind as error:
        # Some clients show the body as Python shows it, with its quotes escaped.
        shown = str(error).replace("\\", "")
        must(sentence in shown, f"{sentence!r} is not in {shown!r}")
        return error
    raise AssertionError(f"no {kind.__name__}, but {answer!r}")
