"""A service of the operator's that says who a credential belongs to, asked over HTTP."""

import asyncio
import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import msgspec

from readstone.config import ExternalConfig
from readstone.core.errors import AuthenticationFailed, RequestError, StoreUnavailable
from readstone.core.grant import Grant
from readstone.core.key import Principal
from readstone.core.limit import NO_LIMITS, Limits
from readstone.engines.http.client import Client
from readstone.engines.http.client import Limits as ClientLimits
from readstone.engines.http.connection import Bounds
from readstone.engines.http.response import Failure
from readstone.engines.http.target import parse_target
from readstone.serving.claims import LONGEST, id_of, limits_in, models_in, remember, scopes_in
from readstone.telemetry import log_trouble

_KIND: Final = "ext"
"""What the ids of principals begin with that the service knows."""
_SENDABLE: Final = re.compile(r"[\x21-\x7e]+")
_MOST_BYTES: Final = 65_536
_REFUSED_SECONDS: Final = 10.0
"""How long at most it is remembered that the service does not know a credential."""
_CONNECTIONS: Final = 64
_REFUSALS: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class _Answer(msgspec.Struct):
    """What the service says of a credential it knows; what else it says is its own."""

    id: str
    name: str = ""
    owner: str = ""
    scopes: list[str] | str | None = None
    models: list[str] | str | None = None
    limits: dict[str, int | float] | None = None
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Whose a credential is, None for nobody's, and until when that is taken so."""

    principal: Principal | None
    until: float


class OutsideCheck:
    """Asks a service whose a credential is, with the `Authorization` header as the client sent it; its answer holds a while.

    200 with a JSON object is a yes, 401 and 403 are a no, and anything else, silence too, is StoreUnavailable: nobody is let
    in whom it does not know. A credential is remembered by its hash, and asked about once by all who bring it meanwhile.
    """

    def __init__(
        self,
        config: ExternalConfig,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._config = config
        self._now = now
        target = parse_target(config.url or "")
        self._path = target.base or "/"
        self._client = Client(
            target,
            limits=ClientLimits(config.timeout_seconds, _CONNECTIONS, _CONNECTIONS),
            bounds=Bounds(config.timeout_seconds, config.timeout_seconds),
        )
        self._is_started = False
        self._starting = asyncio.Lock()
        self._verdicts: dict[bytes, _Verdict] = {}
        self._asking: dict[bytes, asyncio.Task[_Verdict]] = {}
        self._limits: dict[str, Limits] = {}

    async def principal(self, credential: str) -> Principal | None:
        """Whose credential it is; None where it cannot be one of the service's."""
        if not _SENDABLE.fullmatch(credential):
            return None
        digest = hashlib.sha256(credential.encode()).digest()
        verdict = self._verdicts.get(digest)
        if verdict is None or self._now() >= verdict.until:
            verdict = await self._asked(digest, credential)
        principal = verdict.principal
        if principal is None:
            raise AuthenticationFailed("That is not a key of this server.")
        remember(self._limits, principal.key_id, principal.grant.limits)
        return principal

    def limits_of(self, key_id: str) -> Limits | None:
        """The limits of a principal that was let in a moment ago."""
        return self._limits.get(key_id)

    async def stop(self) -> None:
        """Close the connections; who still waits for an answer is not let in."""
        asking = list(self._asking.values())
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        if self._is_started:
            await self._client.stop()

    async def _asked(self, digest: bytes, credential: str) -> _Verdict:
        """The service's verdict; of all who ask for the same, one does, and who leaves ends it for no other."""
        task = self._asking.get(digest)
        if task is None:
            task = asyncio.create_task(self._ask(digest, credential))
            self._asking[digest] = task
            task.add_done_callback(lambda done: self._forget(digest, done))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise _unavailable() from None
            raise

    def _forget(self, digest: bytes, done: asyncio.Task[_Verdict]) -> None:
        self._asking.pop(digest, None)
        if not done.cancelled():
            done.exception()  # all who waited may have left

    async def _ask(self, digest: bytes, credential: str) -> _Verdict:
        async with self._starting:
            if not self._is_started:
                await self._client.start()
                self._is_started = True
        try:
            async with asyncio.timeout(self._config.timeout_seconds):
                verdict = await self._exchange(credential)
        except (Failure, TimeoutError, ValueError, msgspec.MsgspecError) as error:
            log_trouble("the check of keys does not answer", reason=type(error).__name__)
            raise _unavailable() from error
        remember(self._verdicts, digest, verdict)
        return verdict

    async def _exchange(self, credential: str) -> _Verdict:
        headers = (("authorization", f"Bearer {credential}"), ("accept", "application/json"))
        asked = self._now()
        async with self._client.send("GET", self._path, headers=headers) as response:
            content = await response.read(_MOST_BYTES)
            if response.status in _REFUSALS:
                seconds = min(self._config.cache_seconds, _REFUSED_SECONDS)
                return _Verdict(None, asked + seconds)
            if response.status != HTTPStatus.OK:
                raise ValueError(f"it answers {response.status}")
            answer = msgspec.json.decode(content, type=_Answer)
        principal = _principal(answer, self._config)
        until = asked + self._config.cache_seconds
        expires_at = principal.grant.expires_at
        if expires_at is not None:
            until = min(until, expires_at)
            if asked >= expires_at:
                return _Verdict(None, asked)
        return _Verdict(principal, until)


def _principal(answer: _Answer, config: ExternalConfig) -> Principal:
    """Who that is; ValueError where the answer makes no sense."""
    if not answer.id:
        raise ValueError("it names nobody")
    grant = Grant(
        config.scopes if answer.scopes is None else scopes_in(answer.scopes, config.scopes),
        () if answer.models is None else models_in(answer.models),
        NO_LIMITS if answer.limits is None else limits_in(answer.limits),
        None if answer.expires_at is None else int(answer.expires_at),
    )
    name = answer.name or answer.id
    return Principal(id_of(_KIND, answer.id), name[:LONGEST], grant, answer.owner[:LONGEST])


def _unavailable() -> RequestError:
    return StoreUnavailable("Keys cannot be checked just now: try again in a moment.")
