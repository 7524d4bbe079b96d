"""Grids: where rules that cross each other frame the cells of a table."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from readstone.core.document import Box, Rule

_SLACK: Final = 0.35
"""Text heights by which rules miss each other and still meet: corners are rounded, ends are cut off."""
_SAME: Final = 0.5
"""Text heights under which two parallel rules are one: double rules, both edges of a bar."""
_PLACES: Final = 4000
"""Cells of a table at most: what has more is squared paper, or a crossword."""
_WALL: Final = 0.6
"""The share of the side of a cell that a rule must cover to be its wall."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A cell as it is drawn: the row and column it begins in, from 0, and how many of each it spans."""

    row: int
    column: int
    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class Grid:
    """A drawn table: the x of its upright lines, the y of those across, from the top left, and its cells.

    The frames cover the grid without overlapping, from the top down and from the left.
    """

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    frames: tuple[Frame, ...]

    def place(self, x: float, y: float) -> tuple[int, int]:
        """The row and the column that a point stands in; outside of the grid the nearest."""
        return _place(self.ys, y), _place(self.xs, x)

    def frames_by_place(self) -> dict[tuple[int, int], int]:
        """The index of the frame that covers each row and column."""
        return {
            (row, column): index
            for index, frame in enumerate(self.frames)
            for row in range(frame.row, frame.row + frame.rows)
            for column in range(frame.column, frame.column + frame.columns)
        }

    @property
    def box(self) -> Box:
        """All of it."""
        return Box(self.xs[0], self.ys[0], self.xs[-1], self.ys[-1])


def grids(rules: Sequence[Rule], text: float) -> list[Grid]:
    """The grids of at least two rows and two columns that rules draw, from the top down.

    `text` is the height in pixels of the page's text. Sides may be open: rules across that reach over the
    last upright one end in a side of their own, and upright ones above and below alike.
    """
    found = [grid for group in _joined(rules, _SLACK * text) if (grid := _grid(group, text))]
    return sorted(found, key=lambda grid: (grid.ys, grid.xs))


def _place(places: Sequence[float], at: float) -> int:
    return min(max(bisect_right(places, at) - 1, 0), len(places) - 2)


def _joined(rules: Sequence[Rule], slack: float) -> list[list[Rule]]:
    """The rules in groups of those that meet, directly or by way of others."""
    across = [index for index, rule in enumerate(rules) if rule.y == rule.end_y]
    down = [index for index, rule in enumerate(rules) if rule.y != rule.end_y]
    leader = list(range(len(rules)))

    def lead(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = leader[index]
        return index

    for one in across:
        for other in down:
            if _meet(rules[one], rules[other], slack):
                leader[lead(one)] = lead(other)
    groups: dict[int, list[Rule]] = {}
    for index, rule in enumerate(rules):
        groups.setdefault(lead(index), []).append(rule)
    return list(groups.values())


def _meet(across: Rule, down: Rule, slack: float) -> bool:
    return (
        across.x - slack <= down.x <= across.end_x + slack
        and down.y - slack <= across.y <= down.end_y + slack
    )


def _grid(rules: Sequence[Rule], text: float) -> Grid | None:
    across = [rule for rule in rules if rule.y == rule.end_y]
    down = [rule for rule in rules if rule.y != rule.end_y]
    if not across or not down:
        return None
    xs = _places((rule.x for rule in down), (end for r in across for end in (r.x, r.end_x)), text)
    ys = _places((rule.y for rule in across), (end for r in down for end in (r.y, r.end_y)), text)
    places = (len(xs) - 1) * (len(ys) - 1)
    if len(xs) < 3 or len(ys) < 3 or places > _PLACES:  # noqa: PLR2004 - two columns have three sides
        return None
    near = _SAME * text
    right = _walls(xs, ys, [(rule.x, rule.y, rule.end_y) for rule in down], near)
    below = _walls(ys, xs, [(rule.y, rule.x, rule.end_x) for rule in across], near)
    return Grid(xs, ys, _frames(right, [list(row) for row in zip(*below, strict=True)]))


def _places(found: Iterable[float], ends: Iterable[float], text: float) -> tuple[float, ...]:
    """The places of rules, each once, and the outermost of what they cross where it reaches further."""
    groups: list[list[float]] = []
    for place in sorted(found):
        if groups and place - groups[-1][-1] < _SAME * text:
            groups[-1].append(place)
        else:
            groups.append([place])
    places = [sum(group) / len(group) for group in groups]
    reached = list(ends)
    if min(reached) < places[0] - text:
        places.insert(0, min(reached))
    if max(reached) > places[-1] + text:
        places.append(max(reached))
    return tuple(places)


def _walls(
    places: Sequence[float],
    stops: Sequence[float],
    rules: Sequence[tuple[float, float, float]],
    near: float,
) -> list[list[bool]]:
    """Whether there is a wall at each inner place, between each two stops: `[stop][place]`.

    `rules` are their place and where they begin and end.
    """
    walls: list[list[bool]] = []
    for begin, end in pairwise(stops):
        walls.append(
            [
                _covered([rule for rule in rules if abs(rule[0] - place) < near], begin, end)
                >= _WALL * (end - begin)
                for place in places[1:-1]
            ]
        )
    return walls


def _covered(rules: Iterable[tuple[float, float, float]], begin: float, end: float) -> float:
    covered = 0.0
    reached = begin
    for _, first, last in sorted(rules, key=lambda rule: rule[1]):
        first, last = max(first, reached), min(last, end)  # noqa: PLW2901 - what is left of it
        if last > first:
            covered += last - first
            reached = last
    return covered


def _frames(right: list[list[bool]], below: list[list[bool]]) -> tuple[Frame, ...]:
    """The cells: rectangles of the lattice without walls inside, taken from the top left.

    `right[row][column]` and `below[row][column]` say whether there is a wall beside and under a place.
    """
    rows, columns = len(right), len(below[0]) if below else len(right[0]) + 1
    taken: set[tuple[int, int]] = set()
    frames: list[Frame] = []
    for row in range(rows):
        for column in range(columns):
            if (row, column) in taken:
                continue
            wide = 1
            while column + wide < columns and not (
                right[row][column + wide - 1] or (row, column + wide) in taken
            ):
                wide += 1
            high = 1
            while row + high < rows and _goes_down(right, below, row + high, column, wide):
                high += 1
            taken |= {(y, x) for y in range(row, row + high) for x in range(column, column + wide)}
            frames.append(Frame(row, column, high, wide))
    return tuple(frames)


def _goes_down(
    right: list[list[bool]], below: list[list[bool]], row: int, column: int, wide: int
) -> bool:
    """Whether a cell goes on in a row: no wall above it nor within it."""
    return not (
        any(below[row - 1][column : column + wide]) or any(right[row][column : column + wide - 1])
    )
