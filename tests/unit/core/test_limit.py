"""Limits as people read them."""

from readstone.core.limit import Limits


def test_limits_are_shown_in_few_words() -> None:
    limits = Limits(requests_per_minute=60_000, tokens_per_minute=0, budget_per_month=12_500_000)
    assert str(limits) == "60,000 requests/min, any tokens/min, 12.5 a month"
    assert str(Limits()) == "default"
