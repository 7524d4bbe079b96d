"""What there is to tell about a running server, whichever of its processes knows it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from readstone.core.engine import EngineState


class ModelServed(Protocol):
    """A model of the catalogue."""

    @property
    def id(self) -> str:
        """What clients call it."""
        ...

    @property
    def kind(self) -> str:
        """What it is for."""
        ...

    @property
    def engine(self) -> str:
        """Who answers."""
        ...


class HasState(Protocol):
    """An engine, to whom only its state is of interest."""

    @property
    def state(self) -> EngineState:
        """Whether it would answer now."""
        ...


class Announced(Protocol):
    """The models that are served, and the engines behind them, as they are now.

    By engine: `troubles` says why it does not list its models, `logs` where its process writes.
    """

    @property
    def catalogue(self) -> Iterable[ModelServed]:
        """Every model."""
        ...

    @property
    def engines(self) -> Mapping[str, HasState]:
        """Every engine by name."""
        ...

    @property
    def troubles(self) -> Mapping[str, str]:
        """Why an engine does not list its models."""
        ...

    @property
    def logs(self) -> Mapping[str, Path]:
        """Where an engine's process writes."""
        ...
