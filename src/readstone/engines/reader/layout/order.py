"""The order in which a page's lines are read, and the visual row each belongs to."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from statistics import median
from typing import Final

from readstone.core.document import Corners
from readstone.engines.reader.layout.level import Slope, slope

SAME_ROW: Final = 0.5
"""Lines share a row when their middles are closer than this share of a line's height."""
COLUMN_ROWS: Final = 6
"""A column has at least this many rows: fewer may be two addresses side by side."""
MARGIN_ROWS: Final = 2
MARGIN_APART: Final = 2.5
MARGIN_SHORT: Final = 6.0
"""The head or foot of a page has at most so many rows, so many line heights from the middle of the next line, and
its lines are at most so many line heights long where they stand as a column's do."""
COLUMN_INDENT: Final = 4.0
"""Lines of a column begin at most this many line heights right of the others."""
COLUMN_LINE: Final = 8.0
"""The usual line of a column is this many line heights wide: narrower ones are cells of a table."""
COLUMN_FILL: Final = 0.66
"""Text covers this share of a column's rows: prose does, names beside prices do not."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A line in its place: its corners as detected and the visual row it stands in, counted from 0."""

    corners: Corners
    row: int


@dataclass(frozen=True, slots=True)
class _Strip:
    """A line with the page's tilt taken out; `middle` is the height on the page of its middle."""

    middle: float
    left: float
    right: float
    height: float
    corners: Corners


def arrange(lines: Iterable[Corners]) -> tuple[Placed, ...]:
    """Every line once, in reading order: rows from the top, left to right within a row.

    Where the page is clearly set in columns, each column is read to its end before the next (recursive
    XY-cut, Nagy and Seth 1984, along gutters that run between lines of prose). The answer depends on
    the lines, not on the order they come in.
    """
    strips = sorted(_level(sorted(lines)), key=_down)
    rows = [row for part in _parted(strips) for block in _blocks(part) for row in _rows(block)]
    return tuple(Placed(strip.corners, number) for number, row in enumerate(rows) for strip in row)


def _level(lines: list[Corners]) -> list[_Strip]:
    tilt = slope(lines)
    return [_strip(corners, tilt) for corners in lines]


def _strip(corners: Corners, tilt: Slope) -> _Strip:
    a, b, c, d = corners
    across = (a[0] + b[0] + c[0] + d[0]) / 4
    down = (a[1] + b[1] + c[1] + d[1]) / 4
    return _Strip(
        middle=down - tilt * across,
        left=min(a[0], d[0]) + tilt * down,
        right=max(b[0], c[0]) + tilt * down,
        height=min(math.dist(a, d), math.dist(a, b)),
        corners=corners,
    )


def _down(strip: _Strip) -> tuple[float, float, Corners]:
    return strip.middle, strip.left, strip.corners


def _rows(strips: list[_Strip]) -> list[list[_Strip]]:
    rows: list[list[_Strip]] = []
    for strip in sorted(strips, key=_down):
        if rows and _belongs(strip, rows[-1]):
            rows[-1].append(strip)
        else:
            rows.append([strip])
    return [sorted(row, key=lambda strip: (strip.left, strip.corners)) for row in rows]


def _belongs(strip: _Strip, row: list[_Strip]) -> bool:
    middle = sum(other.middle for other in row) / len(row)
    height = min(strip.height, median(other.height for other in row))
    return abs(strip.middle - middle) < SAME_ROW * height


def _parted(strips: list[_Strip]) -> list[list[_Strip]]:
    """The page's lines from the top down as its head, its body and its foot.

    Head and foot are a row or two apart from the body that begin no column: a page's number is below all
    columns, not the end of the one it stands under.
    """
    if len(strips) < 2 * COLUMN_ROWS:
        return [strips]
    height = median(strip.height for strip in strips)
    starts = [gutter + height / 4 for gutter in _gutters(strips, height)]

    def is_margin(group: list[_Strip]) -> bool:
        return len(_rows(group)) <= MARGIN_ROWS and all(
            strip.right - strip.left <= MARGIN_SHORT * height
            or all(abs(strip.left - start) > height for start in starts)
            for strip in group
        )

    groups: list[list[_Strip]] = []
    for strip in strips:
        if groups and strip.middle - groups[-1][-1].middle < MARGIN_APART * height:
            groups[-1].append(strip)
        else:
            groups.append([strip])
    begin = 1 if len(groups) > 1 and is_margin(groups[0]) else 0
    end = len(groups) - 1 if len(groups) - begin > 1 and is_margin(groups[-1]) else len(groups)
    parts = (groups[:begin], groups[begin:end], groups[end:])
    return [[strip for group in part for strip in group] for part in parts if part]


def _blocks(strips: list[_Strip]) -> list[list[_Strip]]:
    """The parts of a region in reading order: columns cut from what stands above, below and across."""
    if len(strips) < 2 * COLUMN_ROWS:
        return [strips]
    height = median(strip.height for strip in strips)
    cuts = [_cut(strips, gutter, height) for gutter in _gutters(strips, height)]
    nothing: list[tuple[list[_Strip], list[_Strip]]] = []
    best = max(cuts, key=_in_columns, default=nothing)
    if not _in_columns(best):
        return [strips]
    blocks: list[list[_Strip]] = []
    for left, right in best:
        if right:
            blocks += [*_blocks(left), *_blocks(right)]
        else:
            blocks.append(left)
    return blocks


def _gutters(strips: list[_Strip], height: float) -> list[float]:
    """Where a column may begin: just left of where several lines start below each other."""
    starts = sorted(strip.left for strip in strips)
    gutters: list[float] = []
    for index, start in enumerate(starts[: 1 - COLUMN_ROWS]):
        is_new = not gutters or start > gutters[-1] + height
        if is_new and starts[index + COLUMN_ROWS - 1] < start + height:
            gutters.append(start - height / 4)
    return gutters


def _cut(
    strips: list[_Strip], gutter: float, height: float
) -> list[tuple[list[_Strip], list[_Strip]]]:
    """Bands from the top down as (left column, right column), or (lines, nothing) where there are none."""
    bands: list[tuple[list[_Strip], list[_Strip]]] = []
    rest: list[_Strip] = []
    for crossing, group in groupby(strips, lambda strip: strip.left < gutter < strip.right):
        band = list(group)
        left = [strip for strip in band if strip.right <= gutter]
        right = [strip for strip in band if strip.left >= gutter]
        beside = [strip for strip in right if strip.left < gutter + COLUMN_INDENT * height]
        if crossing or not (_is_column(left, height) and _is_column(beside, height)):
            rest += band
            continue
        if rest:
            bands.append((rest, []))
            rest = []
        bands.append((left, right))
    return [*bands, (rest, [])] if rest else bands


def _is_column(strips: list[_Strip], height: float) -> bool:
    if len(strips) < COLUMN_ROWS:
        return False
    widths = [strip.right - strip.left for strip in strips]
    extent = max(strip.right for strip in strips) - min(strip.left for strip in strips)
    rows = len(_rows(strips))
    filled = sum(widths) >= COLUMN_FILL * extent * rows
    return rows >= COLUMN_ROWS and filled and median(widths) >= COLUMN_LINE * height


def _in_columns(bands: list[tuple[list[_Strip], list[_Strip]]]) -> int:
    return sum(len(left) + len(right) for left, right in bands if right)
