"""The parameters of a URL's query: those that are known, each once."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from starlette.requests import Request

from readstone.core.errors import InvalidRequest

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
    """The parameters of the query; InvalidRequest for one that is not known or comes twice."""
    pairs = request.query_params.multi_items()
    for name, _ in pairs:
        if name not in known:
            listed = f"there are {', '.join(sorted(known))}" if known else "there is none"
            raise InvalidRequest(f"There is no parameter '{name[:80]}'; {listed}.", param=name)
    if len(pairs) != len(dict(pairs)):
        raise InvalidRequest("A parameter is given twice.")
    return dict(pairs)


def limit(asked: Mapping[str, str], most: int, default: int = 100) -> int:
    """How many of a list are asked for by `limit`; InvalidRequest where that is none, or more than `most`."""
    written = asked.get("limit", str(default))
    if not (written.isascii() and written.isdigit() and 1 <= int(written[:20]) <= most):
        raise InvalidRequest(f"limit is a number from 1 to {most}.", param="limit")
    return int(written)
