"""The options of keys, as the grant they stand for."""

import argparse
import time

import pytest

from readstone.cli.key_options import add_grant_options, grace, granted, key_name
from readstone.core.grant import CLIENT, Grant
from readstone.core.limit import Limits

OLD = Grant(("chat",), ("m",), Limits(1, 2, 3, 4, 5), expires_at=6)


def _grant(*arguments: str, base: Grant = CLIENT) -> Grant:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_grant_options(parser)
    return granted(parser.parse_args(arguments), base)


def test_nothing_asked_changes_nothing() -> None:
    assert _grant() == CLIENT
    assert _grant(base=OLD) == OLD


def test_a_key_gets_the_limits_that_are_asked_for() -> None:
    assert _grant("--rpm", "60", "--budget", "12.5", "--concurrency", "0").limits == Limits(
        requests_per_minute=60, budget_per_month=12_500_000, concurrency=0
    )
    assert _grant("--tpm", "9", "--pages-per-day", "default", base=OLD).limits == Limits(
        1, 9, None, 4, 5
    )


def test_scopes_are_those_that_are_named() -> None:
    assert _grant("--scope", "usage", "--scope", "chat").scopes == ("chat", "usage")
    assert _grant("--admin").scopes == ("api", "admin")
    assert _grant("--admin", "--scope", "chat").scopes == ("api", "admin", "chat")


def test_models_are_those_that_are_named_or_all() -> None:
    assert _grant("--model", "b", "--model", "a/*", "--model", "b").models == ("b", "a/*")
    assert _grant("--model", "*", base=OLD).models == ()


def test_a_key_lasts_as_long_as_it_is_said() -> None:
    day = 86_400
    assert abs((_grant("--expires", "90d").expires_at or 0) - time.time() - 90 * day) < 60
    assert _grant("--expires", "9000-01-01").expires_at == 221_845_392_000
    assert _grant("--expires", "never", base=OLD).expires_at is None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--rpm", "-1"), "0 \\(which lifts it\\) or more"),
        (("--rpm", "1.5"), "a whole number"),
        (("--budget", "-1"), "0 \\(which lifts it\\) or more"),
        (("--budget", "much"), "a budget is a number"),
        (("--budget", "nan"), "a budget is a number"),
        (("--expires", "2001-01-01"), "over already"),
        (("--expires", "soon"), "90d, 12h"),
        (("--scope", "chats"), "invalid choice"),
        (("--owner", "a\nb"), "on one line"),
        (("--owner", "a" * 201), "at most 200"),
    ],
)
def test_what_cannot_be_is_told(arguments: tuple[str, ...], told: str) -> None:
    with pytest.raises(argparse.ArgumentError, match=told):
        _grant(*arguments)


def test_the_grace_of_a_rotation_is_a_span() -> None:
    assert grace("24h") == 86_400
    with pytest.raises(argparse.ArgumentTypeError, match="90d"):
        grace("2027-01-01")


def test_a_key_has_a_name() -> None:
    assert key_name("invoices of 2027") == "invoices of 2027"
    for wrong in ("", " ", "a\tb"):
        with pytest.raises(argparse.ArgumentTypeError):
            key_name(wrong)
