"""`GET /v1/usage`: what a client used; `GET /v1/admin/usage` and `…/entries`: what everybody did."""

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from typing import Final, cast, get_args

import msgspec
from msgspec import UNSET, UnsetType
from starlette.requests import Request
from starlette.routing import Route

from readstone.api.exchange import Exchange
from readstone.api.query import limit, parameters
from readstone.api.reply import Reply
from readstone.core.errors import InvalidRequest
from readstone.core.key import public_id_of
from readstone.core.ledger import Entry, Grouping, Place, Selection, Total
from readstone.store import Entries

_OWN: Final = frozenset({"since", "until", "model", "by"})
_ADMIN: Final = _OWN | {"key"}
_PAGED: Final = (_ADMIN - {"by"}) | {"limit", "after"}
_MOST_ENTRIES: Final = 1000
_MICROS: Final = 1_000_000


class TotalBody(msgspec.Struct, kw_only=True):
    """A sum over requests; `day`, `key` and `model` are there where it was asked for `by` them."""

    day: date | UnsetType = UNSET
    key: str | UnsetType = UNSET
    model: str | UnsetType = UNSET
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
    cost: float


class UsageList(msgspec.Struct):
    """Sums by day (UTC), key and model, of the days from `since` to `until`."""

    object: str
    since: date
    until: date
    currency: str
    data: list[TotalBody]


class EntryBody(msgspec.Struct):
    """One request of the ledger; times in milliseconds, `at` is when it ended."""

    id: str
    at: datetime
    key: str
    route: str
    model: str
    engine: str
    status: str
    finish_reason: str
    error: str
    prompt_tokens: int
    completion_tokens: int
    image_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    estimated: bool
    pages: int
    images: int
    ttft_ms: int
    total_ms: int
    queue_ms: int
    cost: float


class EntryList(msgspec.Struct):
    """A page of entries, newest first; `after` asks for the next one where there may be more."""

    object: str
    currency: str
    data: list[EntryBody]
    has_more: bool
    after: str | None


class UsageReports:
    """Answers from the totals of the ledger: as fast whether it holds a day or a year."""

    def __init__(self, entries: Entries, currency: str) -> None:
        self._entries = entries
        self._currency = currency

    def routes(self) -> list[Route]:
        """The three routes."""
        return [
            Route("/v1/usage", self.own, methods=["GET"]),
            Route("/v1/admin/usage", self.everyone, methods=["GET"]),
            Route("/v1/admin/usage/entries", self.entries, methods=["GET"]),
        ]

    async def own(self, request: Request) -> Reply:
        """What the key that asks used; by day and model unless `by` says otherwise."""
        exchange: Exchange = request.scope["exchange"]
        asked = parameters(request, _OWN)
        by = _groupings(asked, ("day", "model"))
        if "key" in by:
            raise InvalidRequest("This key sees its own usage only: leave key out.", param="by")
        return await self._totals(_selection(asked, exchange.caller.key_id), by)

    async def everyone(self, request: Request) -> Reply:
        """What every key used, or the one that `key` names."""
        asked = parameters(request, _ADMIN)
        by = _groupings(asked, ("day", "key", "model"))
        return await self._totals(_selection(asked, _key_id(asked)), by)

    async def entries(self, request: Request) -> Reply:
        """The entries themselves, in pages."""
        asked = parameters(request, _PAGED)
        most = limit(asked, _MOST_ENTRIES)
        found = await self._entries.entries(
            _selection(asked, _key_id(asked)), _place(asked), most + 1
        )
        page, more = found[:most], len(found) > most
        after = f"{page[-1].at}:{page[-1].request_id}" if more else None
        data = [_entry_body(entry) for entry in page]
        return Reply(EntryList("list", self._currency, data, more, after))

    async def _totals(self, selection: Selection, by: Collection[Grouping]) -> Reply:
        totals = await self._entries.usage(selection, by)
        data = [_total_body(total, by) for total in totals]
        return Reply(UsageList("list", selection.since, selection.until, self._currency, data))


def _selection(asked: Mapping[str, str], key_id: str) -> Selection:
    """What is asked for; of this month (UTC) up to today where no days are named."""
    today = datetime.now(UTC).date()
    since = _day(asked, "since", today.replace(day=1))
    until = _day(asked, "until", max(today, since))
    if until < since:
        raise InvalidRequest("until is before since.", param="until")
    return Selection(key_id, asked.get("model", ""), since, until)


def _day(asked: Mapping[str, str], name: str, default: date) -> date:
    if name not in asked:
        return default
    try:
        return date.fromisoformat(asked[name])
    except ValueError as error:
        raise InvalidRequest(f"{name} is a day such as 2026-11-21.", param=name) from error


def _groupings(asked: Mapping[str, str], default: tuple[Grouping, ...]) -> tuple[Grouping, ...]:
    if "by" not in asked:
        return default
    names = [name for name in asked["by"].split(",") if name]
    if unknown := [name for name in names if name not in get_args(Grouping)]:
        raise InvalidRequest(
            f"by is a list of day, key and model; '{unknown[0][:80]}' is none.", param="by"
        )
    return tuple(cast("list[Grouping]", names))


def _key_id(asked: Mapping[str, str]) -> str:
    """A key by its public id, written alone or as the key begins: `rs-<public id>`."""
    return public_id_of(asked.get("key", ""))


def _place(asked: Mapping[str, str]) -> Place | None:
    if "after" not in asked:
        return None
    at, parted, request_id = asked["after"].partition(":")
    if not (parted and at.isascii() and at.isdigit() and len(at) < len(str(2**62))):
        raise InvalidRequest("after is what the page before told as 'after'.", param="after")
    return int(at), request_id


def _total_body(total: Total, by: Collection[Grouping]) -> TotalBody:
    return TotalBody(
        day=total.day or UNSET,
        key=total.key_id if "key" in by else UNSET,
        model=total.model if "model" in by else UNSET,
        requests=total.requests,
        refused=total.refused,
        failed=total.failed,
        left=total.left,
        prompt_tokens=total.prompt_tokens,
        completion_tokens=total.completion_tokens,
        image_tokens=total.image_tokens,
        cached_tokens=total.cached_tokens,
        reasoning_tokens=total.reasoning_tokens,
        pages=total.pages,
        images=total.images,
        cost=total.cost / _MICROS,
    )


def _entry_body(entry: Entry) -> EntryBody:
    return EntryBody(
        entry.request_id,
        datetime.fromtimestamp(entry.at / 1000, UTC),
        entry.key_id,
        entry.route,
        entry.model,
        entry.engine,
        entry.status,
        entry.finish_reason,
        entry.error,
        entry.prompt_tokens,
        entry.completion_tokens,
        entry.image_tokens,
        entry.cached_tokens,
        entry.reasoning_tokens,
        entry.estimated,
        entry.pages,
        entry.images,
        entry.ttft_ms,
        entry.total_ms,
        entry.queue_ms,
        entry.cost / _MICROS,
    )
