import pytest

from readstone.config import KeyLimitsConfig, LimitsConfig
from readstone.core.errors import ConfigurationError
from readstone.core.limit import Limits


def test_a_budget_is_counted_in_millionths() -> None:
    assert KeyLimitsConfig(requests_per_minute=5, budget_per_month=0.1).limits == Limits(
        5, 0, 0, 0, 100_000
    )


@pytest.mark.parametrize(
    "address", ["redis://:secret@host:6379/0", "redis://host/0?password=secret"]
)
def test_a_password_does_not_stand_in_the_file(address: str) -> None:
    with pytest.raises(ConfigurationError, match="redis_password_env"):
        LimitsConfig(redis=address)


def test_an_address_says_how_redis_is_reached() -> None:
    with pytest.raises(ConfigurationError, match="redis://, rediss:// or unix://"):
        LimitsConfig(redis="localhost:6379")
    assert LimitsConfig(redis="unix:///run/redis.sock").redis == "unix:///run/redis.sock"
