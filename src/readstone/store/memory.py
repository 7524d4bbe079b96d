"""A store that forgets: for tests, held to the same contract as the others."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

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
from readstone.store.daybook import Daybook

_SUMS = (
    *("prompt_tokens", "completion_tokens", "image_tokens", "cached_tokens"),
    *("reasoning_tokens", "pages", "images", "cost"),
)


class MemoryStore:
    """Keeps keys and entries in dictionaries."""

    def __init__(self) -> None:
        self.daybook: Daybook | None = None
        self._keys: dict[str, Key] = {}
        self._entries: dict[str, Entry] = {}
        self._pruned: list[Entry] = []

    async def add_key(self, key: Key) -> None:
        """Keep a new key; ValueError where its public id is taken."""
        if key.public_id in self._keys:
            raise ValueError(f"key {key.public_id} exists")
        self._keys[key.public_id] = key

    async def find_key(self, public_id: str) -> Key | None:
        """The key with that public id, revoked or not."""
        return self._keys.get(public_id)

    async def list_keys(self) -> tuple[Key, ...]:
        """Every key, oldest first."""
        return tuple(sorted(self._keys.values(), key=lambda key: (key.created_at, key.public_id)))

    async def change_key(self, key: Key) -> bool:
        """Change name, owner and grant of a key; False where there is none, or it was revoked."""
        return self._change(key.public_id, name=key.name, owner=key.owner, grant=key.grant)

    async def rotate_key(self, key: Key) -> bool:
        """Change the secrets of a key; False where there is none, or it was revoked."""
        return self._change(
            key.public_id,
            secret_hash=key.secret_hash,
            former_hash=key.former_hash,
            former_until=key.former_until,
        )

    async def revoke_key(self, public_id: str, at: int) -> bool:
        """Revoke a key for good; False where there is none, or it was revoked before."""
        return self._change(public_id, revoked_at=at)

    def _change(self, public_id: str, **values: Any) -> bool:
        key = self._keys.get(public_id)
        if key is None or key.revoked_at is not None:
            return False
        self._keys[public_id] = replace(key, **values)
        return True

    async def append(self, entries: Sequence[Entry]) -> None:
        """Keep entries; one whose request id is there already changes nothing."""
        for entry in entries:
            self._entries.setdefault(entry.request_id, entry)

    async def usage(self, selection: Selection, by: Collection[Grouping]) -> tuple[Total, ...]:
        """The totals of what is selected."""
        groups: dict[tuple[date | None, str, str], list[Entry]] = {}
        for entry in [*self._pruned, *self._entries.values()]:
            if _selects(selection, entry):
                group = (
                    _day(entry) if "day" in by else None,
                    entry.key_id if "key" in by else "",
                    entry.model if "model" in by else "",
                )
                groups.setdefault(group, []).append(entry)
        ordered = sorted(groups, key=lambda group: (group[0] or date.min, *group[1:]))
        return tuple(_total(*group, groups[group]) for group in ordered)

    async def entries(
        self, selection: Selection, after: Place | None, most: int
    ) -> tuple[Entry, ...]:
        """The newest entries of what is selected."""
        found = [
            entry
            for entry in self._entries.values()
            if _selects(selection, entry) and (after is None or entry.place < after)
        ]
        return tuple(sorted(found, key=lambda entry: entry.place, reverse=True)[:most])

    async def entry(self, request_id: str) -> Entry | None:
        """The entry of a request."""
        return self._entries.get(request_id)

    async def prune(self, before: int, most: int) -> int:
        """Forget the oldest entries but for what they add to totals."""
        old = sorted(entry.place for entry in self._entries.values() if entry.at < before)[:most]
        self._pruned += [self._entries.pop(request_id) for _, request_id in old]
        return len(old)

    async def close(self) -> None:
        """Forget everything."""
        self._keys.clear()
        self._entries.clear()


def _day(entry: Entry) -> date:
    return day_of(entry.at // DAY_MILLISECONDS)


def _selects(selection: Selection, entry: Entry) -> bool:
    return (
        selection.key_id in {"", entry.key_id}
        and selection.model in {"", entry.model}
        and selection.since <= _day(entry) <= selection.until
    )


def _total(day: date | None, key_id: str, model: str, entries: list[Entry]) -> Total:
    statuses = [entry.status for entry in entries]
    return Total(
        day,
        key_id,
        model,
        len(entries),
        statuses.count("refused"),
        statuses.count("failed"),
        statuses.count("left"),
        *(sum(getattr(entry, name) for entry in entries) for name in _SUMS),
    )
