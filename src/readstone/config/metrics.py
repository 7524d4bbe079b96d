"""The section of metrics."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """Who may read them."""

    public: Annotated[
        bool, Meta(description="Whether /metrics needs no key; else one with the scope `metrics`.")
    ] = False
