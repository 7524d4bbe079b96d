"""API keys: how one is made, written, stored and compared."""

import hashlib
import hmac
import re
import secrets
import string
from dataclasses import dataclass

from readstone.core.errors import PermissionDenied
from readstone.core.limit import NO_LIMITS, Limits
from readstone.core.model import Model

_ALPHABET = string.ascii_letters + string.digits
_PUBLIC_LENGTH = 12
_SECRET_LENGTH = 40
_WRITTEN = re.compile(rf"rs-([A-Za-z0-9]{{{_PUBLIC_LENGTH}}})-([A-Za-z0-9]{{{_SECRET_LENGTH}}})")


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is stored: the SHA-256 of its secret, never the secret. Times are Unix seconds.

    `models` names the models it may use, by id or alias; all where it is empty. `limits` are its own; where they say
    nothing, those of the configuration hold.

    A fast hash is right here: the secret is 238 random bits, so there is no dictionary to try.
    """

    public_id: str
    name: str
    secret_hash: bytes
    admin: bool
    created_at: int
    revoked_at: int | None = None
    models: tuple[str, ...] = ()
    limits: Limits = NO_LIMITS


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a request comes from: the key's public id and name, whether it administers, which models it may use."""

    key_id: str
    name: str
    admin: bool
    models: tuple[str, ...] = ()

    def may_use(self, model: Model) -> bool:
        """Whether the key is for this model, or for all."""
        return not self.models or any(name in self.models for name in (model.id, *model.aliases))

    def require(self, model: Model) -> None:
        """Raise PermissionDenied unless the key is for this model."""
        if not self.may_use(model):
            raise PermissionDenied(
                f"This key may not use '{model.id}'; it may use {', '.join(self.models)}.",
                param="model",
            )


def mint(
    name: str,
    now: int,
    *,
    admin: bool = False,
    models: tuple[str, ...] = (),
    limits: Limits = NO_LIMITS,
) -> tuple[Key, str]:
    """Make a new key; returns what is stored and, for this one time, how it is written."""
    public_id = _random(_PUBLIC_LENGTH)
    secret = _random(_SECRET_LENGTH)
    key = Key(public_id, name, _digest(secret), admin, now, models=models, limits=limits)
    return key, f"rs-{public_id}-{secret}"


def parse(written: str) -> tuple[str, str] | None:
    """Split `rs-<public id>-<secret>` into its two parts; None where it is not of that form."""
    match = _WRITTEN.fullmatch(written)
    return (match[1], match[2]) if match else None


def opens(key: Key, secret: str) -> bool:
    """Whether the secret belongs to the key and the key is not revoked; in constant time."""
    return hmac.compare_digest(key.secret_hash, _digest(secret)) and key.revoked_at is None


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
