import time

import pytest

from readstone.api.allowances import duration, header_pairs
from readstone.core.limit import Allowance, Standing


def test_a_key_without_limits_is_told_nothing() -> None:
    assert header_pairs(Standing()) == []


def test_what_is_left_is_told_by_both_names() -> None:
    before = time.time()

    headers = dict(header_pairs(Standing(Allowance(100, 99, 1.5), Allowance(9000, 8000, 61))))

    reset = int(headers.pop(b"x-ratelimit-reset"))
    assert before * 1000 + 1500 <= reset <= time.time() * 1000 + 1501
    assert headers == {
        b"x-ratelimit-limit-requests": b"100",
        b"x-ratelimit-remaining-requests": b"99",
        b"x-ratelimit-reset-requests": b"1.500s",
        b"x-ratelimit-limit": b"100",
        b"x-ratelimit-remaining": b"99",
        b"x-ratelimit-limit-tokens": b"9000",
        b"x-ratelimit-remaining-tokens": b"8000",
        b"x-ratelimit-reset-tokens": b"1m1s",
    }


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, b"0s"), (0.2501, b"251ms"), (1, b"1s"), (59.9999, b"1m0s"), (360, b"6m0s")],
)
def test_a_time_is_written_as_openai_does(seconds: float, shown: bytes) -> None:
    assert duration(seconds) == shown
