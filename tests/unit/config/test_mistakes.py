"""What is said of a value that a setting cannot have: the setting, the value, what it may be, and the nearest name."""

from typing import Any

import pytest

from readstone.config import Config
from readstone.config.building import Builder
from readstone.core.errors import ConfigurationError


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        ({"port": 70_000}, "'port' of the file is wrong: it is 70000, and must be a whole number of at most 65535."),
        ({"port": "x"}, "it is 'x', and must be a whole number."),
        ({"port": True}, "it is true, and must be a whole number."),
        ({"limits": {"request_seconds": 0}}, "it is 0, and must be a number of more than 0."),
        ({"fetch": {"allowed_hosts": "a"}}, "it is 'a', and must be a list."),
        ({"fetch": {"allowed_hosts": ["a", 5]}}, "it is 5, and must be text in quotes."),
        ({"engines": {"p": {"type": "pool", "engines": []}}}, "it is [], and must be a list with at least 1 in it."),
        (
            {"models": {"m": {"kind": "orc"}}},
            "'models.m.kind' of the file is wrong: it is 'orc'; did you mean 'ocr'? It may be: chat, vision, ocr, extract.",
        ),
        (
            {"engines": {"e": {"type": "http", "health_path": "up"}}},
            "it is 'up', and must be text in quotes of the form ^/[!-~]*$.",
        ),
        (
            {"engines": {"e": {"type": "http", "first_seconds": float("inf")}}},
            "it is inf, and must be a number that ends somewhere.",
        ),
        ({"log_format": "yaml"}, "it is 'yaml'; it may be: auto, json, text."),
        (
            {"engines": {"e": {"type": "http", "formats": ["png", "gif"]}}},
            "it is 'gif'; it may be: jpeg, png, webp, bmp.",
        ),
        (
            {"models": {"m": {"defaults": {"temperature": 3}}}},
            "'models.m.defaults.temperature' of the file is wrong: it is 3, and must be a number of at most 2.",
        ),
        ({"models": {"m": {"defaults": {"top_p": -0.5}}}}, "of at least 0."),
        ({"models": {"m": {"defaults": {"max_tokens": 0}}}}, "of at least 1."),
        ({"models": {"m": {"context_length": 0}}}, "of at least 1."),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_value_and_what_it_may_be(
    tree: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Builder("the file", strict=True).section(tree, Config)
    assert told in str(caught.value)
