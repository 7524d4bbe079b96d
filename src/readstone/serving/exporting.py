"""Makes what sends traces and metrics to a collector, where one is configured."""

from typing import TYPE_CHECKING

from readstone.config import environment
from readstone.config.otel import OtelConfig
from readstone.core.errors import ConfigurationError
from readstone.telemetry.metrics.metrics import Metrics

if TYPE_CHECKING:
    from readstone.telemetry.otlp import Exporter


def build_exporter(config: OtelConfig, metrics: Metrics, version: str) -> "Exporter | None":
    """What sends; None where no collector is named. ConfigurationError where the extra or the headers are not there."""
    if config.endpoint is None:
        return None
    try:
        from readstone.telemetry.otlp import Collector, Exporter  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise ConfigurationError(
            "otel.endpoint needs OpenTelemetry's exporter: pip install 'readstone[otel]'."
        ) from error
    collector = Collector(
        config.endpoint,
        _headers(config.headers_env),
        traces=config.traces,
        metrics=config.metrics,
        interval_seconds=config.interval_seconds,
    )
    resource = {
        "service.name": config.service_name,
        "service.version": version,
        "service.instance.id": metrics.instance,
    }
    return Exporter(collector, resource, metrics.own)


def _headers(variable: str | None) -> dict[str, str]:
    """The headers of a variable, `name=value,name=value` as OpenTelemetry writes them."""
    if variable is None:
        return {}
    written = environment().get(variable, "").strip()
    pairs = [part.partition("=") for part in written.split(",") if part.strip()]
    if not pairs or any(not parted or not name.strip() for name, parted, _ in pairs):
        raise ConfigurationError(
            f"The environment variable {variable} (otel.headers_env) holds no headers: name=value,name=value."
        )
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
