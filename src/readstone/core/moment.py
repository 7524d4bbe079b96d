"""Times as people write them: how long a key lasts, and until when."""

import re
from datetime import UTC, datetime
from typing import Final

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_557_600}
_SPAN: Final = re.compile(r"([0-9]{1,9})\s*([smhdwy])")
_LATEST: Final = 253_402_300_799
"""The last second of the year 9999, which is the last that can be written."""


def span(written: str) -> int:
    """The seconds of `90d`, `12h`, `30m`, `2w`, `1y` or `45s`. ValueError where it is none."""
    match = _SPAN.fullmatch(written.strip().lower())
    if match is None:
        raise ValueError("a time is written like 90d, 12h, 30m, 2w or 1y")
    return int(match[1]) * _SECONDS[match[2]]


def moment(written: str, now: int) -> int:
    """The Unix seconds of a span from now (`90d`), a day or a moment (`2027-01-01`, `2027-01-01T12:00+01:00`).

    A day means its beginning, and a moment without a zone is, in UTC. ValueError where it is neither, or beyond 9999.
    """
    if _SPAN.fullmatch(written.strip().lower()):
        found = now + span(written)
    else:
        try:
            parsed = datetime.fromisoformat(written.strip())
        except ValueError:
            raise ValueError(
                "write how long (90d, 12h, 1y) or until when (2027-01-01, 2027-01-01T12:00+01:00)"
            ) from None
        found = int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())
    if found > _LATEST:
        raise ValueError("that is later than the year 9999")
    return found


def written_time(seconds: int) -> str:
    """Unix seconds as people read them, in UTC: `2027-01-01 12:00 UTC`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
