"""What a key has left, as headers: OpenAI's names, and those of one number for each."""

import time
from math import ceil

from readstone.core.limit import Standing

_SECOND = 1000
_MINUTE = 60 * _SECOND


def header_pairs(standing: Standing) -> list[tuple[bytes, bytes]]:
    """The headers of an answer; none where the key has no limit.

    `x-ratelimit-reset-…` is how long until all is there again (`1.25s`, `6m0s`), `x-ratelimit-reset` the same moment in
    Unix milliseconds. Source: contract for errors.
    """
    pairs: list[tuple[bytes, bytes]] = []
    requests, tokens = standing
    if requests is not None:
        limit, remaining = b"%d" % requests.limit, b"%d" % requests.remaining
        at = ceil((time.time() + requests.reset) * _SECOND)
        pairs += [
            (b"x-ratelimit-limit-requests", limit),
            (b"x-ratelimit-remaining-requests", remaining),
            (b"x-ratelimit-reset-requests", duration(requests.reset)),
            (b"x-ratelimit-limit", limit),
            (b"x-ratelimit-remaining", remaining),
            (b"x-ratelimit-reset", b"%d" % at),
        ]
    if tokens is not None:
        pairs += [
            (b"x-ratelimit-limit-tokens", b"%d" % tokens.limit),
            (b"x-ratelimit-remaining-tokens", b"%d" % tokens.remaining),
            (b"x-ratelimit-reset-tokens", duration(tokens.reset)),
        ]
    return pairs


def duration(seconds: float) -> bytes:
    """A time as OpenAI writes it: `0s`, `250ms`, `1.5s`, `6m0s`; rounded up to a millisecond."""
    millis = ceil(seconds * _SECOND)
    if millis < _SECOND:
        return b"%dms" % millis if millis else b"0s"
    minutes, rest = divmod(millis, _MINUTE)
    whole, part = divmod(rest, _SECOND)
    shown = b"%d.%03d" % (whole, part) if part else b"%d" % whole
    return b"%dm%bs" % (minutes, shown) if minutes else b"%bs" % shown
