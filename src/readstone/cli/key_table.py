"""Keys as `readstone keys` shows them: a table, a page for one, or JSON."""

import json
import sys
from collections.abc import Sequence
from typing import Final

import msgspec

from readstone.api.admin.schema import key_body
from readstone.core.key import Key
from readstone.core.moment import written_time
from readstone.report import print_table

_HEAD: Final = ("ID", "NAME", "OWNER", "SCOPES", "MODELS", "LIMITS", "CREATED", "EXPIRES", "STATE")
_DAY: Final = len("2027-01-01")


def print_keys(keys: Sequence[Key], now: float) -> None:
    """A line for each, never its secret; days are UTC's."""
    print_table([_HEAD, *(_row(key, now) for key in keys)], left=len(_HEAD))


def print_key(key: Key, now: float) -> None:
    """Everything that is known of one."""
    values = [*_row(key, now)]
    values[_HEAD.index("CREATED")] = written_time(key.created_at)
    if key.grant.expires_at is not None:
        values[_HEAD.index("EXPIRES")] = written_time(key.grant.expires_at)
    if key.revoked_at is not None:
        values[_HEAD.index("STATE")] = f"revoked on {written_time(key.revoked_at)}"
    if now < key.former_until:
        values[_HEAD.index("STATE")] += (
            f"; the secret before the last rotation until {written_time(key.former_until)}"
        )
    print_table(list(zip(_HEAD, values, strict=True)), left=2)


def print_json(content: object) -> None:
    """The same as the admin API tells it."""
    json.dump(msgspec.to_builtins(content), sys.stdout, indent=2, ensure_ascii=False)
    print()


def print_keys_json(keys: Sequence[Key], now: float) -> None:
    """A JSON array of keys."""
    print_json([key_body(key, now) for key in keys])


def _row(key: Key, now: float) -> tuple[str, ...]:
    grant = key.grant
    return (
        key.public_id,
        key.name,
        key.owner or "-",
        ", ".join(grant.scopes),
        ", ".join(grant.models) or "all",
        str(grant.limits),
        written_time(key.created_at)[:_DAY],
        "never" if grant.expires_at is None else written_time(grant.expires_at)[:_DAY],
        key.state(now),
    )
