"""The catalogue: which models are served, under which names, by which engine."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches

from readstone.config import READER, DefaultsConfig, ModelConfig
from readstone.core.errors import ConfigurationError, ModelNotFound
from readstone.core.model import KIND_DEFAULTS, Defaults, Model, Offer, Profile

EMBEDDED = Model(
    id="readstone-ocr",
    kind="ocr",
    engine="reader",
    defaults=KIND_DEFAULTS["ocr"],
    max_images=16,
)
"""What reads, with no configuration at all."""
EXTRACT = Model(
    id="u1-ocr-extract",
    kind="extract",
    engine="reader",
    defaults=KIND_DEFAULTS["extract"],
    max_images=16,
)
"""What extracts, with no configuration at all; called as in the contract of image extraction."""

_MAX_IMAGES = ModelConfig().max_images
_TOLD = 200
"""Characters of an unknown name that are looked at and told."""


class Catalogue:
    """Finds models by id or alias: the configured ones, which stay, and those that engines offer, which change."""

    def __init__(self, models: Iterable[Model]) -> None:
        self._configured = tuple(models)
        self._offered: dict[str, tuple[Model, ...]] = {}
        self._by_name = dict(_names(self._configured))

    def __iter__(self) -> Iterator[Model]:
        yield from self._configured
        for models in self._offered.values():
            yield from models

    def names(self) -> Iterator[tuple[str, Model]]:
        """Every name a client may use: each model's id, then its aliases."""
        return iter(self._by_name.items())

    def find(self, name: str) -> Model:
        """The model of that id or alias; ModelNotFound names the nearest."""
        model = self._by_name.get(name)
        if model is None:
            told = name[:_TOLD]  # a name of megabytes would be compared for seconds
            matches = get_close_matches(told, list(self._by_name), n=1, cutoff=0.5)
            hint = f"Did you mean '{matches[0]}'? " if matches else ""
            raise ModelNotFound(
                f"There is no model '{told}'. {hint}GET /v1/models and 'readstone models' list them.",
                param="model",
            )
        return model

    def offer(self, engine: str, offers: Iterable[Offer]) -> None:
        """Serve what an engine offers, in place of what it offered before.

        A configured model of that engine stands for what it is called there, so that is not served twice.
        ConfigurationError, and nothing is changed, where a name is taken by another engine's model.
        """
        taken = {model.name_at_engine for model in self._configured if model.engine == engine}
        models = tuple(_offered(engine, offer) for offer in offers if offer.name not in taken)
        offered = {**self._offered, engine: models}
        every = [*self._configured, *(model for group in offered.values() for model in group)]
        by_name = dict(_names(every))
        self._offered, self._by_name = offered, by_name

    def become(self, models: Iterable[Model], forgotten: Collection[str] = ()) -> None:
        """Have these as the configured models; what engines offer stays, but for engines that are forgotten.

        ConfigurationError, and nothing is changed, where a name is taken twice then.
        """
        configured = tuple(models)
        taken = {(model.engine, model.name_at_engine) for model in configured}
        offered = {
            engine: tuple(each for each in group if (engine, each.id) not in taken)
            for engine, group in self._offered.items()
            if engine not in forgotten
        }
        every = [*configured, *(model for group in offered.values() for model in group)]
        by_name = dict(_names(every))
        self._configured, self._offered, self._by_name = configured, offered, by_name


def build_catalogue(entries: Mapping[str, ModelConfig], engines: Iterable[str]) -> Catalogue:
    """The embedded models and the configured ones; an entry with an embedded id changes that model.

    ConfigurationError where an entry lacks its kind or engine, names an engine, a fallback or a language model
    that is not there, or takes a name twice, and where fallbacks lead back to where they began.
    """
    models = {model.id: model for model in (EMBEDDED, EXTRACT)}
    for model_id, entry in entries.items():
        models[model_id] = _model(model_id, entry, models.get(model_id))
    known = tuple(engines)
    for model in models.values():
        if model.engine not in known:
            raise ConfigurationError(
                f"models.{model.id}.engine is '{model.engine}', which is not an engine here; "
                f"known are: {', '.join(known)}."
            )
    _check_fallbacks(models)
    _check_language_models(models)
    return Catalogue(models.values())


def _model(model_id: str, entry: ModelConfig, embedded: Model | None) -> Model:
    kind = entry.kind or (embedded.kind if embedded else None)
    engine = entry.engine or (embedded.engine if embedded else None)
    _check_names(model_id, entry.aliases)
    if kind is None or engine is None:
        missing = "kind" if kind is None else "engine"
        raise ConfigurationError(f"models.{model_id}.{missing} is missing: a new model needs it.")
    if engine == READER and kind not in {"ocr", "extract"}:
        raise ConfigurationError(
            f"models.{model_id}.kind is '{kind}', but the reader only reads: make it 'ocr' or 'extract', or name "
            "another engine."
        )
    return Model(
        id=model_id,
        kind=kind,
        engine=engine,
        defaults=_defaults(entry.defaults, KIND_DEFAULTS[kind]),
        max_images=entry.max_images,
        aliases=entry.aliases,
        upstream=entry.upstream or "",
        context_length=entry.context_length,
        fallback=entry.fallback,
        family=entry.family,
        prices=entry.prices.prices,
        limits=entry.limits.limits,
        language_model=entry.language_model,
        shows_pages=entry.show_pages,
        profile=_profile(model_id, entry, engine),
    )


def _check_names(model_id: str, aliases: Iterable[str]) -> None:
    for name in (model_id, *aliases):
        if not name.strip() or not name.isprintable():
            raise ConfigurationError(
                f"models.{model_id!r}: no model can be called {name!r}; a name is printable text."
            )


def _profile(model_id: str, entry: ModelConfig, engine: str) -> Profile:
    if entry.profile is not None and engine != READER:
        raise ConfigurationError(
            f"models.{model_id}.profile is for models of the reader, and '{engine}' is another engine: leave it out."
        )
    return entry.profile or "balanced"


def _offered(engine: str, offer: Offer) -> Model:
    return Model(
        id=offer.name,
        kind=offer.kind,
        engine=engine,
        defaults=KIND_DEFAULTS[offer.kind],
        max_images=_MAX_IMAGES,
        aliases=offer.aliases,
        context_length=offer.context_length,
    )


def _defaults(entry: DefaultsConfig, kind: Defaults) -> Defaults:
    chosen = {
        "max_tokens": entry.max_tokens,
        "temperature": entry.temperature,
        "top_p": entry.top_p,
        "stream": entry.stream,
    }
    return replace(kind, **{name: value for name, value in chosen.items() if value is not None})


def _check_fallbacks(models: Mapping[str, Model]) -> None:
    for model in models.values():
        for name in model.fallback:
            if name not in models:
                raise _stranger(f"models.{model.id}.fallback names '{name}'", name, models)
    for model in models.values():
        circle = _circle((model.id,), models)
        if circle:
            raise ConfigurationError(
                f"models.{model.id}.fallback leads back to where it began: {' → '.join(circle)}."
            )


def _check_language_models(models: Mapping[str, Model]) -> None:
    """Only extract models name one, and it is not an extract model itself: so none can lead back to itself."""
    for model in models.values():
        name = model.language_model
        asked = models.get(name) if name else None
        if model.shows_pages and (asked is None or asked.kind != "vision"):
            raise ConfigurationError(
                f"models.{model.id}.show_pages is set, but it names no language_model of kind 'vision' to show them to."
            )
        if name is None:
            continue
        setting = f"models.{model.id}.language_model"
        if model.kind != "extract":
            raise ConfigurationError(
                f"{setting} is set, but the model is of kind '{model.kind}': only an extract model asks another."
            )
        if name not in models:
            raise _stranger(f"{setting} is '{name}'", name, models)
        if models[name].kind not in {"chat", "vision"}:
            raise ConfigurationError(
                f"{setting} is '{name}', which is of kind '{models[name].kind}': it must be a chat or vision model."
            )


def _stranger(said: str, name: str, models: Mapping[str, Model]) -> ConfigurationError:
    matches = get_close_matches(name, list(models), n=1, cutoff=0.5)
    hint = f"did you mean '{matches[0]}'?" if matches else "a model has a section."
    return ConfigurationError(f"{said}, which is not the id of a model; {hint}")


def _circle(path: tuple[str, ...], models: Mapping[str, Model]) -> tuple[str, ...]:
    """The way on from the end of a path back to its beginning; empty where there is none."""
    for name in models[path[-1]].fallback:
        if name == path[0]:
            return (*path, name)
        if name not in path and (found := _circle((*path, name), models)):
            return found
    return ()


def _names(models: Iterable[Model]) -> Iterator[tuple[str, Model]]:
    owners: dict[str, Model] = {}
    for model in models:
        for name in (model.id, *model.aliases):
            if name in owners:
                raise ConfigurationError(_clash(name, owners[name], model))
            owners[name] = model
            yield name, model


def _clash(name: str, one: Model, other: Model) -> str:
    if one.engine == other.engine:
        return f"Two models are called '{name}': names must differ."
    return (
        f"Two models are called '{name}', one of the engine '{one.engine}' and one of '{other.engine}': names must "
        f"differ. Give one another name with a section [models.\"NAME\"] that has engine and upstream = '{name}'; "
        "where both serve the same, make them one engine with urls = [..] of both."
    )
