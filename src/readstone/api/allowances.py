"""What a key has left, as headers: OpenAI's names, and those of one number for each."""

import time
from math import ceil

from readstone.core.limit import Allowance, Standing

_SECOND = 1000
_MINUTE = 60 * _SECOND


def header_pairs(standing: Standing) -> list[tuple[bytes, bytes]]:
    """The headers of an answer; none where the key has no limit.

    `x-ratelimit-reset-…` is how long until all is there again (`1.25s`, `6m0s`), `x-ratelimit-reset` the same moment in
    Unix milliseconds. Source: contract for errors.
    """
    pairs: list[tuple[bytes, bytes]] = []
    if (requests := standing.requests) is not None:
        pairs += _named(requests, b"requests")
        at = ceil((time.time() + requests.reset) * _SECOND)
        pairs += [
            (b"x-ratelimit-limit", b"%d" % requests.limit),
            (b"x-ratelimit-remaining", b"%d" % requests.remaining),
            (b"x-ratelimit-reset", b"%d" % at),
        ]
    if (tokens := standing.tokens) is not None:
        pairs += _named(tokens, b"tokens")
    return pairs


def _named(allowance: Allowance, name: bytes) -> list[tuple[bytes, bytes]]:
    return [
        (b"x-ratelimit-limit-" + name, b"%d" % allowance.limit),
        (b"x-ratelimit-remaining-" + name, b"%d" % allowance.remaining),
        (b"x-ratelimit-reset-" + name, duration(allowance.reset)),
    ]


def duration(seconds: float) -> bytes:
    """A time as OpenAI writes it: `0s`, `250ms`, `1.5s`, `6m0s`; rounded up to a millisecond."""
    millis = ceil(seconds * _SECOND)
    if millis < _SECOND:
        return b"%dms" % millis if millis else b"0s"
    minutes, rest = divmod(millis, _MINUTE)
    whole, part = divmod(rest, _SECOND)
    shown = b"%d.%03d" % (whole, part) if part else b"%d" % whole
    return b"%dm%bs" % (minutes, shown) if minutes else b"%bs" % shown
