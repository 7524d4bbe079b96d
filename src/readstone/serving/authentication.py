"""What the configuration says of who may come in, as its parts: verifiers are plugged in here."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from readstone.config import AuthenticationConfig, JWTConfig, read_key
from readstone.core.errors import ConfigurationError
from readstone.core.grant import Grant
from readstone.core.key import Key
from readstone.core.ledger import Grouping, Selection, Total
from readstone.core.limit import Limits
from readstone.serving.keys import Authenticator, Verifier
from readstone.serving.limits.counters import Counters
from readstone.serving.limits.limiter import Records
from readstone.serving.outside import OutsideCheck
from readstone.serving.wrong_keys import WrongKeys, networks


class Source(Verifier, Protocol):
    """A verifier that knows the limits of those it let in, and has something to let go of."""

    def limits_of(self, key_id: str) -> Limits | None:
        """The limits of a principal it let in a moment ago; None where it is none of its own."""
        ...

    async def stop(self) -> None:
        """Let go of tasks and connections."""
        ...


@dataclass(frozen=True, slots=True)
class Authentication:
    """Who may come in, and where their limits are kept."""

    authenticator: Authenticator
    records: Records
    sources: tuple[Source, ...]

    async def stop(self) -> None:
        """Let go of what verifiers hold."""
        for source in self.sources:
            await source.stop()


def build_authentication(
    config: AuthenticationConfig, store: Records, counters: Counters | None = None
) -> Authentication:
    """The parts for a server whose keys are in that store. ConfigurationError where something is missing.

    `counters` are where several processes count wrong keys together.
    """
    sources = _sources(config)
    most = config.wrong_keys_per_minute
    proxies = networks(config.trusted_proxies)
    wrong_keys = WrongKeys(most, proxies, counters) if most else None
    records = _WithSources(store, sources) if sources else store
    return Authentication(Authenticator(store, sources, wrong_keys), records, sources)


def _sources(config: AuthenticationConfig) -> tuple[Source, ...]:
    """Those that are configured, in the order they are asked."""
    tokens = () if config.jwt.issuer is None else (_tokens(config.jwt),)
    outside = () if config.external.url is None else (OutsideCheck(config.external),)
    return (*tokens, *outside)


def _tokens(config: JWTConfig) -> Source:
    try:
        from readstone.serving.tokens import Tokens  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise ConfigurationError(
            "authentication.jwt needs a library: pip install 'readstone[jwt]'."
        ) from error
    return Tokens(config, read_key(config.secret_env, None))


class _WithSources:
    """The store, with those beside it that verifiers let in."""

    def __init__(self, store: Records, sources: Sequence[Source]) -> None:
        self._store = store
        self._sources = sources

    async def find_key(self, public_id: str) -> Key | None:
        """The key of that id, or what stands for it: limits without a secret."""
        for source in self._sources:
            limits = source.limits_of(public_id)
            if limits is not None:
                return Key(public_id, "", b"", 0, grant=Grant(limits=limits))
        return await self._store.find_key(public_id)

    async def usage(self, selection: Selection, by: Collection[Grouping]) -> Sequence[Total]:
        """The totals of what is selected."""
        return await self._store.usage(selection, by)
