"""Scopes: what a key is for, by the names that users write."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import Final

from readstone.core.errors import InvalidRequest

SCOPES: Final[dict[str, str]] = {
    "chat": "ask models and have documents read (/v1/chat/completions)",
    "extract": "extract values from images (/v1/ocr/image/extract)",
    "models": "list the models it may use (/v1/models)",
    "usage": "see what it used itself (/v1/usage)",
    "metrics": "read the server's metrics (/metrics)",
    "admin:keys": "make, change and revoke keys (/v1/admin/keys)",
    "admin:usage": "see what every key used (/v1/admin/usage)",
    "admin:server": "have the server reload its configuration (/v1/admin/reload)",
}
"""Every scope, with what it lets a key do."""

API: Final = "api"
ADMIN: Final = "admin"
WHOLES: Final[dict[str, str]] = {
    API: "everything a client needs: chat, extract, models, usage, and what comes later",
    ADMIN: "everything else: admin:…, metrics, and what comes later",
}
"""Scopes that stand for several; they grow with the server."""

_ADMINISTERS: Final = ("admin:", "metrics")
_WHOLE_OF: Final = {scope: ADMIN if scope.startswith(_ADMINISTERS) else API for scope in SCOPES} | {
    whole: whole for whole in WHOLES
}


def allows(scopes: Collection[str], scope: str) -> bool:
    """Whether these scopes let a key do what that one names."""
    return scope in scopes or _WHOLE_OF[scope] in scopes


def check_scopes(names: Iterable[str]) -> tuple[str, ...]:
    """The names, each once and in the order of the tables. InvalidRequest for one that is no scope, and for none at all."""
    given = set(names)
    known = [*WHOLES, *SCOPES]
    if unknown := sorted(given.difference(known)):
        matches = get_close_matches(unknown[0], known, n=1, cutoff=0.5)
        hint = f"did you mean '{matches[0]}'?" if matches else f"the scopes are {', '.join(known)}."
        raise InvalidRequest(f"There is no scope '{unknown[0][:80]}'; {hint}", param="scopes")
    if not given:
        raise InvalidRequest("A key without a scope opens nothing: name one.", param="scopes")
    return tuple(name for name in known if name in given)
