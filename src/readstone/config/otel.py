"""The section of OpenTelemetry: where traces and metrics are sent."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta

from readstone.core.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class OtelConfig:
    """A collector that speaks OTLP over HTTP."""

    endpoint: Annotated[
        str | None,
        Meta(
            description="Base URL of a collector that takes OTLP over HTTP, `http://HOST:4318`; nothing is sent where not set."
        ),
    ] = None
    headers_env: Annotated[
        str | None,
        Meta(
            description="The environment variable that holds headers for it, such as a key: `name=value,name=value`."
        ),
    ] = None
    service_name: Annotated[
        str, Meta(min_length=1, description="What this server is called there.")
    ] = "readstone"
    traces: Annotated[bool, Meta(description="Whether a trace of each request is sent.")] = True
    metrics: Annotated[bool, Meta(description="Whether metrics are sent.")] = True
    sample_ratio: Annotated[
        float,
        Meta(ge=0, le=1, description="Share of traces that are sent, of those that begin here."),
    ] = 1.0
    interval_seconds: Annotated[float, Meta(gt=0, description="How often metrics are sent.")] = 60.0

    def __post_init__(self) -> None:
        if self.endpoint is not None:
            parts = urlsplit(self.endpoint)
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                raise ConfigurationError(
                    "endpoint is no address: it begins with http:// or https://."
                )
