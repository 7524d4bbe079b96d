"""What of a configuration that is read again holds at once, by the names of settings."""

from typing import Any

import pytest

from readstone.config.renewal import Changes, renew
from readstone.core.errors import ConfigurationError

HTTP: dict[str, Any] = {"type": "http", "url": "http://127.0.0.1:1/v1", "discover": False}
LOCAL: dict[str, Any] = {"type": "llamacpp", "model": "tiny.gguf"}


def _changes(old: dict[str, Any], new: dict[str, Any]) -> Changes:
    return renew(old, new).changes


def test_nothing_new_is_nothing_to_do() -> None:
    settings = {"port": 1, "engines": {"up": HTTP}, "models": {"m": {"kind": "chat"}}}
    assert _changes(settings, settings) == Changes()


def test_models_limits_of_keys_and_engines_elsewhere_hold_at_once() -> None:
    old = {"engines": {"gone": HTTP, "up": HTTP}, "models": {"m": {"kind": "chat", "engine": "up"}}}
    new = {
        "engines": {"up": HTTP | {"concurrency": 9}, "new": HTTP},
        "models": {"m": {"kind": "chat", "engine": "new"}, "n": {"kind": "chat", "engine": "up"}},
        "limits": {"key": {"requests_per_minute": 9}, "fail_open": True},
    }

    renewal = renew(old, new)

    assert renewal.changes.restart == ()
    assert set(renewal.changes.applied) == {
        "limits.key",
        "limits.fail_open",
        "engines.gone",
        "engines.up",
        "engines.new",
        "models.m",
        "models.n",
    }
    assert renewal.config.limits.key.requests_per_minute == 9
    assert set(renewal.config.engines) == {"up", "new"}
    assert renew(renewal.settings, new).changes == Changes()


def test_everything_else_waits_for_a_restart_and_is_as_it_was_until_then() -> None:
    old = {"port": 1, "engines": {"llm": LOCAL}, "models": {}}
    new = {
        "port": 2,
        "limits": {"body_bytes": 2048},
        "reader": {"threads": 3},
        "engines": {"llm": LOCAL | {"context": 512}, "more": LOCAL},
        "models": {"readstone-ocr": {"max_images": 2}},
    }

    renewal = renew(old, new)

    assert renewal.changes.applied == ("models.readstone-ocr",)
    assert set(renewal.changes.restart) == {
        "port",
        "limits.body_bytes",
        "reader.threads",
        "engines.llm",
        "engines.more",
    }
    assert renewal.config.port == 1
    assert renewal.settings["engines"] == {"llm": LOCAL}


def test_a_pool_of_servers_elsewhere_changes_with_them_and_one_of_our_own_does_not() -> None:
    pool = {"type": "pool", "engines": ["one", "two"]}
    old = {"engines": {"one": HTTP, "two": HTTP, "all": pool}}
    assert _changes(old, {"engines": {"one": HTTP, "all": pool | {"engines": ["one"]}}}) == Changes(
        ("engines.two", "engines.all")
    )
    mixed = {"engines": {"one": HTTP, "two": LOCAL, "all": pool}}
    changed = {"engines": {"one": HTTP, "two": LOCAL, "all": pool | {"queue": 3}}}
    assert _changes(mixed, changed) == Changes((), ("engines.all",))


def test_what_is_wrong_is_told_and_what_does_not_go_together_without_a_restart_too() -> None:
    with pytest.raises(ConfigurationError, match="Unknown setting 'prot'"):
        renew({}, {"prot": 1})
    pool = {"type": "pool", "engines": ["llm"]}
    with pytest.raises(ConfigurationError):
        renew({"engines": {"llm": LOCAL, "all": pool}}, {"engines": {"all": pool}})
