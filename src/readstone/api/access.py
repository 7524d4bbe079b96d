"""Path → the scope it asks for: the only table."""

from typing import Final

SCOPES: Final[dict[str, str]] = {
    "/v1/chat/completions": "chat",
    "/v1/ocr/image/extract": "extract",
    "/v1/models": "models",
    "/v1/usage": "usage",
    "/v1/admin/keys": "admin:keys",
    "/v1/admin/usage": "admin:usage",
    "/v1/admin/usage/entries": "admin:usage",
    "/v1/admin/reload": "admin:server",
    "/metrics": "metrics",
}
"""Of whole paths; what stands below one, such as `/v1/models/{id}`, asks for the same unless it is named itself."""

_ADMIN: Final = "/v1/admin/"


def scope_of(path: str) -> str:
    """The scope that a key needs for a path that is not public; `admin` or `api`, the wholes, where the table has none."""
    found = SCOPES.get(path)
    if found is not None:
        return found
    for parent, scope in SCOPES.items():
        if path.startswith(f"{parent}/"):
            return scope
    return "admin" if path.startswith(_ADMIN) else "api"
