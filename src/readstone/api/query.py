"""The parameters of a URL's query: those that are known, each once."""

from collections.abc import Collection, Mapping

from starlette.requests import Request

from readstone.core.errors import InvalidRequest


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
