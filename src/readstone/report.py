"""`readstone usage`: what was used, as a table or as CSV."""

import argparse
import csv
import sys
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from typing import cast, get_args

from readstone.core.errors import InvalidRequest
from readstone.core.key import public_id_of
from readstone.core.ledger import Grouping, Selection, Total
from readstone.store import Store

_SUMS = (
    *("requests", "refused", "failed", "left", "prompt_tokens", "completion_tokens"),
    *("image_tokens", "cached_tokens", "reasoning_tokens", "pages", "images"),
)
_SHOWN = {
    "requests": "REQUESTS",
    "prompt_tokens": "PROMPT",
    "completion_tokens": "COMPLETION",
    "image_tokens": "IMAGE",
    "pages": "PAGES",
}
_MICROS = 1_000_000


def add_usage_options(parser: argparse.ArgumentParser) -> None:
    """The options of `readstone usage`."""
    since = "first day (UTC), such as 2026-11-01 (the first of this month)"
    parser.add_argument("--since", type=_day, metavar="DAY", help=since)
    parser.add_argument("--until", type=_day, metavar="DAY", help="last day (today)")
    parser.add_argument("--key", default="", metavar="ID", help="of this key only")
    parser.add_argument("--model", default="", metavar="MODEL", help="of this model only")
    parser.add_argument(
        "--by",
        type=_groupings,
        default=("key", "model"),
        metavar="LIST",
        help="what lines are told apart by: day, key, model, parted by commas (key,model)",
    )
    parser.add_argument("--csv", action="store_true", help="every number, as CSV")


async def report_usage(options: argparse.Namespace, store: Store, currency: str) -> None:
    """Print the totals that the options select; InvalidRequest where there is no such key or no such days."""
    by: tuple[Grouping, ...] = options.by
    selection = _selection(options, datetime.now(UTC).date())
    totals = await store.usage(selection, by)
    if not totals and options.key:
        await _check_key(selection.key_id, store)
    if options.csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow((*by, *_SUMS, "cost", "currency"))
        writer.writerows(
            (*_named(total, by), *_sums(total, _SUMS), _cost(total), currency) for total in totals
        )
        return
    rows = [(*(name.upper() for name in by), *_SHOWN.values(), f"COST ({currency})")]
    rows += [(*_named(total, by), *_sums(total, _SHOWN), _cost(total)) for total in totals]
    print_table(rows, left=len(by))


def _selection(options: argparse.Namespace, today: date) -> Selection:
    since = options.since or today.replace(day=1)
    until = options.until or max(today, since)
    if until < since:
        raise InvalidRequest(f"--until {until} is before --since, which is {since}.")
    key_id = public_id_of(options.key)
    if options.key and not key_id:
        raise InvalidRequest(f"--key {options.key} names no key.")
    return Selection(key_id, options.model, since, until)


async def _check_key(key_id: str, store: Store) -> None:
    """InvalidRequest where no key has this id and nothing was ever entered for it, as for those of other issuers."""
    if await store.find_key(key_id) is None and not await store.usage(Selection(key_id), ()):
        raise InvalidRequest(f"there is no key {key_id}; 'readstone keys list' shows them.")


def print_table(rows: Sequence[tuple[str, ...]], left: int) -> None:
    """Print rows in columns, the first so many to the left and numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.ljust(width) if index < left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


def _named(total: Total, by: Collection[Grouping]) -> tuple[str, ...]:
    names = {"day": str(total.day), "key": total.key_id, "model": total.model or "-"}
    return tuple(names[name] for name in by)


def _sums(total: Total, names: Collection[str]) -> tuple[str, ...]:
    return tuple(str(getattr(total, name)) for name in names)


def _cost(total: Total) -> str:
    return f"{total.cost / _MICROS:.6f}"


def _day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise argparse.ArgumentTypeError("a day is written like 2026-11-21") from None


def _groupings(written: str) -> tuple[Grouping, ...]:
    names = [name for name in written.split(",") if name]
    if not set(names) <= set(get_args(Grouping)) or len(names) != len(set(names)):
        raise argparse.ArgumentTypeError("a list of day, key and model, each once")
    return tuple(cast("list[Grouping]", names))
