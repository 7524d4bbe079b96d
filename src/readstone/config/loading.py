"""Reads the configuration: readstone.toml, then READSTONE_* variables, then flags."""

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from readstone.config.building import Builder, Tree, nearest
from readstone.config.checks import check_engines
from readstone.config.engines import EngineConfig, VLLMConfig
from readstone.config.models import ModelConfig
from readstone.config.root import Config
from readstone.config.settings import PREFIX, settings
from readstone.core.errors import ConfigurationError

DEFAULT_FILE = Path("readstone.toml")
_FILE_VARIABLE = f"{PREFIX}CONFIG"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a configuration is read from, and may be read again: a file (`readstone.toml` here where none is named), then flags."""

    file: Path | None = None
    flags: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def read(self) -> Tree:
        """All settings as they are now: of the file, the environment, then the flags; each later one wins over the earlier.

        ConfigurationError names the setting, the value and, for an unknown name, the nearest one.
        """
        named = self.file or (Path(path) if (path := os.environ.get(_FILE_VARIABLE)) else None)
        tree = _read(named)
        try:
            Builder("the file", strict=True).section(tree, Config)
        except ConfigurationError as error:
            raise ConfigurationError(f"{named or DEFAULT_FILE}: {error}") from None
        others = {_FILE_VARIABLE, *_key_variables(tree, self.flags)}
        for source in (_environment(os.environ, others), dict(self.flags)):
            _merge(tree, source)
        return tree


def load_config(file: Path | None, flags: Mapping[str, Any]) -> Config:
    """What a `Source` of these says. ConfigurationError as it and `build_config` raise it."""
    return build_config(Source(file, flags).read())


def build_config(tree: Tree) -> Config:
    """The configuration that settings make. ConfigurationError where they are wrong, or do not go together."""
    config = Builder("the environment or a flag", strict=False).section(tree, Config)
    check_engines(config.engines, config.models)
    models = {name: _with_context(entry, config.engines) for name, entry in config.models.items()}
    return replace(config, data_dir=config.data_dir.expanduser(), models=models)


def _with_context(entry: ModelConfig, engines: Mapping[str, EngineConfig]) -> ModelConfig:
    """The section with its engine's context where that is ours to set and its own is not said.

    Not llama.cpp's: it takes less where the model was trained with less, and vLLM does not start then.
    """
    engine = engines.get(entry.engine or "")
    if entry.context_length is None and isinstance(engine, VLLMConfig):
        return replace(entry, context_length=engine.context)
    return entry


def _read(file: Path | None) -> Tree:
    if file is None and not DEFAULT_FILE.exists():
        return {}
    path = file or DEFAULT_FILE
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}.") from error


def _key_variables(*sources: Mapping[str, Any]) -> Iterator[str]:
    """The variables that engines' keys are read from; they may be named like ours."""
    for source in sources:
        engines: Tree = source.get("engines", {})
        for engine in engines.values():
            if name := engine.get("api_key_env"):
                yield str(name)


def _environment(environ: Mapping[str, str], others: set[str]) -> Tree:
    known = {setting.variable: setting for setting in settings() if setting.variable}
    tree: Tree = {}
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or variable in others:
            continue
        if variable not in known:
            hint = nearest(variable, [*known, _FILE_VARIABLE])
            raise ConfigurationError(f"Unknown environment variable {variable}{hint}")
        setting, value = known[variable], environ[variable]
        *path, name = setting.name.split(".")
        node = tree
        for part in path:
            node = node.setdefault(part, {})
        node[name] = _listed(value) if setting.is_list else value
    return tree


def _listed(value: str) -> list[str]:
    """The texts between commas, without white space around them; none of an empty value."""
    return [text for part in value.split(",") if (text := part.strip())]


def _merge(tree: Tree, source: Tree) -> None:
    for name, value in source.items():
        if isinstance(value, dict) and isinstance(tree.get(name), dict):
            _merge(tree[name], cast("Tree", value))
        else:
            tree[name] = value
