"""Sections from trees of settings: whatever a file holds, it is built or refused with a sentence."""

from pathlib import Path
from typing import Annotated, Any, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.config import Config, HTTPConfig, settings
from readstone.config.building import Builder
from readstone.config.shape import defaults, hints, section_of, variants
from readstone.core.errors import ConfigurationError

NAMES = st.sampled_from(
    sorted({part for setting in settings() for part in setting.name.split(".") if part[0] != "<"})
)
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["http", "pool", "chat", "reader", "http://a/v1"])
)  # fmt: skip
TREES = st.recursive(
    LEAVES | st.lists(LEAVES, max_size=3),
    lambda inner: st.dictionaries(NAMES | st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(tree=st.dictionaries(NAMES, TREES, max_size=4))
def test_any_tree_is_built_or_refused_with_a_sentence(tree: dict[str, Any]) -> None:
    told = "."
    try:
        Builder("the file", strict=True).section(tree, Config)
    except ConfigurationError as error:
        told = str(error)

    assert told.endswith((".", "?"))


def _sections(section: type = Config) -> list[type]:
    inner = [
        each
        for hint in hints(section).values()
        for each in (section_of(hint), *(variants(hint) or {}).values())
        if each is not None
    ]
    return [section, *(found for each in inner for found in _sections(each))]


@pytest.mark.parametrize("section", _sections(), ids=lambda section: section.__name__)
def test_every_setting_takes_its_own_default(section: type) -> None:
    leaves = {name: hint for name, hint in hints(section).items() if get_origin(hint) is Annotated}
    tree = {name: value for name, value in defaults(section).items() if name in leaves}
    tree = {name: str(value) if isinstance(value, Path) else value for name, value in tree.items()}
    needed = {"url": "http://a/v1"} if section is HTTPConfig else {}
    missing = {"model": "a", "engines": ["a"]}
    needed |= {name: missing[name] for name in hints(section).keys() - defaults(section).keys()}

    Builder("the file", strict=True).section({**tree, **needed}, section)


@given(
    port=st.integers(0, 65535), seconds=st.floats(0.001, 1e6), hosts=st.lists(st.text(max_size=9))
)
def test_what_is_right_is_taken_as_it_is(port: int, seconds: float, hosts: list[str]) -> None:
    tree = {"port": port, "fetch": {"total_seconds": seconds, "allowed_hosts": hosts}}

    built = Builder("the file", strict=True).section(tree, Config)

    assert built.port == port
    assert built.fetch.total_seconds == seconds
    assert built.fetch.allowed_hosts == tuple(hosts)
    assert built.reader == Config().reader


@given(port=st.integers(0, 65535))
def test_numbers_may_be_text_where_the_source_has_only_text(port: int) -> None:
    tree = {"port": str(port)}

    assert Builder("a variable", strict=False).section(tree, Config).port == port
    with pytest.raises(ConfigurationError, match="'port' of the file is wrong: it is"):
        Builder("the file", strict=True).section(tree, Config)
