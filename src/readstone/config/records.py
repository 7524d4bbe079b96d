"""The sections of what is kept: where, for how long, and what happens where it cannot be."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta

from readstone.core.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """Where keys and the ledger are kept."""

    url: Annotated[
        str | None,
        Meta(
            description="A Postgres database, `postgresql://USER@HOST/NAME`; a file in `data_dir` where not set."
        ),
    ] = None
    password_env: Annotated[
        str | None, Meta(description="The environment variable that holds its password.")
    ] = None
    connections: Annotated[int, Meta(ge=1, description="Most connections to the database.")] = 4

    def __post_init__(self) -> None:
        if self.url is None:
            return
        parts = urlsplit(self.url)
        if parts.scheme not in {"postgresql", "postgres"}:
            raise ConfigurationError("url is no address of Postgres: it begins with postgresql://.")
        if parts.password or "password=" in parts.query:
            raise ConfigurationError(
                "url takes no password: name the environment variable that holds it with 'password_env'."
            )


@dataclass(frozen=True, slots=True)
class LedgerConfig:
    """The entries of requests."""

    required: Annotated[
        bool,
        Meta(description="Whether requests are refused with 503 while entries cannot be kept."),
    ] = True
    keep_days: Annotated[
        int, Meta(ge=0, description="Days an entry is kept, 0 for ever; totals stay.")
    ] = 90
    fsync: Annotated[
        bool,
        Meta(
            description="SQLite: whether an answer waits until its entry would outlive a power cut."
        ),
    ] = False
    currency: Annotated[
        str, Meta(min_length=1, max_length=12, description="What prices and costs are in, as told.")
    ] = "USD"
