"""Rows of a database as core types, and back; alike in every database."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, TypeAlias

from readstone.core.grant import Grant
from readstone.core.key import Key
from readstone.core.ledger import (
    DAY_MILLISECONDS,
    Entry,
    Grouping,
    Place,
    Selection,
    Total,
    day_of,
)
from readstone.core.limit import Limits

Row: TypeAlias = tuple[Any, ...]
Values: TypeAlias = dict[str, str | int | bytes | None]


def key_values(key: Key) -> Values:
    """The values of the queries `add_key`, `change_key` and `rotate_key`."""
    grant = key.grant
    return {
        "public_id": key.public_id,
        "name": key.name,
        "secret_hash": key.secret_hash,
        "created_at": key.created_at,
        "owner": key.owner,
        "scopes": json.dumps(grant.scopes),
        "models": json.dumps(grant.models),
        "limits": json.dumps(
            {name: most for name, most in asdict(grant.limits).items() if most is not None}
        ),
        "expires_at": grant.expires_at,
        "revoked_at": key.revoked_at,
        "former_hash": key.former_hash,
        "former_until": key.former_until,
    }


def read_key(row: Row) -> Key:
    """A row of `find_key` or `list_keys`."""
    public_id, name, secret_hash, created_at, owner, *granted, revoked_at, former, until = row
    scopes, models, limits, expires_at = granted
    grant = Grant(
        tuple(json.loads(scopes)),
        tuple(json.loads(models)),
        Limits(**json.loads(limits)),
        expires_at,
    )
    return Key(
        public_id,
        name,
        bytes(secret_hash),
        created_at,
        owner,
        grant,
        revoked_at,
        bytes(former),
        until,
    )


def usage_values(selection: Selection, by: Iterable[Grouping]) -> Values:
    """The values of the query `usage`."""
    first, last = selection.days
    groupings = {f"by_{grouping}": 0 for grouping in ("day", "key", "model")}
    return {
        **groupings,
        **{f"by_{grouping}": 1 for grouping in by},
        "first": first,
        "last": last,
        "key_id": selection.key_id,
        "model": selection.model,
    }


def read_total(row: Row) -> Total:
    """A row of `usage`."""
    day, key_id, model, *sums = row
    return Total(None if day is None else day_of(day), key_id, model, *map(int, sums))


def entries_values(selection: Selection, after: Place | None, most: int) -> Values:
    """The values of the queries `entries` and `entries_of_key`."""
    first, last = selection.days
    end = (last + 1) * DAY_MILLISECONDS
    at, request_id = after or (end, "")
    return {
        "first": first * DAY_MILLISECONDS,
        "last": end - 1,
        "at": at,
        "request_id": request_id,
        "key_id": selection.key_id,
        "model": selection.model,
        "most": most,
    }


def read_entry(row: Row) -> Entry:
    """A row of `entries` or `entries_of_key`."""
    values = list(row)
    values[14] = bool(values[14])
    return Entry(*values)
