"""Who is asking: an Authorization header becomes a principal, here and nowhere else."""

import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from readstone.core.errors import AuthenticationFailed
from readstone.core.key import Key, Principal, opens, parse
from readstone.core.moment import written_time
from readstone.serving.wrong_keys import Origin, WrongKeys

_SCHEME = "bearer "
_LONGEST: Final = 16_384
"""Characters of a credential; tokens with many claims have a few thousand."""


class Verifier(Protocol):
    """One kind of credential, such as our keys, or tokens of somebody's identity provider. Others are plugged in here."""

    async def principal(self, credential: str) -> Principal | None:
        """Whose it is; None where it is none of its kind.

        AuthenticationFailed where it is of its kind and not valid, StoreUnavailable where that cannot be told just now.
        It never tells what was wrong with a secret, and no part of one.
        """
        ...


class Keys(Protocol):
    """Where keys are kept: the store."""

    async def find_key(self, public_id: str) -> Key | None:
        """The key with that public id."""
        ...


class StoreKeys:
    """Our own keys. What is revoked is refused as soon as the store knows; what has expired, from that second on."""

    def __init__(self, keys: Keys, now: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._now = now

    async def principal(self, credential: str) -> Principal | None:
        """Whose key it is; a secret is compared in constant time, and as slowly for a key that is not there."""
        parts = parse(credential)
        if parts is None:
            return None
        public_id, secret = parts
        key = await self._keys.find_key(public_id)
        now = self._now()
        is_right = opens(key, secret, now)
        if not is_right or key is None or key.revoked_at is not None:
            raise AuthenticationFailed(
                f"The key rs-{public_id}-… is not valid here, or it was revoked.",
                is_guess=not is_right,
            )
        expires_at = key.grant.expires_at
        if expires_at is not None and now >= expires_at:
            raise AuthenticationFailed(
                f"The key rs-{public_id}-… expired on {written_time(expires_at)}.", is_guess=False
            )
        return Principal(public_id, key.name, key.grant, key.owner)


class Authenticator:
    """Asks each verifier in turn, our keys first; whoever keeps sending what none of them takes is told to wait."""

    def __init__(
        self, keys: Keys, others: Sequence[Verifier] = (), wrong_keys: WrongKeys | None = None
    ) -> None:
        self._verifiers = (StoreKeys(keys), *others)
        self._wrong_keys = wrong_keys

    async def principal(self, authorization: str | None, origin: Origin | None = None) -> Principal:
        """Whose credential it is.

        AuthenticationFailed says what to send; TooManyWrongKeys is raised in its place where that address has sent too many
        that are wrong. One that is right is never held back.
        """
        if not authorization:
            raise AuthenticationFailed
        try:
            return await self._verified(authorization)
        except AuthenticationFailed as error:
            if self._wrong_keys is not None and origin is not None and error.is_guess:
                await self._wrong_keys.count(origin)
            raise

    async def _verified(self, authorization: str) -> Principal:
        if authorization[: len(_SCHEME)].lower() != _SCHEME:
            raise AuthenticationFailed("The Authorization header must be 'Bearer <key>'.")
        credential = authorization[len(_SCHEME) :].strip()
        if len(credential) <= _LONGEST:
            for verifier in self._verifiers:
                principal = await verifier.principal(credential)
                if principal is not None:
                    return principal
        raise AuthenticationFailed("That is not a key of this server: one begins with 'rs-'.")
