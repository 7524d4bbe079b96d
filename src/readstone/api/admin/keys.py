"""`/v1/admin/keys`: keys made, listed, changed, rotated and revoked over HTTP, by keys with the scope `admin:keys`."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeVar

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.routing import Route

from readstone.api.admin.schema import (
    KeyBody,
    KeyChange,
    KeyList,
    KeyRequest,
    RotationRequest,
    key_body,
    new_key_body,
)
from readstone.api.body import read_body
from readstone.api.exchange import Exchange
from readstone.api.query import limit, parameters
from readstone.api.reply import Reply
from readstone.api.violations import decode_json
from readstone.core.errors import InvalidRequest, ModelNotFound, NotFound, RequestTimeout
from readstone.core.grant import CLIENT, Grant
from readstone.core.key import Key, mint, public_id_of, rotate
from readstone.core.model import Model
from readstone.core.scope import check_scopes
from readstone.serving.intake import Intake
from readstone.store import Keys
from readstone.telemetry import log

PATH: Final = "/v1/admin/keys"

_BODY_BYTES: Final = 256 * 1024
_BODY_SECONDS: Final = 30.0
_MOST_KEYS: Final = 1000
_FILTERS: Final = frozenset({"owner", "name", "state", "limit", "after"})
_STATES: Final = ("active", "expired", "revoked")

T = TypeVar("T")


class KeyAdministration:
    """Answers for keys. A key cannot give more than it has, nor change or rotate one that has more than it.

    Each change is a line of the log, with the id of the key that asked for it.
    """

    def __init__(
        self,
        keys: Keys,
        find_model: Callable[[str], Model],
        intake: Intake,
        now: Callable[[], float] = time.time,
        *,
        body_seconds: float = _BODY_SECONDS,
    ) -> None:
        self._keys = keys
        self._find_model = find_model
        self._intake = intake
        self._now = now
        self._body_seconds = body_seconds

    def routes(self) -> list[Route]:
        """The three routes, of several methods each."""
        return [
            Route(PATH, self.collection, methods=["GET", "POST"]),
            Route(f"{PATH}/{{id}}", self.single, methods=["GET", "PATCH", "DELETE"]),
            Route(f"{PATH}/{{id}}/rotate", self.rotate, methods=["POST"]),
        ]

    async def collection(self, request: Request) -> Reply:
        """Make a key, or list those there are."""
        return await (self._create if request.method == "POST" else self._list)(request)

    async def single(self, request: Request) -> Reply:
        """Show, change or revoke a key."""
        parameters(request, ())
        match request.method:
            case "PATCH":
                return await self._change(request)
            case "DELETE":
                return await self._revoke(request)
            case _:
                return Reply(key_body(await self._found(request), self._now()))

    async def rotate(self, request: Request) -> Reply:
        """Give a key a new secret, which is told this once."""
        parameters(request, ())
        asked = await self._body(request, _ROTATION, b"{}")
        key = await self._found(request)
        _caller(request).check_covers(key.grant)
        now = self._now()
        rotated, written = rotate(key, int(now) + asked.grace_seconds if asked.grace_seconds else 0)
        if not await self._keys.rotate_key(rotated):
            raise _revoked(key)
        self._log("key rotated", request, key)
        return _secret(new_key_body(rotated, written, now))

    async def _create(self, request: Request) -> Reply:
        parameters(request, ())
        asked = await self._body(request, _REQUEST)
        scopes = CLIENT.scopes if asked.scopes is UNSET else check_scopes(asked.scopes)
        grant = Grant(
            scopes,
            self._models(asked.models),
            asked.limits.over(CLIENT.limits),
            self._expiry(asked.expires_at),
        )
        _caller(request).check_covers(grant)
        now = self._now()
        key, written = mint(asked.name, int(now), grant, owner=asked.owner)
        await self._keys.add_key(key)
        self._log("key made", request, key)
        return _secret(new_key_body(key, written, now))

    async def _list(self, request: Request) -> Reply:
        asked = parameters(request, _FILTERS)
        now = self._now()
        if asked.get("state", _STATES[0]) not in _STATES:
            raise InvalidRequest(f"state is one of {', '.join(_STATES)}.", param="state")
        keys = [key for key in await self._keys.list_keys() if _is_asked_for(key, asked, now)]
        start = _start(keys, asked.get("after"))
        most = limit(asked, _MOST_KEYS)
        page = keys[start : start + most]
        has_more = start + most < len(keys)
        data = [key_body(key, now) for key in page]
        return Reply(KeyList("list", data, has_more, page[-1].public_id if has_more else None))

    async def _change(self, request: Request) -> Reply:
        asked = await self._body(request, _CHANGE)
        key = await self._found(request)
        caller = _caller(request)
        caller.check_covers(key.grant)
        changed = self._changed(key, asked)
        caller.check_covers(changed.grant)
        if not await self._keys.change_key(changed):
            raise _revoked(key)
        self._log("key changed", request, key)
        return Reply(key_body(changed, self._now()))

    def _changed(self, key: Key, asked: KeyChange) -> Key:
        grant = key.grant
        if asked.scopes is not UNSET:
            grant = replace(grant, scopes=check_scopes(asked.scopes))
        if asked.models is not UNSET:
            grant = replace(grant, models=self._models(asked.models))
        if asked.limits is not UNSET:
            grant = replace(grant, limits=asked.limits.over(grant.limits))
        if asked.expires_at is not UNSET:
            grant = replace(grant, expires_at=self._expiry(asked.expires_at))
        return replace(
            key,
            name=key.name if asked.name is UNSET else asked.name,
            owner=key.owner if asked.owner is UNSET else asked.owner,
            grant=grant,
        )

    async def _revoke(self, request: Request) -> Reply:
        """Revoke a key, also one that has more than the caller: nothing is given by that. Twice is as good as once."""
        key = await self._found(request)
        now = self._now()
        if await self._keys.revoke_key(key.public_id, int(now)):
            self._log("key revoked", request, key)
        return Reply(key_body(await self._found(request), now))

    async def _found(self, request: Request) -> Key:
        named: str = request.path_params["id"]
        # A NUL is in no id, and there are databases that do not take one as a question.
        key = None if "\0" in named else await self._keys.find_key(public_id_of(named))
        if key is None:
            raise NotFound(f"There is no key with that id; GET {PATH} lists them.", param="id")
        return key

    def _models(self, names: Sequence[str]) -> tuple[str, ...]:
        """The names, each once. InvalidRequest for one that no model has and that is no pattern."""
        for name in names:
            if "*" not in name:
                try:
                    self._find_model(name)
                except ModelNotFound as error:
                    raise InvalidRequest(error.message, param="models") from error
        return tuple(dict.fromkeys(names))

    def _expiry(self, at: int | None) -> int | None:
        if at is not None and at <= self._now():
            raise InvalidRequest("expires_at is over already.", param="expires_at")
        return at

    async def _body(
        self, request: Request, decoder: msgspec.json.Decoder[T], absent: bytes = b""
    ) -> T:
        """The body of a request; `absent` is in its place where it has none."""
        exchange: Exchange = request.scope["exchange"]
        async with self._intake.reservation() as reservation:
            declared = exchange.header(b"content-length")
            try:
                async with asyncio.timeout(self._body_seconds):
                    content = await read_body(exchange.receive, declared, _BODY_BYTES, reservation)
            except TimeoutError as error:
                raise RequestTimeout from error
            return decode_json(decoder, content or absent)

    def _log(self, event: str, request: Request, key: Key) -> None:
        exchange: Exchange = request.scope["exchange"]
        log(event, key=key.public_id, by=exchange.caller.key_id, id=exchange.id)


_REQUEST: Final = msgspec.json.Decoder(KeyRequest)
_CHANGE: Final = msgspec.json.Decoder(KeyChange)
_ROTATION: Final = msgspec.json.Decoder(RotationRequest)


def _caller(request: Request) -> Grant:
    exchange: Exchange = request.scope["exchange"]
    return exchange.caller.grant


def _secret(content: KeyBody) -> Reply:
    """An answer that no cache may keep."""
    return Reply(content, headers={"cache-control": "no-store"})


def _revoked(key: Key) -> InvalidRequest:
    return InvalidRequest(f"The key {key.public_id} was revoked, which is for good.", param="id")


def _is_asked_for(key: Key, asked: Mapping[str, str], now: float) -> bool:
    return (
        asked.get("owner", "").casefold() in key.owner.casefold()
        and asked.get("name", "").casefold() in key.name.casefold()
        and asked.get("state", "") in {"", key.state(now)}
    )


def _start(keys: Collection[Key], after: str | None) -> int:
    if after is None:
        return 0
    for index, key in enumerate(keys):
        if key.public_id == after:
            return index + 1
    raise InvalidRequest("after is what the page before told as 'after'.", param="after")
