"""The parameters of a URL's query: those that are known, each once."""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from starlette.requests import Request

from readstone.core.errors import InvalidRequest

_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_TEXT: Final = {"type": "string"}
QUERY: Final[Mapping[str, dict[str, Any]]] = {
    "since": {
        "description": "The first day (UTC); the first of this month where it is left out.",
        "schema": {"type": "string", "format": "date"},
    },
    "until": {
        "description": "The last day; today where it is left out.",
        "schema": {"type": "string", "format": "date"},
    },
    "model": {"description": "Of this model only.", "schema": _TEXT},
    "key": {"description": "Of this key only, by its public id.", "schema": _TEXT},
    "by": {
        "description": "What sums are told apart by: `day`, `key` and `model`, with commas between.",
        "schema": _TEXT,
    },
    "owner": {"description": "Those whose owner contains this.", "schema": _TEXT},
    "name": {"description": "Those whose name contains this.", "schema": _TEXT},
    "state": {
        "description": "Those in this state.",
        "schema": {"type": "string", "enum": ["active", "expired", "revoked"]},
    },
    "limit": {
        "description": "How many a page has.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
    },
    "after": {"description": "What the page before told as `after`.", "schema": _TEXT},
}
"""Every parameter there is, as OpenAPI has it."""


def parameters(request: Request, known: Collection[str]) -> Mapping[str, str]:
    """The parameters of the query; InvalidRequest for one that is not known, comes twice, or holds what no database takes."""
    pairs = request.query_params.multi_items()
    for name, value in pairs:
        if name not in known:
            listed = f"there are {', '.join(sorted(known))}" if known else "there is none"
            raise InvalidRequest(f"There is no parameter '{name[:80]}'; {listed}.", param=name)
        if "\0" in value:
            raise InvalidRequest(f"{name} holds a character that it may not hold.", param=name)
    if len(pairs) != len(dict(pairs)):
        raise InvalidRequest("A parameter is given twice.")
    return dict(pairs)


def limit(asked: Mapping[str, str], most: int, default: int = 100) -> int:
    """How many of a list are asked for by `limit`; InvalidRequest where that is none, or more than `most`."""
    written = asked.get("limit", str(default))
    found = int(written) if _NUMBER.fullmatch(written) else 0
    if not 1 <= found <= most:
        raise InvalidRequest(f"limit is a number from 1 to {most}.", param="limit")
    return found
