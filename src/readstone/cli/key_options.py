"""What a key may do, how much and how long, as options of `readstone keys create` and `edit`."""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from readstone.core.grant import Grant
from readstone.core.limit import Limits
from readstone.core.moment import moment, span
from readstone.core.scope import ADMIN, API, SCOPES, WHOLES, check_scopes

_LONGEST: Final = 200
_MICROS: Final = 1_000_000
_DEFAULT: Final = "default"
_NEVER: Final = "never"
_LIMITS: Final = (
    ("--rpm", "requests_per_minute", "requests of any minute"),
    ("--tpm", "tokens_per_minute", "tokens of any minute, prompt and answer"),
    ("--pages-per-day", "pages_per_day", "images and pages of a day (UTC)"),
    ("--concurrency", "concurrency", "requests that run or wait at once"),
    ("--budget", "budget_per_month", "cost of a month (UTC), in the prices' currency"),
)


def add_grant_options(parser: argparse.ArgumentParser) -> None:
    """Let a command take them; what is not given is None."""
    parser.add_argument(
        "--owner",
        type=line_of_text,
        metavar="TEXT",
        help="whose it is: a team, an address, a ticket",
    )
    parser.add_argument(
        "--expires",
        type=_expiry,
        metavar="WHEN",
        help="how long it lasts (90d, 12h, 2w, 1y) or until when (2027-01-01, 2027-01-01T12:00+01:00; UTC "
        "where no zone is said), or 'never' (default)",
    )
    parser.add_argument(
        "--scope",
        action="append",
        choices=[*WHOLES, *SCOPES],
        metavar="SCOPE",
        help="what it is for; repeat for several (default: api). The scopes are listed below",
    )
    parser.add_argument("--admin", action="store_true", help="the scopes api and admin: everything")
    parser.add_argument(
        "--model",
        action="append",
        metavar="MODEL",
        help="let it use this model only, by id or alias, or several by a pattern such as 'Qwen/*'; repeat for several; "
        "'*' is all (default)",
    )
    group = parser.add_argument_group(
        "limits",
        "In place of those of [limits.key]: 0 lifts one, 'default' goes back to it. Those of models hold besides.",
    )
    for flag, name, what in _LIMITS:
        kind = _cost if name == "budget_per_month" else _count
        group.add_argument(flag, dest=name, type=kind, metavar="N", help=what)


def granted(options: argparse.Namespace, base: Grant) -> Grant:
    """The grant with what the options set in its place."""
    given = {name: most for _, name, _ in _LIMITS if (most := getattr(options, name)) is not None}
    said = {name: None if most == _DEFAULT else most for name, most in given.items()}
    grant = replace(base, limits=_limits(base.limits, said))
    scopes: list[str] = [API, ADMIN] if options.admin else []
    scopes += options.scope or []
    if scopes:
        grant = replace(grant, scopes=check_scopes(scopes))
    if options.model is not None:
        models: list[str] = options.model
        grant = replace(grant, models=() if "*" in models else tuple(dict.fromkeys(models)))
    if options.expires is not None:
        grant = replace(grant, expires_at=None if options.expires == _NEVER else options.expires)
    return grant


def scopes_told() -> str:
    """The scopes with what they let a key do, for the help."""
    width = max(map(len, SCOPES))
    rows = [*WHOLES.items(), *SCOPES.items()]
    return "\n".join(f"  {name.ljust(width)}  {what}" for name, what in rows)


def line_of_text(written: str) -> str:
    """A name or an owner: at most 200 characters of one line, as the API takes it."""
    if len(written) > _LONGEST or not written.isprintable():
        raise argparse.ArgumentTypeError(f"write at most {_LONGEST} characters, on one line")
    return written


def key_name(written: str) -> str:
    """The same, with at least one character that is no space."""
    if not written.strip():
        raise argparse.ArgumentTypeError("a key needs a name")
    return line_of_text(written)


def grace(written: str) -> int:
    """The seconds of `24h`, for a rotation."""
    return _told_apart(span, written)


def _limits(base: Limits, said: dict[str, int | None]) -> Limits:
    return replace(base, **said)


def _expiry(written: str) -> int | str:
    now = int(time.time())
    if written == _NEVER:
        return _NEVER
    at = _told_apart(lambda text: moment(text, now), written)
    if at <= now:
        raise argparse.ArgumentTypeError("that is over already")
    return at


def _count(written: str) -> int | str:
    if written == _DEFAULT:
        return _DEFAULT
    if not (written.isascii() and written.isdigit() and len(written) < len(str(2**53))):
        raise argparse.ArgumentTypeError("a limit is a whole number, 0 (which lifts it) or more")
    return int(written)


def _cost(written: str) -> int | str:
    """Millionths of the currency."""
    if written == _DEFAULT:
        return _DEFAULT
    try:
        cost = float(written)
    except ValueError:
        cost = -1.0
    if not 0 <= cost <= 1e9:  # noqa: PLR2004  (what the API takes)
        raise argparse.ArgumentTypeError("a budget is a number, 0 (which lifts it) or more")
    return round(cost * _MICROS)


def _told_apart(parse: Callable[[str], int], written: str) -> int:
    try:
        return parse(written)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
