"""What is wrong with the value of a setting, in words: what it is, and what it may be."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, time
from difflib import get_close_matches
from typing import Final, Literal, cast, get_args, get_origin

_LONGEST: Final = 60
_TYPES: Final[Mapping[str, str]] = {
    "int": "a whole number",
    "float": "a number",
    "str": "text in quotes",
    "bool": "true or false",
    "array": "a list",
    "object": "a section",
}
_EXPECTED: Final = re.compile(
    r"Expected `(?P<types>[^`]+)`(?: (?P<limit>[<>]=? \S+))?(?: of length (?P<length>[<>]=? \d+))?"
)
_SHAPE: Final = re.compile(r" matching regex '(?P<form>.+?)'(?: - at|$)")
_PLACE: Final = re.compile(r" - at `\$\[(?P<index>\d+)\]`$")
_LIMITS: Final = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}


def mistake(value: object, hint: object, problem: str) -> str:
    """What to say of a value that is not of the type `hint`; `problem` is what msgspec says of it."""
    if (place := _PLACE.search(problem)) is not None and isinstance(value, list):
        value = cast("list[object]", value)[int(place["index"])]
    if problem.startswith("Invalid enum value"):
        return f"it is {_shown(value)}; {_choices(str(value), list(_options(hint)))}"
    found = _EXPECTED.match(problem)
    if found is None:
        return f"it cannot be {_shown(value)}"
    types = (each for each in found["types"].split(" | ") if each != "null")
    may_be = " or ".join(_TYPES.get(each, each) for each in types)
    if shape := _SHAPE.search(problem):
        may_be += f" of the form {shape['form']}"
    if found["limit"]:
        may_be += f" of {_limit(found['limit'])}"
    if found["length"]:
        may_be += f" with {_limit(found['length'])} in it"
    return f"it is {_shown(value)}, and must be {may_be}"


def _choices(name: str, options: list[str]) -> str:
    matches = get_close_matches(name, options, n=1, cutoff=0.5)
    nearest = f"did you mean '{matches[0]}'? " if matches else ""
    return (
        f"{nearest}It may be: {', '.join(options)}"
        if nearest
        else f"it may be: {', '.join(options)}"
    )


def _limit(written: str) -> str:
    sign, number = written.split()
    return f"{_LIMITS[sign]} {number.removesuffix('.0')}"


def _options(hint: object) -> Iterator[str]:
    """Every text of a Literal within a type."""
    if get_origin(hint) is Literal:
        yield from (str(option) for option in get_args(hint))
    else:
        for part in get_args(hint):
            yield from _options(part)


def _shown(value: object) -> str:
    """The value as it was written, cut where it is long."""
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, str):
        return repr(value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…")
    written = json.dumps(value, ensure_ascii=False, default=str)
    return written if len(written) <= _LONGEST else f"{written[:_LONGEST]}…"
