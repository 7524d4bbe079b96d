"""API keys: how one is made, written, stored and compared."""

import hashlib
import hmac
import re
import secrets
import string
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from readstone.core.errors import PermissionDenied
from readstone.core.grant import CLIENT, Grant
from readstone.core.model import Model
from readstone.core.record import record
from readstone.core.scope import allows

State: TypeAlias = Literal["active", "expired", "revoked"]

_ALPHABET = string.ascii_letters + string.digits
_PUBLIC_LENGTH = 12
_SECRET_LENGTH = 40
_WRITTEN = re.compile(rf"rs-([A-Za-z0-9]{{{_PUBLIC_LENGTH}}})-([A-Za-z0-9]{{{_SECRET_LENGTH}}})")
_NOBODY: Final = bytes(hashlib.sha256().digest_size)
"""The hash that no secret has: what is compared for a key that is not there."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is stored: the SHA-256 of its secret, never the secret. Times are Unix seconds.

    After a rotation the secret before (`former_hash`) opens it too, until `former_until`.

    A fast hash is right here: the secret is 238 random bits, so there is no dictionary to try.
    """

    public_id: str
    name: str
    secret_hash: bytes
    created_at: int
    owner: str = ""
    grant: Grant = CLIENT
    revoked_at: int | None = None
    former_hash: bytes = _NOBODY
    former_until: int = 0

    def state(self, now: float) -> State:
        """Whether it opens anything at that time, and why not."""
        if self.revoked_at is not None:
            return "revoked"
        expires_at = self.grant.expires_at
        return "expired" if expires_at is not None and now >= expires_at else "active"


@record
class Principal:
    """Who a request comes from: the public id and name of the key or token, whose it is, and what it allows."""

    key_id: str
    name: str
    grant: Grant
    owner: str = ""

    def may_use(self, model: Model) -> bool:
        """Whether it is for this model, or for all."""
        return self.grant.may_use(model)

    def require(self, model: Model) -> None:
        """Raise PermissionDenied unless it is for this model."""
        if not self.grant.may_use(model):
            raise PermissionDenied(
                f"This key may not use '{model.id}'; it may use {', '.join(self.grant.models)}.",
                param="model",
            )

    def require_scope(self, scope: str) -> None:
        """Raise PermissionDenied unless it has this scope."""
        if not allows(self.grant.scopes, scope):
            raise PermissionDenied(
                f"This key may not do that: it asks for the scope '{scope}', and the key has "
                f"{', '.join(self.grant.scopes) or 'none'}.",
                code="insufficient_scope",
            )


def mint(name: str, now: int, grant: Grant = CLIENT, *, owner: str = "") -> tuple[Key, str]:
    """Make a new key; returns what is stored and, for this one time, how it is written."""
    public_id = _random(_PUBLIC_LENGTH)
    secret = _random(_SECRET_LENGTH)
    return Key(public_id, name, _digest(secret), now, owner, grant), _written(public_id, secret)


def rotate(key: Key, former_until: int) -> tuple[Key, str]:
    """The key with a new secret, and how it is written; the secret so far opens it until that time."""
    secret = _random(_SECRET_LENGTH)
    rotated = replace(
        key,
        secret_hash=_digest(secret),
        former_hash=key.secret_hash if former_until else _NOBODY,
        former_until=former_until,
    )
    return rotated, _written(key.public_id, secret)


def parse(written: str) -> tuple[str, str] | None:
    """Split `rs-<public id>-<secret>` into its two parts; None where it is not of that form."""
    match = _WRITTEN.fullmatch(written)
    return (match[1], match[2]) if match else None


def public_id_of(written: str) -> str:
    """The public id of a key that is named by it alone, as `rs-<public id>` or by the whole key."""
    return written.split("-")[1] if written.startswith("rs-") else written


def without_secrets(text: str) -> str:
    """The text with no key in it whole: of each only what tells it from others is left."""
    return _WRITTEN.sub(r"rs-\1-…", text) if "rs-" in text else text


def opens(key: Key | None, secret: str, now: float) -> bool:
    """Whether that is the key's secret, whatever became of the key; as slow for a key that is not there."""
    digest = _digest(secret)
    is_right = hmac.compare_digest(_NOBODY if key is None else key.secret_hash, digest)
    if key is None or now >= key.former_until:
        return is_right
    return is_right | hmac.compare_digest(key.former_hash, digest)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _written(public_id: str, secret: str) -> str:
    return f"rs-{public_id}-{secret}"


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
