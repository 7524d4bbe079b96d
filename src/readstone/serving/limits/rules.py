"""Rules: a key's limits as counters with windows."""

import calendar
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias, assert_never

from readstone.core.limit import Limits

Measure: TypeAlias = Literal["requests", "tokens", "pages", "running", "cost"]

_CELLS: Final = 60
_MINUTE: Final = 60
_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Sliding:
    """What was counted in the last `seconds`, in 60 cells; a cell is forgotten when all of it is so old.

    What is counted stays for `seconds` and at most a sixtieth more, so a limit holds in any window of that length.
    """

    seconds: int

    @property
    def cell_seconds(self) -> int:
        """How long a cell is."""
        return -(-self.seconds // _CELLS)

    def cell(self, now: float) -> int:
        """When the cell of that moment began, in Unix seconds."""
        size = self.cell_seconds
        return int(now // size) * size

    def end(self, cell: int) -> int:
        """When the cell that began then is over, and the next one begins."""
        return cell + self.cell_seconds

    def expiry(self, cell: int) -> int:
        """When that cell is forgotten."""
        return cell + self.cell_seconds + self.seconds


@dataclass(frozen=True, slots=True)
class Lease(Sliding):
    """What was counted and not given back, for `seconds` at most: then its owner is taken to be dead."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """What was counted since the day or the month began, in UTC: a single cell."""

    period: Literal["day", "month"]

    def cell(self, now: float) -> int:
        """When the period of that moment began, in Unix seconds."""
        return self._bounds(now)[0]

    def end(self, cell: int) -> int:
        """When the period that began then is over."""
        return self.expiry(cell)

    def expiry(self, cell: int) -> int:
        """When the period that began then is over, and so forgotten."""
        return self._bounds(cell)[1]

    def _bounds(self, now: float) -> tuple[int, int]:
        day = int(now // _DAY)
        return (day * _DAY, (day + 1) * _DAY) if self.period == "day" else _month(day)


Window: TypeAlias = Sliding | Lease | Calendar


@lru_cache(maxsize=64)
def _month(day: int) -> tuple[int, int]:
    """Begin and end of the month of a day, which is counted from 1970."""
    date = time.gmtime(day * _DAY)
    years, month = divmod(date.tm_mon, 12)
    return (
        calendar.timegm((date.tm_year, date.tm_mon, 1, 0, 0, 0)),
        calendar.timegm((date.tm_year + years, month + 1, 1, 0, 0, 0)),
    )


@dataclass(frozen=True, slots=True)
class Rule:
    """No more than `most` of a measure within a window: for a key, or for a key at one model.

    `name` is its counter's. The braces in it keep all counters of a key on one node of a Redis cluster.
    """

    key_id: str
    model_id: str | None
    measure: Measure
    most: int
    window: Window
    name: str

    def __str__(self) -> str:
        at = "" if self.model_id is None else f" at '{self.model_id}'"
        most = self.most
        match self.measure:
            case "requests" | "tokens":
                return f"{_counted(most, self.measure)} a minute{at}"
            case "pages":
                return f"{_counted(most, 'pages')} a day{at}"
            case "running":
                return f"{_counted(most, 'requests')} at once{at}"
            case "cost":
                return f"a budget of {most / 1_000_000:g} a month{at}"
            case _:
                assert_never(self.measure)


def _counted(number: int, nouns: str) -> str:
    return f"{number} {nouns if number != 1 else nouns[:-1]}"


def rules_of(
    key_id: str, model_id: str | None, limits: Limits, lease_seconds: int
) -> Iterator[Rule]:
    """The rules that limits make.

    A request that runs counts for `lease_seconds` at most, where its end is never told because its server was killed.
    """
    table: tuple[tuple[Measure, int | None, Window], ...] = (
        ("requests", limits.requests_per_minute, Sliding(_MINUTE)),
        ("tokens", limits.tokens_per_minute, Sliding(_MINUTE)),
        ("pages", limits.pages_per_day, Calendar("day")),
        ("running", limits.concurrency, Lease(lease_seconds)),
        ("cost", limits.budget_per_month, Calendar("month")),
    )
    of_model = "" if model_id is None else f":{model_id}"
    for measure, most, window in table:
        if most:
            name = f"readstone:{{{key_id}}}:{measure}{of_model}"
            yield Rule(key_id, model_id, measure, most, window, name)
