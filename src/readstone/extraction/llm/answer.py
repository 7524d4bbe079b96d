"""What a language model answered: each leaf's value and the lines it cites, whatever shape the text came in."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import json_repair

from readstone.core.extraction import Field, Group, ListOf, Node, Path, Schema
from readstone.extraction.llm.form import ITEMS, LINES, MOST_CITED, VALUE

MOST_ITEMS = 500
"""Items of one list that are looked at in one answer: a model that repeats itself ends somewhere."""

_THOUGHT = re.compile(r"\A.*</think>", re.DOTALL)
_FENCED = re.compile(r"```(?:json)?\s*(.*?)\s*```", re.DOTALL)
_NUMBER = re.compile(r"[0-9]{1,9}")
_NOTHING = frozenset({"", "null", "none", "n/a"})


@dataclass(frozen=True, slots=True)
class Claim:
    """What the model says a leaf is, and where it says it read it; no value where it says there is none."""

    path: Path
    field: Field
    value: str | None
    lines: tuple[int, ...]


def parsed(text: str) -> Mapping[str, object] | None:
    """The object that a text holds, mended where its JSON is not; None where there is none, or where it was cut short.

    Numbers stay the digits they were written in.
    """
    bare = _bare(text)
    try:
        found = json.loads(bare, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        if not bare.endswith("}"):
            return None
        try:
            found = json_repair.loads(bare, skip_json_loads=True)
        except (ValueError, RecursionError):  # brackets within brackets, by the thousand
            return None
    return cast("Mapping[str, object]", found) if isinstance(found, dict) else None


def claims(answer: Mapping[str, object], schema: Schema) -> tuple[Claim, ...]:
    """A claim for every leaf of the schema, and of every item of the lists the model gives; none where it left one out."""
    root = answer.get(ITEMS) if isinstance(schema.root, ListOf) else answer
    return tuple(_claims(schema.root, root, ()))


def flat_claims(answer: Mapping[str, object], asked: Iterable[Claim]) -> tuple[Claim, ...]:
    """What is now said of each leaf that was asked for again, by its number from 1; nothing of what was left out."""
    return tuple(
        _claim(claim.field, answer[str(number)], claim.path)
        for number, claim in enumerate(asked, 1)
        if str(number) in answer
    )


def _bare(text: str) -> str:
    after = _THOUGHT.sub("", text).strip()
    fenced = _FENCED.search(after)
    within = fenced[1] if fenced else after
    return within[max(within.find("{"), 0) :].strip()


def _claims(node: Node, answer: object, path: Path) -> Iterator[Claim]:
    match node:
        case Field():
            yield _claim(node, answer, path)
        case Group(members=members):
            given = _mapping(answer)
            for key, member in members:
                yield from _claims(member, given.get(key), (*path, key))
        case ListOf(item=item):
            each = cast("Sequence[object]", answer) if isinstance(answer, list) else ()
            for position, one in enumerate(each[:MOST_ITEMS]):
                yield from _claims(item, one, (*path, position))


def _mapping(answer: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", answer) if isinstance(answer, dict) else {}


def _claim(field: Field, answer: object, path: Path) -> Claim:
    """A leaf; where the engine does not hold the model to the form, a value alone cites no line."""
    if isinstance(answer, dict):
        given = _mapping(cast("object", answer))
        return Claim(path, field, _text(given.get(VALUE)), _lines(given.get(LINES)))
    return Claim(path, field, _text(answer), ())


def _text(value: object) -> str | None:
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int() | float():
            text = str(value).strip()
            return None if text.casefold() in _NOTHING else text
        case _:
            return None


def _lines(cited: object) -> tuple[int, ...]:
    """The numbers of lines, each once, in the order they were cited; also where they are written `L12` or `[12]`."""
    each = cast("Sequence[object]", cited) if isinstance(cited, list) else (cited,)
    found = (_NUMBER.search(str(one)) for one in each[:MOST_CITED] if isinstance(one, str | int))
    return tuple(dict.fromkeys(int(number[0]) for number in found if number))
