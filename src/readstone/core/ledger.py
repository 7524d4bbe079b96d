"""The ledger's vocabulary: an entry for each request, and totals over entries. Never content."""

from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple, TypeAlias

Status: TypeAlias = Literal["ok", "refused", "failed", "left"]
"""How a request ended.

ok: answered whole · refused: by us, before its engine worked · failed: its engine or we could not · left: its client went.
"""

Grouping: TypeAlias = Literal["day", "key", "model"]
"""What totals are told apart by."""

Place: TypeAlias = tuple[int, str]
"""Where an entry stands: its `at` and its request id."""

DAY_MILLISECONDS = 86_400_000
_EPOCH = date(1970, 1, 1).toordinal()


class Entry(NamedTuple):
    """One request: who asked which model, how it ended, what it used and cost. Each request id has one.

    `model` is empty where it ended before that was known. Tokens are as in `core.usage.Usage`; `estimated` says that some were
    not counted but derived. `images` were sent, `pages` read. `ttft_ms`, `total_ms` and `queue_ms` are milliseconds;
    `cost` is in millionths of the ledger's currency, `at` the end in Unix milliseconds. The row of a database, in its order.

    A tuple, for every request makes one: a frozen dataclass of so many fields takes ten times as long.
    """

    request_id: str
    key_id: str
    route: str
    status: Status
    at: int
    model: str = ""
    engine: str = ""
    finish_reason: str = ""
    error: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    image_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False
    pages: int = 0
    images: int = 0
    ttft_ms: int = 0
    total_ms: int = 0
    queue_ms: int = 0
    cost: int = 0

    @property
    def place(self) -> Place:
        """Where it stands among others."""
        return self.at, self.request_id


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entries: of a key and a model where they are named, of days (UTC) from `since` to `until`, both included."""

    key_id: str = ""
    model: str = ""
    since: date = date.min
    until: date = date.max

    @property
    def days(self) -> tuple[int, int]:
        """The first and the last day, counted from 1 January 1970."""
        return self.since.toordinal() - _EPOCH, self.until.toordinal() - _EPOCH


@dataclass(frozen=True, slots=True)
class Total:
    """The sum of entries of one day, key or model; what they are not told apart by is None or empty."""

    day: date | None
    key_id: str
    model: str
    requests: int
    refused: int
    failed: int
    left: int
    prompt_tokens: int
    completion_tokens: int
    image_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    pages: int
    images: int
    cost: int


def day_of(number: int) -> date:
    """The date of a day counted from 1 January 1970."""
    return date.fromordinal(_EPOCH + number)
