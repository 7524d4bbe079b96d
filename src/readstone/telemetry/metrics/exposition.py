"""The text that Prometheus reads: its exposition format 0.0.4."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Final, TypeAlias

from readstone.telemetry.metrics.board import Labels, Series
from readstone.telemetry.metrics.families import FAMILIES
from readstone.telemetry.metrics.family import Family

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Totals: TypeAlias = Mapping[str, Mapping[Labels, tuple[float, ...]]]
"""Numbers by family's name and labels."""

_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def merge(series: Iterable[Series]) -> Totals:
    """The series of several processes as one: counts are added up, gauges as their family says."""
    totals: dict[str, dict[Labels, tuple[float, ...]]] = {}
    for each in series:
        known = totals.setdefault(each.family.name, {})
        before = known.get(each.labels)
        known[each.labels] = each.numbers if before is None else _merged(each, before)
    return totals


def render(totals: Totals) -> str:
    """Everything, in the order of FAMILIES; families that nothing was counted of are left out."""
    lines: list[str] = []
    for family in FAMILIES:
        if found := totals.get(family.name):
            name = family.prometheus_name
            lines += (f"# HELP {name} {family.help}", f"# TYPE {name} {family.kind}")
            for labels, numbers in sorted(found.items()):
                lines += _lines(family, labels, numbers)
    return "\n".join([*lines, ""])


def _merged(series: Series, before: tuple[float, ...]) -> tuple[float, ...]:
    if series.family.merge == "max":
        return tuple(map(max, before, series.numbers))
    return tuple(one + other for one, other in zip(before, series.numbers, strict=True))


def _lines(family: Family, labels: Labels, numbers: tuple[float, ...]) -> Iterator[str]:
    name = family.prometheus_name
    named = list(zip(family.prometheus_labels, labels, strict=True))
    if family.kind != "histogram":
        yield f"{name}{_braced(named)} {_number(numbers[0])}"
        return
    *counts, total = numbers
    bounds = [*map(_number, family.buckets), "+Inf"]
    below = list(accumulate(counts))
    for bound, count in zip(bounds, below, strict=True):
        yield f"{name}_bucket{_braced([*named, ('le', bound)])} {_number(count)}"
    yield f"{name}_sum{_braced(named)} {_number(total)}"
    yield f"{name}_count{_braced(named)} {_number(below[-1])}"


def _braced(labels: list[tuple[str, str]]) -> str:
    if not labels:
        return ""
    pairs = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels)
    return f"{{{pairs}}}"


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)
