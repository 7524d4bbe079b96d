"""The catalogue: which models are served, under which names, by which engine."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches

from readstone.config import DefaultsConfig, ModelConfig
from readstone.core.errors import ConfigurationError, ModelNotFound
from readstone.core.model import KIND_DEFAULTS, Defaults, Model

EMBEDDED = Model(
    id="readstone-ocr",
    kind="ocr",
    engine="reader",
    defaults=KIND_DEFAULTS["ocr"],
    max_images=16,
)
"""What is served with no configuration at all."""


class Catalogue:
    """Finds models by id or alias."""

    def __init__(self, models: Iterable[Model]) -> None:
        self._models = tuple(models)
        self._by_name = dict(_names(self._models))

    def __iter__(self) -> Iterator[Model]:
        return iter(self._models)

    def names(self) -> Iterator[tuple[str, Model]]:
        """Every name a client may use: each model's id, then its aliases."""
        return iter(self._by_name.items())

    def find(self, name: str) -> Model:
        """The model of that id or alias; ModelNotFound names the nearest."""
        model = self._by_name.get(name)
        if model is None:
            matches = get_close_matches(name, list(self._by_name), n=1, cutoff=0.5)
            hint = f"Did you mean '{matches[0]}'? " if matches else ""
            raise ModelNotFound(
                f"There is no model '{name[:200]}'. {hint}GET /v1/models and 'readstone models' list them.",
                param="model",
            )
        return model


def build_catalogue(entries: Mapping[str, ModelConfig], engines: Iterable[str]) -> Catalogue:
    """The embedded model and the configured ones; an entry with an embedded id changes that model.

    ConfigurationError where an entry lacks its kind or engine, names an engine that is not there, or
    takes a name twice.
    """
    models = {EMBEDDED.id: EMBEDDED}
    for model_id, entry in entries.items():
        models[model_id] = _model(model_id, entry, models.get(model_id))
    known = tuple(engines)
    for model in models.values():
        if model.engine not in known:
            raise ConfigurationError(
                f"models.{model.id}.engine is '{model.engine}', which is not an engine here; "
                f"known are: {', '.join(known)}."
            )
    return Catalogue(models.values())


def _model(model_id: str, entry: ModelConfig, embedded: Model | None) -> Model:
    kind = entry.kind or (embedded.kind if embedded else None)
    engine = entry.engine or (embedded.engine if embedded else None)
    if kind is None or engine is None:
        missing = "kind" if kind is None else "engine"
        raise ConfigurationError(f"models.{model_id}.{missing} is missing: a new model needs it.")
    return Model(
        id=model_id,
        kind=kind,
        engine=engine,
        defaults=_defaults(entry.defaults, KIND_DEFAULTS[kind]),
        max_images=entry.max_images,
        aliases=entry.aliases,
    )


def _defaults(entry: DefaultsConfig, kind: Defaults) -> Defaults:
    chosen = {
        "max_tokens": entry.max_tokens,
        "temperature": entry.temperature,
        "top_p": entry.top_p,
        "stream": entry.stream,
    }
    return replace(kind, **{name: value for name, value in chosen.items() if value is not None})


def _names(models: Iterable[Model]) -> Iterator[tuple[str, Model]]:
    taken: set[str] = set()
    for model in models:
        for name in (model.id, *model.aliases):
            if name in taken:
                raise ConfigurationError(f"Two models are called '{name}': names must differ.")
            taken.add(name)
            yield name, model
