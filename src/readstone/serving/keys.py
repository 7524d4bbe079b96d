"""Who is asking: an Authorization header becomes a principal, here and nowhere else."""

from readstone.core.errors import AuthenticationFailed
from readstone.core.key import Principal, opens, parse
from readstone.store import Store

_SCHEME = "bearer "


class Authenticator:
    """Checks keys against the store for every request: a revoked key is refused as soon as the store knows."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def principal(self, authorization: str | None) -> Principal:
        """Whose key it is; AuthenticationFailed says what to send, never what was wrong with a secret."""
        if not authorization:
            raise AuthenticationFailed
        if authorization[: len(_SCHEME)].lower() != _SCHEME:
            raise AuthenticationFailed("The Authorization header must be 'Bearer <key>'.")
        parts = parse(authorization[len(_SCHEME) :].strip())
        if parts is None:
            raise AuthenticationFailed("That is not a key of this server: one begins with 'rs-'.")
        public_id, secret = parts
        key = await self._store.find_key(public_id)
        if key is None or not opens(key, secret):
            raise AuthenticationFailed(
                f"The key rs-{public_id}-… is not valid here, or it was revoked."
            )
        return Principal(key.public_id, key.name, key.admin, key.models)
