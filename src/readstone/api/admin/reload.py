"""`POST /v1/admin/reload`: the configuration is read again, by all processes of the server; for keys with `admin:server`."""

import re
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from readstone.api.reply import Reply
from readstone.config.renewal import Changes
from readstone.core.errors import ConfigurationError, InvalidRequest

PATH: Final = "/v1/admin/reload"

Reload: TypeAlias = Callable[[], Awaitable[Changes]]
"""Reads the configuration again; ConfigurationError where it is wrong, and nothing is changed then."""

_FILE: Final = re.compile(r"(?<![\w:/.])~?/[^\s'\",;:()]+")


class ReloadBody(msgspec.Struct):
    """Settings by name that are different from before: those that hold from now on, and those that need a restart."""

    object: str
    applied: tuple[str, ...]
    restart: tuple[str, ...]


class Reloads:
    """Answers with what came of it; without anything to read again, with an error."""

    def __init__(self, reload: Reload | None) -> None:
        self._reload = reload

    def routes(self) -> list[Route]:
        """The route."""
        return [Route(PATH, self.reload, methods=["POST"])]

    async def reload(self, request: Request) -> Reply:
        """Reload, and tell; 400 with what is wrong where the configuration is."""
        del request
        if self._reload is None:
            raise InvalidRequest("This server was not started from a configuration.")
        try:
            changes = await self._reload()
        except ConfigurationError as error:
            # Files of the server are nobody's business; the log has the whole sentence.
            said = _FILE.sub("(a file)", str(error))
            raise InvalidRequest(
                f"The configuration stays as it was. {said}", code="invalid_configuration"
            ) from error
        return Reply(ReloadBody("reload", changes.applied, changes.restart))
