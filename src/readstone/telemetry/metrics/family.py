"""A family of metrics: one name, its unit and labels, and how it is called where."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["counter", "gauge", "histogram"]

_UNITS: Final = {"s": "seconds", "By": "bytes"}


@dataclass(frozen=True, slots=True)
class Family:
    """Names are OpenTelemetry's, units UCUM's; `labels` are names of attributes, in the order their values are given.

    `buckets` are a histogram's upper bounds, but for the last, which has none. Over several processes a gauge is their
    sum, or with `merge` "max" the largest.
    """

    name: str
    kind: Kind
    unit: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    merge: Literal["sum", "max"] = "sum"

    @property
    def width(self) -> int:
        """How many numbers a series has: a histogram's counts by bucket, then the sum of what was observed."""
        return len(self.buckets) + 2 if self.kind == "histogram" else 1

    @property
    def prometheus_name(self) -> str:
        """The name in Prometheus.

        As OpenTelemetry's compatibility document has it: dots become underscores, the unit is appended unless it is in braces,
        and counters end in `_total`.
        """
        name = prometheus_label(self.name)
        unit = _UNITS.get(self.unit, "")
        if unit and not name.endswith(f"_{unit}"):
            name = f"{name}_{unit}"
        return f"{name}_total" if self.kind == "counter" else name

    @property
    def prometheus_labels(self) -> tuple[str, ...]:
        """The names of the labels in Prometheus."""
        return tuple(map(prometheus_label, self.labels))


def prometheus_label(name: str) -> str:
    """An attribute's name as a label's."""
    return name.replace(".", "_")
