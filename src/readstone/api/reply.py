"""A JSON answer of the routes beside the hot path."""

import msgspec
from starlette.responses import Response


class Reply(Response):
    """Encodes what it is given as JSON."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """The content as UTF-8 JSON."""
        return msgspec.json.encode(content)
