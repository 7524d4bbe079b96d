"""The configuration: typed sections, read from readstone.toml, READSTONE_* variables and flags, in that order."""

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, cast, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from readstone.core.errors import ConfigurationError
from readstone.core.model import Kind

Tree: TypeAlias = dict[str, Any]
"""Settings as TOML gives them, before they are checked."""

PREFIX = "READSTONE_"
DEFAULT_FILE = Path("readstone.toml")


@dataclass(frozen=True, slots=True)
class LimitsConfig:
    """What one request may weigh."""

    body_bytes: Annotated[
        int, Meta(ge=1024, description="Largest request body; refused before it is read whole.")
    ] = 64 * 1024 * 1024
    intake_bytes: Annotated[
        int, Meta(ge=1024, description="Bodies and images held at once, by all requests.")
    ] = 512 * 1024 * 1024
    intake_seconds: Annotated[
        float, Meta(ge=0, description="How long a body may wait for room before it is refused.")
    ] = 10.0
    request_seconds: Annotated[
        float, Meta(gt=0, description="Longest time from a request's arrival to its end.")
    ] = 600.0
    image_bytes: Annotated[
        int, Meta(ge=1024, description="Largest image, after base64, inclusive.")
    ] = 20 * 1024 * 1024
    image_pixels: Annotated[
        int, Meta(ge=10_000, description="Most pixels of an image, by its header.")
    ] = 120_000_000
    document_bytes: Annotated[
        int, Meta(ge=1024, description="Largest PDF, after base64, inclusive.")
    ] = 50 * 1024 * 1024
    document_pages: Annotated[
        int, Meta(ge=1, description="Most pages of a PDF; one with more is refused.")
    ] = 100


@dataclass(frozen=True, slots=True)
class FetchConfig:
    """Images by URL: from where, how many, how long."""

    enabled: Annotated[
        bool, Meta(description="Whether images are fetched by URL; if not, URLs are refused.")
    ] = True
    allowed_hosts: Annotated[
        tuple[str, ...],
        Meta(description="Hosts of your own: reached on any port, at private addresses too."),
    ] = ()
    allowed_networks: Annotated[
        tuple[str, ...],
        Meta(description="Networks (CIDR) that any name may lead to although they are not public."),
    ] = ()
    proxy: Annotated[
        str | None,
        Meta(description="HTTP proxy that carries every fetch; it must refuse private addresses."),
    ] = None
    images_per_request: Annotated[
        int, Meta(ge=0, description="Most images of one request that are given by URL.")
    ] = 8
    concurrency: Annotated[
        int, Meta(ge=1, le=1024, description="Images fetched at once, over all requests.")
    ] = 32
    total_seconds: Annotated[
        float, Meta(gt=0, description="Longest time one fetch may take, redirects included.")
    ] = 30.0
    connect_seconds: Annotated[
        float, Meta(gt=0, description="Longest time one connection may take to be made.")
    ] = 5.0
    cache_megabytes: Annotated[
        int, Meta(ge=0, description="Memory for images fetched a moment ago; 0 keeps none.")
    ] = 64
    cache_seconds: Annotated[
        float, Meta(ge=0, description="How long such an image is kept; 0 keeps none.")
    ] = 60.0


@dataclass(frozen=True, slots=True)
class ReaderConfig:
    """The reader and its worker process."""

    threads: Annotated[
        int, Meta(ge=0, le=512, description="Threads that read; 0 means one for each core.")
    ] = 0
    concurrency: Annotated[
        int, Meta(ge=0, description="Requests read at once; 0 means two for each thread.")
    ] = 0
    queue: Annotated[
        int, Meta(ge=0, description="Requests that may wait; one more is refused with 503.")
    ] = 64
    page_seconds: Annotated[
        float, Meta(gt=0, description="Longest time one page may take before it fails with 504.")
    ] = 120.0
    start_seconds: Annotated[
        float, Meta(gt=0, description="Longest time the worker may take to load its models.")
    ] = 60.0
    recycle_pages: Annotated[
        int, Meta(ge=1, description="Pages after which the worker is replaced by a fresh one.")
    ] = 5000
    recycle_megabytes: Annotated[
        int, Meta(ge=256, description="Resident memory at which the worker is replaced.")
    ] = 2048
    cache_megabytes: Annotated[
        int, Meta(ge=0, description="Memory for lines of pages read a moment ago; 0 keeps none.")
    ] = 32
    cache_seconds: Annotated[
        float, Meta(ge=0, description="How long such lines are kept, for their own key only.")
    ] = 60.0


@dataclass(frozen=True, slots=True)
class DefaultsConfig:
    """What is applied where a client left a property out; the kind's own value where not set."""

    max_tokens: Annotated[int | None, Meta(description="Most tokens of an answer.")] = None
    temperature: Annotated[float | None, Meta(description="Sampling temperature, 0 to 2.")] = None
    top_p: Annotated[float | None, Meta(description="Nucleus sampling, 0 to 1.")] = None
    stream: Annotated[bool | None, Meta(description="Whether an answer streams.")] = None


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """One model of the catalogue, or a change to an embedded one."""

    kind: Annotated[
        Kind | None, Meta(description="chat, vision, ocr or extract; required for a new model.")
    ] = None
    engine: Annotated[
        str | None, Meta(description="The engine that answers; required for a new model.")
    ] = None
    aliases: Annotated[
        tuple[str, ...], Meta(description="Other names clients may call it by.")
    ] = ()
    max_images: Annotated[int, Meta(ge=1, description="Most images and PDFs of one request.")] = 16
    defaults: DefaultsConfig = field(default_factory=DefaultsConfig)


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that can be set."""

    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port; 0 takes a free one.")] = 8000
    data_dir: Annotated[
        Path, Meta(description="Where keys are kept; made on first start. `~` is your home.")
    ] = Path("~/.local/share/readstone")
    log_format: Annotated[
        Literal["auto", "json", "text"],
        Meta(description="json, text, or auto: text on a terminal, JSON elsewhere."),
    ] = "auto"
    drain_seconds: Annotated[
        float, Meta(ge=0, description="On SIGTERM, how long running requests may take to finish.")
    ] = 30.0
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    fetch: FetchConfig = field(default_factory=FetchConfig)
    reader: ReaderConfig = field(default_factory=ReaderConfig)
    models: dict[str, ModelConfig] = field(default_factory=dict[str, ModelConfig])


@dataclass(frozen=True, slots=True)
class Setting:
    """One leaf of the configuration: its dotted name, its variable where it has one, its sentence.

    `is_list` says that its value is several texts, which a variable parts by commas.
    """

    name: str
    variable: str | None
    sentence: str
    is_list: bool = False


def load_config(file: Path | None, flags: Mapping[str, Any]) -> Config:
    """Read the file (`readstone.toml` here where none is named), the environment, then the flags.

    Each later source wins over the earlier. ConfigurationError names the setting, the value and, for
    an unknown name, the nearest one.
    """
    environment = _environment(os.environ)
    named = file or (Path(path) if (path := os.environ.get(f"{PREFIX}CONFIG")) else None)
    tree = _read(named)
    _convert(tree, "the configuration file", strict=True)
    for source in (environment, dict(flags)):
        _merge(tree, source)
    config = _convert(tree, "the environment or a flag", strict=False)
    return replace(config, data_dir=config.data_dir.expanduser())


def settings(section: type = Config, prefix: str = "") -> Iterator[Setting]:
    """Every setting, in the order of the classes above; a model's are named `models.<id>.…`."""
    for name, hint in _hints(section).items():
        dotted = f"{prefix}{name}"
        if is_dataclass(hint):
            yield from settings(cast("type", hint), f"{dotted}.")
        elif get_origin(hint) is dict:
            yield from settings(get_args(hint)[1], f"{dotted}.<id>.")
        else:
            variable = None if "<" in dotted else PREFIX + dotted.replace(".", "_").upper()
            (meta,) = [part for part in get_args(hint) if isinstance(part, Meta)]
            is_list = get_origin(get_args(hint)[0]) is tuple
            yield Setting(dotted, variable, meta.description or "", is_list)


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


def _environment(environ: Mapping[str, str]) -> Tree:
    known = {setting.variable: setting for setting in settings() if setting.variable}
    tree: Tree = {}
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or variable == f"{PREFIX}CONFIG":
            continue
        if variable not in known:
            names = [*known, f"{PREFIX}CONFIG"]
            raise ConfigurationError(
                f"Unknown environment variable {variable}{_nearest(variable, names)}"
            )
        setting, value = known[variable], environ[variable]
        *path, leaf = setting.name.split(".")
        node = tree
        for part in path:
            node = node.setdefault(part, {})
        node[leaf] = _listed(value) if setting.is_list else value
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


def _convert(tree: Tree, source: str, *, strict: bool) -> Config:
    _refuse_unknown(tree, Config, "")
    try:
        return msgspec.convert(tree, Config, strict=strict, dec_hook=_path)
    except msgspec.ValidationError as error:
        problem = str(error).replace("`", "'").replace("at '$.", "at '")
        raise ConfigurationError(f"A setting of {source} is wrong. {problem}.") from error


def _path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError


def _refuse_unknown(tree: Tree, section: type, prefix: str) -> None:
    hints = _hints(section)
    for name, value in tree.items():
        if name not in hints:
            raise ConfigurationError(f"Unknown setting '{prefix}{name}'{_nearest(name, hints)}")
        hint = hints[name]
        if is_dataclass(hint) and isinstance(value, dict):
            _refuse_unknown(cast("Tree", value), cast("type", hint), f"{prefix}{name}.")
        elif get_origin(hint) is dict and isinstance(value, dict):
            for key, entry in cast("Tree", value).items():
                if isinstance(entry, dict):
                    _refuse_unknown(
                        cast("Tree", entry), get_args(hint)[1], f"{prefix}{name}.{key}."
                    )


def _hints(section: type) -> dict[str, Any]:
    hints = get_type_hints(section, include_extras=True)
    return {item.name: hints[item.name] for item in fields(section)}


def _nearest(name: str, known: Mapping[str, object] | list[str]) -> str:
    matches = get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean '{matches[0]}'?" if matches else f"; known are: {', '.join(known)}."
