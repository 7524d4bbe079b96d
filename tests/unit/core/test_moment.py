"""Times as people write them."""

import pytest

from readstone.core.moment import moment, span, written_time

NOW = 1_700_000_000
DAY = 86_400


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("45s", 45),
        ("30m", 1800),
        ("12h", 43_200),
        ("90d", 90 * DAY),
        ("2w", 14 * DAY),
        ("1 D", DAY),
    ],
)
def test_a_span_is_a_number_and_a_unit(written: str, seconds: int) -> None:
    assert span(written) == seconds
    assert moment(written, NOW) == NOW + seconds


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("2027-01-01", 1_798_761_600),
        ("2027-01-01T12:00", 1_798_804_800),
        ("2027-01-01T12:00+01:00", 1_798_801_200),
        ("2027-01-01T12:00:00Z", 1_798_804_800),
    ],
)
def test_a_moment_is_a_day_or_a_time_of_it(written: str, seconds: int) -> None:
    assert moment(written, NOW) == seconds


@pytest.mark.parametrize(
    "written", ["", "soon", "90", "d", "-1d", "90 days", "2027-13-01", "999999999y"]
)
def test_anything_else_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"write how long|year 9999"):
        moment(written, NOW)


def test_a_time_is_shown_in_utc() -> None:
    assert written_time(1_798_804_800) == "2027-01-01 12:00 UTC"
