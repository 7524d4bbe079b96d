"""What a usage costs."""

from readstone.core.price import FREE, Prices
from readstone.core.usage import Usage


def test_a_model_without_prices_costs_nothing() -> None:
    assert FREE.cost(Usage(1_000_000, 1_000_000, image_tokens=5, pages=100)) == 0


def test_tokens_are_priced_by_the_million() -> None:
    prices = Prices(prompt=2.5, completion=10.0)

    assert prices.cost(Usage(1_000_000, 0)) == 2_500_000
    assert prices.cost(Usage(1000, 100)) == 2500 + 1000


def test_image_and_cached_tokens_cost_their_own_price_or_that_of_the_prompt() -> None:
    usage = Usage(1000, 0, image_tokens=600, cached_tokens=300)

    assert Prices(prompt=1.0).cost(usage) == 1000
    assert Prices(prompt=1.0, image=3.0, cached=0.5).cost(usage) == 100 + 1800 + 150


def test_pages_are_priced_by_the_thousand() -> None:
    assert Prices(pages=1.5).cost(Usage(0, 0, pages=2)) == 3000


def test_tokens_counted_as_image_and_as_cached_never_cost_less_than_nothing() -> None:
    assert Prices(prompt=1.0).cost(Usage(100, 0, image_tokens=90, cached_tokens=90)) == 180
