"""What is kept: the protocol every store fulfils (tests/contract holds them to it)."""

from typing import Protocol

from readstone.core.key import Key


class Store(Protocol):
    """Keeps keys. Every call sees what its process committed before it began, and others 50 ms before."""

    async def add_key(self, key: Key) -> None:
        """Keep a new key; its public id must not be taken."""
        ...

    async def find_key(self, public_id: str) -> Key | None:
        """The key with that public id, revoked or not."""
        ...

    async def list_keys(self) -> tuple[Key, ...]:
        """Every key, oldest first."""
        ...

    async def revoke_key(self, public_id: str, at: int) -> bool:
        """Revoke a key for good; False where there is none, or it was revoked before."""
        ...

    async def close(self) -> None:
        """Let go of files and threads; the store is not used afterwards."""
        ...
