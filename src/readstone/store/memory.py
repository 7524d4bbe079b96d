"""A store that forgets: for tests, held to the same contract as the others."""

from dataclasses import replace

from readstone.core.key import Key


class MemoryStore:
    """Keeps keys in a dictionary."""

    def __init__(self) -> None:
        self._keys: dict[str, Key] = {}

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

    async def revoke_key(self, public_id: str, at: int) -> bool:
        """Revoke a key for good; False where there is none, or it was revoked before."""
        key = self._keys.get(public_id)
        if key is None or key.revoked_at is not None:
            return False
        self._keys[public_id] = replace(key, revoked_at=at)
        return True

    async def close(self) -> None:
        """Forget everything."""
        self._keys.clear()
