"""The sections of limits: what one request may weigh, and how much a key may ask for."""

from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta

from readstone.core.errors import ConfigurationError
from readstone.core.limit import Limits

_MICROS = 1_000_000


@dataclass(frozen=True, slots=True)
class KeyLimitsConfig:
    """How much each key may ask for."""

    requests_per_minute: Annotated[
        int, Meta(ge=0, description="Requests of any minute; 0 is no limit.")
    ] = 0
    tokens_per_minute: Annotated[
        int, Meta(ge=0, description="Tokens of any minute, prompt and answer; 0 is no limit.")
    ] = 0
    pages_per_day: Annotated[
        int, Meta(ge=0, description="Images and pages of a day (UTC); 0 is no limit.")
    ] = 0
    concurrency: Annotated[
        int, Meta(ge=0, description="Requests that run or wait at once; 0 is no limit.")
    ] = 0
    budget_per_month: Annotated[
        float,
        Meta(ge=0, description="Cost of a month (UTC), in the prices' currency; 0 is no limit."),
    ] = 0.0

    @property
    def limits(self) -> Limits:
        """The same for the limiter, the budget in millionths."""
        return Limits(
            self.requests_per_minute,
            self.tokens_per_minute,
            self.pages_per_day,
            self.concurrency,
            round(self.budget_per_month * _MICROS),
        )


@dataclass(frozen=True, slots=True)
class LimitsConfig:
    """What one request may weigh, and how requests are counted."""

    body_bytes: Annotated[
        int, Meta(ge=1024, description="Largest request body; refused before it is read whole.")
    ] = 64 * 1024 * 1024
    intake_bytes: Annotated[
        int, Meta(ge=1024, description="Bodies and images held at once, by all requests.")
    ] = 512 * 1024 * 1024
    intake_seconds: Annotated[
        float, Meta(ge=0, description="How long a body may wait for room before it is refused.")
    ] = 10.0
    request_seconds: Annotated[
        float, Meta(gt=0, description="Longest time from a request's arrival to its end.")
    ] = 600.0
    image_bytes: Annotated[
        int, Meta(ge=1024, description="Largest image, after base64, inclusive.")
    ] = 20 * 1024 * 1024
    image_pixels: Annotated[
        int, Meta(ge=10_000, description="Most pixels of an image, by its header.")
    ] = 120_000_000
    document_bytes: Annotated[
        int, Meta(ge=1024, description="Largest PDF, after base64, inclusive.")
    ] = 50 * 1024 * 1024
    document_pages: Annotated[
        int, Meta(ge=1, description="Most pages of a PDF; one with more is refused.")
    ] = 100
    redis: Annotated[
        str | None,
        Meta(
            description="Redis or Valkey that counts for several servers: `redis://HOST:PORT/0`, `rediss://…`, `unix:///SOCKET`."
        ),
    ] = None
    redis_password_env: Annotated[
        str | None, Meta(description="The environment variable that holds its password.")
    ] = None
    fail_open: Annotated[
        bool,
        Meta(description="Whether requests are let in uncounted while Redis cannot be reached."),
    ] = False
    key: KeyLimitsConfig = field(default_factory=KeyLimitsConfig)

    def __post_init__(self) -> None:
        if self.redis is None:
            return
        parts = urlsplit(self.redis)
        if parts.scheme not in {"redis", "rediss", "unix"}:
            raise ConfigurationError(
                "redis is no address: it begins with redis://, rediss:// or unix://."
            )
        if parts.password or "password=" in parts.query:
            raise ConfigurationError(
                "redis takes no password in its address: name the environment variable that holds it with "
                "'redis_password_env'."
            )
