"""JSON Web Tokens of an identity provider, as credentials: checked here, and nowhere else."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import jwt

from readstone.config import JWTConfig
from readstone.core.errors import AuthenticationFailed, ConfigurationError
from readstone.core.grant import Grant
from readstone.core.key import Principal
from readstone.core.limit import NO_LIMITS, Limits
from readstone.serving.claims import LONGEST, id_of, limits_in, models_in, remember, scopes_in
from readstone.serving.signing_keys import SigningKeys, of_file, of_url

_FORM: Final = "eyJ"
"""What every token begins with: `{"` in base64."""
_KIND: Final = "jwt"
"""What the ids of principals begin with that have a token."""
_LEAST_SECRET: Final = 32
"""Bytes of a shared secret (RFC 7518, 3.2)."""
_ALWAYS: Final = ("iss", "aud", "exp", "sub")

Claims = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Checked:
    """A token that was checked: whose it is, and for how long that holds."""

    principal: Principal
    until: float
    version: int


class Tokens:
    """Takes the tokens of one issuer.

    One that was checked is taken again without a look at its signature, until it expires or the issuer's keys change. It
    is remembered by its hash.
    """

    def __init__(
        self, config: JWTConfig, secret: str | None, now: Callable[[], float] = time.time
    ) -> None:
        if secret is not None and len(secret.encode()) < _LEAST_SECRET:
            raise ConfigurationError(
                f"The secret of authentication.jwt.secret_env has less than {_LEAST_SECRET} bytes, so it could be guessed."
            )
        self._config = config
        self._secret = secret
        self._now = now
        self._keys = _signing_keys(config)
        self._required = [*_ALWAYS, *config.required_claims, *_named(config)]
        self._checked: dict[bytes, _Checked] = {}
        self._limits: dict[str, Limits] = {}

    async def principal(self, credential: str) -> Principal | None:
        """Whose token it is."""
        if not credential.startswith(_FORM) or credential.count(".") != 2:  # noqa: PLR2004  (head, claims, signature)
            return None
        digest = hashlib.sha256(credential.encode(errors="replace")).digest()
        if self._keys is not None:
            self._keys.look()
        version = self._keys.version if self._keys is not None else 0
        checked = self._checked.get(digest)
        if checked is None or self._now() >= checked.until or checked.version != version:
            checked = await self._check(credential)
            remember(self._checked, digest, checked)
        principal = checked.principal
        remember(self._limits, principal.key_id, principal.grant.limits)
        return principal

    def limits_of(self, key_id: str) -> Limits | None:
        """The limits of a token's principal that was let in a moment ago."""
        return self._limits.get(key_id)

    async def stop(self) -> None:
        """Look at the issuer's keys no more."""
        if self._keys is not None:
            await self._keys.stop()

    async def _check(self, token: str) -> _Checked:
        key = await self._key(token)
        version = self._keys.version if self._keys is not None else 0
        try:
            claims: Claims = jwt.decode(
                token,
                key,
                algorithms=list(self._config.algorithms),
                audience=self._config.audience,
                issuer=self._config.issuer,
                leeway=self._config.leeway_seconds,
                options={"require": self._required},
            )
        except jwt.ExpiredSignatureError as error:
            raise AuthenticationFailed("The token has expired.", is_guess=False) from error
        except jwt.MissingRequiredClaimError as error:
            raise AuthenticationFailed(f"The token has no claim '{error.claim}'.") from error
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise AuthenticationFailed("The token is not valid here.") from error
        return _Checked(
            _principal(claims, self._config),
            float(claims["exp"]) + self._config.leeway_seconds,
            version,
        )

    async def _key(self, token: str) -> jwt.PyJWK | str:
        """The key that the token says it was signed with."""
        try:
            head = jwt.get_unverified_header(token)
        except jwt.PyJWTError as error:
            raise AuthenticationFailed("The token cannot be read.") from error
        if head.get("alg") not in self._config.algorithms:
            raise AuthenticationFailed("The token is not signed as it should be.")
        if self._keys is None:
            return self._secret or ""
        key = await self._keys.find(head.get("kid"))
        if key is None:
            raise AuthenticationFailed("The token is signed with a key that is not known.")
        return key


def _signing_keys(config: JWTConfig) -> SigningKeys | None:
    if config.jwks_url is not None:
        return SigningKeys(of_url(config.jwks_url), config.refresh_seconds)
    if config.jwks_file is not None:
        return SigningKeys(of_file(config.jwks_file), config.refresh_seconds)
    return None


def _named(config: JWTConfig) -> list[str]:
    """The claims that the configuration reads: a token without one is refused, not let in with more."""
    claims = (config.owner_claim, config.scopes_claim, config.models_claim, config.limits_claim)
    return [claim for claim in claims if claim]


def _principal(claims: Claims, config: JWTConfig) -> Principal:
    subject = claims["sub"]
    if not isinstance(subject, str) or not subject:
        raise AuthenticationFailed("The token's claim 'sub' names nobody.")
    grant = Grant(
        _read(claims, config.scopes_claim, lambda value: scopes_in(value, config.scopes))
        or (() if config.scopes_claim else config.scopes),
        _read(claims, config.models_claim, models_in) or (),
        _read(claims, config.limits_claim, limits_in) or NO_LIMITS,
    )
    owner = str(claims[config.owner_claim]) if config.owner_claim else ""
    return Principal(id_of(_KIND, subject), subject[:LONGEST], grant, owner[:LONGEST])


def _read(claims: Claims, name: str | None, reading: Callable[[object], T]) -> T | None:
    """What a claim says; None where it is not one that is read. AuthenticationFailed where it says something else."""
    if not name:
        return None
    try:
        return reading(claims[name])
    except ValueError as error:
        raise AuthenticationFailed(f"The token's claim '{name}' {error}.") from error
