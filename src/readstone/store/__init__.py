"""What is kept: the protocol every store fulfils (tests/contract holds them to it)."""

from collections.abc import Collection, Sequence
from typing import Protocol

from readstone.core.key import Key
from readstone.core.ledger import Entry, Grouping, Place, Selection, Total
from readstone.store.daybook import Daybook


class Keys(Protocol):
    """Keeps keys. Every call sees what any process committed before it began (Postgres: see store/notices.py)."""

    async def add_key(self, key: Key) -> None:
        """Keep a new key; ValueError where its public id is taken."""
        ...

    async def find_key(self, public_id: str) -> Key | None:
        """The key with that public id, revoked or not."""
        ...

    async def list_keys(self) -> tuple[Key, ...]:
        """Every key, oldest first."""
        ...

    async def change_key(self, key: Key) -> bool:
        """Change name, owner and grant of a key; False where there is none, or it was revoked."""
        ...

    async def rotate_key(self, key: Key) -> bool:
        """Change the secrets of a key; False where there is none, or it was revoked."""
        ...

    async def revoke_key(self, public_id: str, at: int) -> bool:
        """Revoke a key for good; False where there is none, or it was revoked before."""
        ...


class Entries(Protocol):
    """Keeps the ledger: an entry for each request id, and totals by day that outlive the entries."""

    @property
    def daybook(self) -> Daybook | None:
        """Where entries are safe before they are appended, whose reading has them too; None where only `append` makes them so."""
        ...

    async def append(self, entries: Sequence[Entry]) -> None:
        """Commit entries in one transaction; one whose request id is there already changes nothing."""
        ...

    async def usage(self, selection: Selection, by: Collection[Grouping]) -> tuple[Total, ...]:
        """The totals of what is selected, ordered by day, key and model; pruned entries count too."""
        ...

    async def entries(
        self, selection: Selection, after: Place | None, most: int
    ) -> tuple[Entry, ...]:
        """The newest entries of what is selected, at most so many; those that stand after a place, in pages."""
        ...

    async def entry(self, request_id: str) -> Entry | None:
        """The entry of a request; None where it has none, or was pruned."""
        ...

    async def prune(self, before: int, most: int) -> int:
        """Forget the oldest entries that ended before (Unix milliseconds), at most so many; how many it were."""
        ...


class Store(Keys, Entries, Protocol):
    """Keeps everything. Every method raises StoreUnavailable where that cannot be done just now."""

    async def close(self) -> None:
        """Let go of files, threads and connections; the store is not used afterwards."""
        ...
