"""The sections of who may come in: wrong keys, proxies before the server, and tokens of an identity provider."""

from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from msgspec import Meta

from readstone.core.errors import ConfigurationError, InvalidRequest
from readstone.core.scope import API, check_scopes

_SHARED: Final = frozenset({"HS256", "HS384", "HS512"})
_PUBLIC: Final = frozenset(
    {
        *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
        *("ES256", "ES384", "ES512", "EdDSA"),
    }
)
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class JWTConfig:
    """JSON Web Tokens of an identity provider, taken in place of keys."""

    issuer: Annotated[
        str | None,
        Meta(description="Who issues tokens (`iss`), exactly; none are taken where not set."),
    ] = None
    audience: Annotated[
        tuple[str, ...], Meta(description="Audiences (`aud`); a token has to name one of them.")
    ] = ("readstone",)
    algorithms: Annotated[
        tuple[str, ...],
        Meta(description="Algorithms of signatures; `HS256` and its like with `secret_env` only."),
    ] = ("RS256", "ES256", "EdDSA")
    jwks_url: Annotated[
        str | None, Meta(description="Where the issuer's public keys are: a JWKS at an https URL.")
    ] = None
    jwks_file: Annotated[
        Path | None, Meta(description="Instead: a file with the JWKS, read again when it is due.")
    ] = None
    secret_env: Annotated[
        str | None,
        Meta(description="Instead: the environment variable that holds a shared secret."),
    ] = None
    refresh_seconds: Annotated[
        float, Meta(ge=10, le=86_400, description="How often the public keys are looked at again.")
    ] = 300.0
    leeway_seconds: Annotated[
        float, Meta(ge=0, le=300, description="How far the issuer's clock may be off.")
    ] = 30.0
    required_claims: Annotated[
        tuple[str, ...],
        Meta(description="Claims every token must have, beside `iss`, `aud`, `exp` and `sub`."),
    ] = ()
    owner_claim: Annotated[
        str,
        Meta(
            description="The claim that says whose a token is; log, ledger and limits go by `sub`."
        ),
    ] = "sub"
    scopes: Annotated[
        tuple[str, ...],
        Meta(description="The scopes of tokens; the most of them with `scopes_claim`."),
    ] = (API,)
    scopes_claim: Annotated[
        str | None,
        Meta(description="The claim that names a token's scopes, in a list or parted by spaces."),
    ] = None
    models_claim: Annotated[
        str | None,
        Meta(description="The claim that names a token's models, as for keys; all where not set."),
    ] = None
    limits_claim: Annotated[
        str | None,
        Meta(
            description="The claim that holds limits, an object with the names of `[limits.key]`."
        ),
    ] = None

    def __post_init__(self) -> None:
        if self.issuer is None:
            return
        sources = (self.jwks_url, self.jwks_file, self.secret_env)
        if len([source for source in sources if source is not None]) != 1:
            raise ConfigurationError("needs one of jwks_url, jwks_file and secret_env.")
        allowed = _PUBLIC if self.secret_env is None else _SHARED
        wrong = [name for name in self.algorithms if name not in allowed]
        if wrong or not self.algorithms:
            raise ConfigurationError(
                f"algorithms cannot hold '{', '.join(wrong)}' here: they are of {', '.join(sorted(allowed))}."
            )
        if not self.audience:
            raise ConfigurationError("audience is empty: name what tokens for this server name.")
        _check_address(self.jwks_url)
        _check_scopes(self.scopes)


@dataclass(frozen=True, slots=True)
class ExternalConfig:
    """A service of yours that knows credentials we do not know."""

    url: Annotated[
        str | None,
        Meta(
            description="Asked with a client's `Authorization` whose it is, `https://…`, `http://…` or `unix:/SOCKET:/PATH`; not where not set."
        ),
    ] = None
    scopes: Annotated[
        tuple[str, ...],
        Meta(description="The scopes of those it knows; the most of them where it names some."),
    ] = (API,)
    cache_seconds: Annotated[
        float,
        Meta(ge=0, le=3600, description="How long its answer holds, and so what it takes back."),
    ] = 30.0
    timeout_seconds: Annotated[
        float, Meta(gt=0, le=60, description="How long it may take; then nobody is let in.")
    ] = 2.0

    def __post_init__(self) -> None:
        _check_scopes(self.scopes)


@dataclass(frozen=True, slots=True)
class AuthenticationConfig:
    """Who may come in."""

    wrong_keys_per_minute: Annotated[
        int,
        Meta(
            ge=0,
            description="Wrong keys of an address in any minute before it has to wait; 0 is no limit.",
        ),
    ] = 30
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(
            description="Proxies before this server, as networks (CIDR): their `X-Forwarded-For` is believed."
        ),
    ] = ()
    jwt: JWTConfig = field(default_factory=JWTConfig)
    external: ExternalConfig = field(default_factory=ExternalConfig)

    def __post_init__(self) -> None:
        for written in self.trusted_proxies:
            try:
                ip_network(written)
            except ValueError:
                raise ConfigurationError(
                    f"trusted_proxies has '{written[:80]}', which is no network such as 10.0.0.0/8."
                ) from None


def _check_address(url: str | None) -> None:
    if url is None:
        return
    parts = urlsplit(url)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not is_safe or not parts.hostname:
        raise ConfigurationError(
            "jwks_url is no https URL: who can change what it answers can come in as anybody."
        )


def _check_scopes(names: tuple[str, ...]) -> None:
    try:
        check_scopes(names)
    except InvalidRequest as error:
        raise ConfigurationError(f"scopes are wrong: {error.message}") from None
