"""`GET /openapi.json` and `GET /docs`: what the API takes and gives, for programs and for people; public."""

from importlib.resources import files

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from readstone.api.openapi import build_document
from readstone.api.reply import Reply

_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'",
}
"""The page holds its own style and script, and loads nothing but /openapi.json from this server."""


class Documentation:
    """Both are made once, when the server starts."""

    def __init__(self) -> None:
        self._document = build_document()
        self._page = files("readstone").joinpath("assets/docs.html").read_text(encoding="utf-8")

    def routes(self) -> list[Route]:
        """The two routes."""
        return [
            Route("/openapi.json", self.document, methods=["GET"]),
            Route("/docs", self.page, methods=["GET"]),
        ]

    async def document(self, request: Request) -> Reply:
        """The OpenAPI document."""
        del request
        return Reply(self._document)

    async def page(self, request: Request) -> HTMLResponse:
        """The page that shows it."""
        del request
        return HTMLResponse(self._page, headers=_HEADERS)
