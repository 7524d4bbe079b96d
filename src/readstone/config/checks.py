"""What holds between the sections of engines and models, beyond what each of them says for itself."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from readstone.config.building import nearest
from readstone.config.engines import EngineConfig, HTTPConfig, PoolConfig
from readstone.config.models import ModelConfig
from readstone.core.errors import ConfigurationError

READER: Final = "reader"
"""The engine that is always there; its settings are the section `[reader]`."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_engines(engines: Mapping[str, EngineConfig], models: Mapping[str, ModelConfig]) -> None:
    """ConfigurationError where a name cannot be an engine's, or pools and models name engines that cannot be theirs."""
    for name in engines:
        _check_name(name)
    owners: dict[str, str] = {}
    for pool, member in _members(engines):
        _check_member(pool, member, engines, owners.get(member))
        owners[member] = pool
    for model, entry in models.items():
        if entry.engine in owners:
            raise ConfigurationError(
                f"models.{model}.engine is '{entry.engine}', which answers through its pool only: "
                f"set it to '{owners[entry.engine]}'."
            )


def _check_name(name: str) -> None:
    if name == READER:
        raise ConfigurationError(
            "engines.reader cannot be set: 'reader' is the reader's name, and its settings are in the section "
            "[reader]."
        )
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"engines.'{name[:80]}' is no name for an engine: it is at most 64 letters, digits, '.', '_' and '-', "
            "and begins with a letter or digit."
        )


def _check_member(
    pool: str, member: str, engines: Mapping[str, EngineConfig], owner: str | None
) -> None:
    if member not in engines:
        raise ConfigurationError(
            f"engines.{pool}.engines names '{member}', which is not an engine of yours"
            + nearest(member, (name for name in engines if name != pool))
        )
    if isinstance(engines[member], PoolConfig):
        raise ConfigurationError(
            f"engines.{pool}.engines names '{member}', which is a pool itself: name its members."
        )
    if isinstance(found := engines[member], HTTPConfig) and found.discover:
        raise ConfigurationError(
            f"engines.{member}.discover is set, and '{member}' answers through its pool '{pool}' only: take it out, "
            f'and name each model in a section [models."NAME"] with engine = "{pool}".'
        )
    if owner is not None:
        raise ConfigurationError(
            f"engines.{pool}.engines names '{member}', which is a member of '{owner}' already: an engine "
            "belongs to one pool, and once."
        )


def _members(engines: Mapping[str, EngineConfig]) -> Iterator[tuple[str, str]]:
    """Every pool with each of its members."""
    for name, engine in engines.items():
        if isinstance(engine, PoolConfig):
            for member in engine.engines:
                yield name, member
