"""The public keys of an identity provider: fetched, kept, and fetched again, so that a token can be checked at once."""

import asyncio
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Final

import jwt

from readstone.core.errors import StoreUnavailable
from readstone.telemetry import log, log_trouble

Load = Callable[[], bytes]
"""Gets a JWKS; may block, and raise anything."""

_KINDS: Final = frozenset({"RSA", "EC", "OKP"})
_AGAIN_SECONDS: Final = 10.0
"""How soon a failed look is repeated, and how often at most a key that is not there makes us look again."""
_KEEP_SECONDS: Final = 3600.0
"""How long keys are good when they cannot be looked at again."""
_TIMEOUT_SECONDS: Final = 5.0
_MOST_BYTES: Final = 1024 * 1024


class SigningKeys:
    """The keys of a JWKS by their `kid`. They are looked at again every so many seconds, beside the requests that need them.

    Where that fails they hold for an hour more, and nothing is let in after that.
    """

    def __init__(
        self, load: Load, refresh_seconds: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._load = load
        self._refresh_seconds = refresh_seconds
        self._now = now
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._loaded_at = -_KEEP_SECONDS
        self._tried_at = -_KEEP_SECONDS
        self._task: asyncio.Task[None] | None = None
        self.version = 0
        """Another one after each change of the keys."""

    def look(self) -> None:
        """Look at the keys again, beside what goes on, where that is due."""
        now = self._now()
        if (
            now - self._loaded_at >= self._refresh_seconds
            and now - self._tried_at >= _AGAIN_SECONDS
        ):
            self._begin()

    async def find(self, key_id: str | None) -> jwt.PyJWK | None:
        """The key of that id, or the only one where none is named; None where there is none.

        StoreUnavailable where no keys could be had for too long.
        """
        self.look()
        if self._is_old() or (key_id not in self._keys and self._may_try()):
            await self._again()
        if self._is_old():
            raise StoreUnavailable(
                "The keys that tokens are checked with cannot be had just now: try again in a moment."
            )
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id)

    async def stop(self) -> None:
        """Look no more."""
        task, self._task = self._task, None
        if task is not None:
            await asyncio.wait([task])

    def _is_old(self) -> bool:
        return self._now() - self._loaded_at >= self._refresh_seconds + _KEEP_SECONDS

    def _may_try(self) -> bool:
        return self._now() - self._tried_at >= _AGAIN_SECONDS

    async def _again(self) -> None:
        """Wait for the look that is under way, or for a new one where there may be one."""
        if self._task is None and self._may_try():
            self._begin()
        if self._task is not None:
            await asyncio.wait([self._task])

    def _begin(self) -> None:
        if self._task is None:
            self._tried_at = self._now()
            self._task = asyncio.create_task(self._refresh())
            self._task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        if self._task is task:
            self._task = None

    async def _refresh(self) -> None:
        try:
            found = _parsed(await asyncio.to_thread(self._load))
        except Exception as error:  # noqa: BLE001  (whatever a provider answers, the keys we have go on)
            log_trouble("keys of tokens cannot be had", reason=type(error).__name__)
            return
        self._loaded_at = self._now()
        if {key: found[key].key for key in found} != {
            key: self._keys[key].key for key in self._keys
        }:
            self._keys = found
            self.version += 1
            log("keys of tokens", count=len(found))


def of_url(url: str) -> Load:
    """Gets the JWKS of a URL; redirects are not followed, and proxies are those of the environment."""
    opener = urllib.request.build_opener(_Stay)

    def load() -> bytes:
        with opener.open(url, timeout=_TIMEOUT_SECONDS) as answer:
            content: bytes = answer.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise ValueError("a JWKS has no megabyte")
        return content

    return load


def of_file(path: Path) -> Load:
    """Gets the JWKS of a file."""
    return path.expanduser().read_bytes


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect."""

    def redirect_request(self, *args: object, **kwargs: object) -> None:
        """Refuse; what is answered is an error then."""
        del args, kwargs


def _parsed(content: bytes) -> dict[str | None, jwt.PyJWK]:
    """The keys that can check a signature, by their id; ValueError or PyJWTError where there is none."""
    keys = jwt.PyJWKSet.from_json(content.decode()).keys
    usable = [key for key in keys if key.key_type in _KINDS and key.public_key_use in {None, "sig"}]
    if not usable:
        raise ValueError("no key to check signatures with")
    return {key.key_id: key for key in usable}
