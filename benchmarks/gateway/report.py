"""The report: medians over repeats as a table, the goals, and every reading for machines."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Final, TypeAlias

import msgspec

from benchmarks.gateway.measure import Reading
from benchmarks.gateway.scenarios import SCENARIOS, Scenario
from benchmarks.reader.report import Machine

_MEBIBYTE: Final = 1024 * 1024
_BODY_BYTES: Final = 1_500_000
_OURS: Final = "readstone"
Value: TypeAlias = Callable[[Reading], float | None]


class Report(msgspec.Struct, frozen=True):
    """A whole run: how to repeat it, who took part, who could not and how to change that, and every reading."""

    command: str
    machine: Machine
    versions: dict[str, str]
    missing: dict[str, str]
    scenarios: tuple[Scenario, ...]
    readings: list[Reading]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a scenario: its title, how a reading tells it, how it is written.

    `added`: what the direct way took in the same repeat is taken off.
    """

    scenario: str
    title: str
    value: Value
    form: str
    added: bool = False


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure of ours, by that of a peer in the same repeat where one is named, and its bound."""

    figure: Figure
    peer: str | None
    bound: float
    at_most: bool = False


def _per_core(reading: Reading) -> float | None:
    return reading.load.finished / reading.cpu if reading.cpu else None


def _per_second(reading: Reading) -> float | None:
    return reading.load.measured / reading.seconds


def _cost(reading: Reading) -> float | None:
    return 1e6 * reading.cpu / reading.load.finished if reading.load.finished else None


def _chunks_per_core(reading: Reading) -> float | None:
    return reading.load.chunks / reading.cpu if reading.cpu else None


def _answer(reading: Reading) -> float | None:
    return reading.load.answer_ms[0] if reading.load.answer_ms else None


def _first(reading: Reading) -> float | None:
    return reading.load.first_ms[0] if reading.load.first_ms else None


def _peak(reading: Reading) -> float | None:
    return reading.peak / _MEBIBYTE


def _copies(reading: Reading) -> float | None:
    connections = next(one.connections for one in SCENARIOS if one.name == reading.scenario)
    return (reading.peak - reading.before) / (connections * _BODY_BYTES)


_REQUESTS: Final = Figure("requests", "requests/s/core", _per_core, "{:,.0f}")
_LATENCY: Final = Figure("latency", "added ms", _answer, "{:.2f}", added=True)
_TO_FIRST: Final = Figure("first", "added ms to first", _first, "{:.2f}", added=True)
_CHUNKS: Final = Figure("chunks", "chunks/s/core", _chunks_per_core, "{:,.0f}")
_STREAMS: Final = Figure("streams", "500 streams: MiB", _peak, "{:.0f}")
_IMAGES: Final = Figure("images", "images/s/core", _per_core, "{:,.0f}")
_COPIES: Final = Figure("images", "copies", _copies, "{:.1f}")
_FIGURES: Final = (
    _REQUESTS,
    Figure("requests", "requests/s", _per_second, "{:,.0f}"),
    Figure("requests", "CPU µs", _cost, "{:,.0f}"),
    _LATENCY,
    _TO_FIRST,
    _CHUNKS,
    _STREAMS,
    Figure("streams", "first ms", _first, "{:.1f}"),
    _IMAGES,
    Figure("images", "images/s", _per_second, "{:,.0f}"),
    _COPIES,
)
_GOALS: Final = (
    Goal(_REQUESTS, "vllm-router", 1.0),
    Goal(_REQUESTS, "nginx", 0.2),
    Goal(_REQUESTS, "litellm", 80.0),
    Goal(_LATENCY, "nginx", 2.0, at_most=True),
    Goal(_TO_FIRST, "nginx", 2.0, at_most=True),
    Goal(_CHUNKS, "nginx", 1.0),
    Goal(_STREAMS, None, 150.0, at_most=True),
    Goal(_IMAGES, "vllm-router", 1.0),
    Goal(_COPIES, None, 3.0, at_most=True),
)


def table(readings: list[Reading]) -> str:
    """The medians over repeats as a Markdown table, a row for each server."""
    measured = {reading.scenario for reading in readings}
    figures = [figure for figure in _FIGURES if figure.scenario in measured]
    lines = [
        f"| server | {' | '.join(figure.title for figure in figures)} | core used by others |",
        f"|---|{'---:|' * (len(figures) + 1)}",
    ]
    for server in dict.fromkeys(reading.server for reading in readings):
        cells = [_shown(figure, list(_values(figure, server, readings))) for figure in figures]
        others = median(reading.others for reading in readings if reading.server == server)
        lines.append(f"| {server} | {' | '.join(cells)} | {others:.0%} |")
    return "\n".join(lines)


def goals(readings: list[Reading]) -> str:
    """A line for each goal that can be told from these readings."""
    lines: list[str] = []
    for goal in _GOALS:
        ours = dict(_values(goal.figure, _OURS, readings))
        theirs = dict(_values(goal.figure, goal.peer, readings)) if goal.peer else {}
        found = [
            value / theirs[repeat] if goal.peer else value
            for repeat, value in ours.items()
            if not goal.peer or theirs.get(repeat)
        ]
        if found:
            reached = median(found)
            met = reached <= goal.bound if goal.at_most else reached >= goal.bound
            sign, by = "≤" if goal.at_most else "≥", f" by {goal.peer}'s" if goal.peer else ""
            word = "met" if met else "MISSED"
            lines.append(
                f"{word}: {goal.figure.title}{by} {reached:.2f} (goal {sign} {goal.bound:g})"
            )
    return "\n".join(lines)


def line(reading: Reading) -> str:
    """A reading on one line, while the benchmark runs."""
    load = reading.load
    answer, first = _answer(reading), _first(reading)
    parts = [
        f"{reading.server:12} {reading.scenario:9} {load.measured / reading.seconds:8.0f} answers/s",
        f"p50 {answer:.2f} ms" if answer is not None else "no answer in time",
        f"first {first:.2f} ms" if first is not None else "",
        f"{load.chunks / reading.wall:.0f} chunks/s" if load.chunks else "",
        f"CPU {reading.cpu / reading.wall:.0%}, others {reading.others:.0%}",
        f"peak {reading.peak / _MEBIBYTE:.0f} MiB" if reading.peak else "",
        f"{load.failed} FAILED: {load.failure[:120]}" if load.failed else "",
        f"{load.unfinished} unfinished" if load.unfinished else "",
    ]
    return " · ".join(part for part in parts if part)


def _values(figure: Figure, server: str, readings: list[Reading]) -> Iterator[tuple[int, float]]:
    """The figure of each repeat; readings without it are left out."""
    direct = {
        reading.repeat: figure.value(reading)
        for reading in readings
        if figure.added and reading.server == "direct" and reading.scenario == figure.scenario
    }
    for reading in readings:
        if reading.server != server or reading.scenario != figure.scenario:
            continue
        value, base = figure.value(reading), direct.get(reading.repeat)
        if value is not None and (base is not None or not figure.added):
            yield reading.repeat, value - (base or 0.0)


def _shown(figure: Figure, values: list[tuple[int, float]]) -> str:
    return figure.form.format(median(value for _, value in values)) if values else "–"
