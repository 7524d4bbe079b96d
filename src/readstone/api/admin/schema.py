"""Keys on the wire, and as `readstone keys --json` prints them; never a secret but a new one."""

from dataclasses import replace
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from readstone.core.key import Key
from readstone.core.limit import Limits

MICROS: Final = 1_000_000

_LINE: Final = r"\A[^\x00-\x1f\x7f]*\Z"
"""Text without control characters: it is shown in tables, and no database takes all of them."""
_Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=_LINE)]
_Owner = Annotated[str, Meta(max_length=200, pattern=_LINE)]
_Models = Annotated[list[_Name], Meta(max_length=200)]
_Scopes = Annotated[list[str], Meta(max_length=50)]
_Count = Annotated[int, Meta(ge=0, le=2**53)]
_Cost = Annotated[float, Meta(ge=0, le=1e9)]
_Time = Annotated[int, Meta(ge=0, le=253_402_300_799)]
"""Unix seconds, up to the year 9999."""


class LimitsBody(msgspec.Struct):
    """How much a key may ask for; null where the configuration says, 0 where there is no limit."""

    requests_per_minute: int | None
    tokens_per_minute: int | None
    pages_per_day: int | None
    concurrency: int | None
    budget_per_month: float | None


class KeyBody(msgspec.Struct, kw_only=True):
    """A key. Times are Unix seconds; `models` is empty where it may use all."""

    id: str
    object: str
    name: str
    owner: str
    state: str
    scopes: list[str]
    models: list[str]
    limits: LimitsBody
    created_at: int
    expires_at: int | None
    revoked_at: int | None


class NewKeyBody(KeyBody, kw_only=True):
    """A key with how it is written, which is told this once."""

    key: str


class KeyList(msgspec.Struct):
    """Keys, oldest first; `after` asks for the next page where there is one."""

    object: str
    data: list[KeyBody]
    has_more: bool
    after: str | None


class LimitsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of a key's own; null for those of the configuration, 0 for none."""

    requests_per_minute: _Count | UnsetType | None = UNSET
    tokens_per_minute: _Count | UnsetType | None = UNSET
    pages_per_day: _Count | UnsetType | None = UNSET
    concurrency: _Count | UnsetType | None = UNSET
    budget_per_month: _Cost | UnsetType | None = UNSET

    def over(self, base: Limits) -> Limits:
        """The limits of `base` with those that are given in their place."""
        given = {
            name: most for name, most in msgspec.structs.asdict(self).items() if most is not UNSET
        }
        if (budget := given.get("budget_per_month")) is not None:
            given["budget_per_month"] = round(budget * MICROS)
        return replace(base, **given)


class KeyRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A key to be made."""

    name: _Name
    owner: _Owner = ""
    scopes: _Scopes | UnsetType = UNSET
    models: _Models = []
    limits: LimitsRequest = LimitsRequest()
    expires_at: _Time | None = None


class KeyChange(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be changed of a key; what is not given stays."""

    name: _Name | UnsetType = UNSET
    owner: _Owner | UnsetType = UNSET
    scopes: _Scopes | UnsetType = UNSET
    models: _Models | UnsetType = UNSET
    limits: LimitsRequest | UnsetType = UNSET
    expires_at: _Time | UnsetType | None = UNSET


class RotationRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A rotation; the secret so far goes on for `grace_seconds`, 30 days at most."""

    grace_seconds: Annotated[int, Meta(ge=0, le=2_592_000)] = 0


def key_body(key: Key, now: float) -> KeyBody:
    """The key as it is told."""
    grant, limits = key.grant, key.grant.limits
    budget = limits.budget_per_month
    return KeyBody(
        id=key.public_id,
        object="key",
        name=key.name,
        owner=key.owner,
        state=key.state(now),
        scopes=list(grant.scopes),
        models=list(grant.models),
        limits=LimitsBody(
            limits.requests_per_minute,
            limits.tokens_per_minute,
            limits.pages_per_day,
            limits.concurrency,
            None if budget is None else budget / MICROS,
        ),
        created_at=key.created_at,
        expires_at=grant.expires_at,
        revoked_at=key.revoked_at,
    )


def new_key_body(key: Key, written: str, now: float) -> NewKeyBody:
    """The key as it is told to who made it."""
    return NewKeyBody(**msgspec.structs.asdict(key_body(key, now)), key=written)
