"""Everything that can be set, as one tree of sections."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from readstone.config.authentication import AuthenticationConfig
from readstone.config.engines import EngineConfig
from readstone.config.extract import ExtractConfig
from readstone.config.idempotency import IdempotencyConfig
from readstone.config.limits import LimitsConfig
from readstone.config.metrics import MetricsConfig
from readstone.config.models import ModelConfig
from readstone.config.otel import OtelConfig
from readstone.config.records import LedgerConfig, StoreConfig
from readstone.config.sections import FetchConfig, HubConfig, ReaderConfig


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that can be set."""

    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port; 0 takes a free one.")] = 8000
    workers: Annotated[
        int,
        Meta(
            ge=1, le=64, description="API processes that share the port, one reader and all limits."
        ),
    ] = 1
    data_dir: Annotated[
        Path,
        Meta(
            description="Where keys, the ledger, engine logs and fetched models are kept. `~` is your home."
        ),
    ] = Path("~/.local/share/readstone")
    log_format: Annotated[
        Literal["auto", "json", "text"],
        Meta(description="json, text, or auto: text on a terminal, JSON elsewhere."),
    ] = "auto"
    drain_seconds: Annotated[
        float, Meta(ge=0, description="On SIGTERM, how long running requests may take to finish.")
    ] = 30.0
    authentication: AuthenticationConfig = field(default_factory=AuthenticationConfig)
    store: StoreConfig = field(default_factory=StoreConfig)
    ledger: LedgerConfig = field(default_factory=LedgerConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    fetch: FetchConfig = field(default_factory=FetchConfig)
    reader: ReaderConfig = field(default_factory=ReaderConfig)
    extract: ExtractConfig = field(default_factory=ExtractConfig)
    idempotency: IdempotencyConfig = field(default_factory=IdempotencyConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    otel: OtelConfig = field(default_factory=OtelConfig)
    hub: HubConfig = field(default_factory=HubConfig)
    engines: dict[str, EngineConfig] = field(default_factory=dict[str, EngineConfig])
    models: dict[str, ModelConfig] = field(default_factory=dict[str, ModelConfig])
