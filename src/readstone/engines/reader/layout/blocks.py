"""The blocks of a page: its lines put together to headings, paragraphs, lists, tables and margins."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import median
from typing import Final

from readstone.core.document import Block, Line, Page, Rule, Table
from readstone.engines.reader.layout.grid import grids
from readstone.engines.reader.layout.level import levelled
from readstone.engines.reader.layout.marginals import Margins, kind_of, marginal, margins
from readstone.engines.reader.layout.paragraphs import Type, prose, usual_type
from readstone.engines.reader.layout.rows import Row, around, rows
from readstone.engines.reader.layout.ruled import RuledTable, ruled_tables
from readstone.engines.reader.layout.unruled import TableRows, tables
from readstone.engines.reader.layout.wording import with_dashes

_LABELS: Final = 0.8
"""The share of rows of two columns whose first ends in a colon that makes them pairs of labels and values."""


def blocks(page: Page) -> tuple[Block, ...]:
    """The page's blocks in reading order; together they hold every word of every line.

    The answer depends on the page's lines and rules alone. Boxes are in pixels of the page as it was read.
    """
    level = levelled(tuple(line for line in page.lines if line.text.strip()), page.rules)
    everything = rows(level.lines)
    usual = usual_type(everything)
    aside = margins(everything, page.width, page.height, usual)
    found: list[Block] = []
    for piece in _pieces(level.lines, level.rules):
        if isinstance(piece, RuledTable):
            lines = [level.lines[index] for index in sorted(piece.lines)]
            found.append(_table_block(piece.table, rows(lines)))
        else:
            found += _running(rows(piece), level.rules, usual, aside)
    return tuple(replace(block, box=level.as_read(block.box)) for block in found)


def _pieces(lines: Sequence[Line], rules: Sequence[Rule]) -> Iterator[RuledTable | list[Line]]:
    """The page in reading order: ruled tables, each where its first line stands, and the lines between them."""
    text = median(line.box.height for line in lines) if lines else 1.0
    ruled: list[RuledTable] = []
    taken: set[int] = set()
    for grid in grids(rules, text):
        for table in ruled_tables(grid, lines):
            if not taken & table.lines:
                ruled.append(table)
                taken |= table.lines
    begin = 0
    for table in sorted(ruled, key=lambda table: min(table.lines)):
        end = min(table.lines)
        yield [line for index, line in enumerate(lines[begin:end], begin) if index not in taken]
        yield table
        begin = end
    yield [line for index, line in enumerate(lines[begin:], begin) if index not in taken]


def _running(
    found: Sequence[Row], rules: Sequence[Rule], usual: Type, aside: Margins
) -> Iterator[Block]:
    """The blocks of rows outside of grids."""
    heads, feet = set(aside.header), set(aside.footer)
    begin = 0
    for index, row in enumerate(found):
        if row in heads or row in feet:
            yield from _body(found[begin:index], rules, usual)
            yield marginal(row, kind_of(row, head=row in heads))
            begin = index + 1
    yield from _body(found[begin:], rules, usual)


def _body(found: Sequence[Row], rules: Sequence[Rule], usual: Type) -> Iterator[Block]:
    begin = 0
    for run in tables(found, rules):
        yield from prose(found[begin : run.begin], usual)
        yield _unruled_block(run, found[run.begin : run.end])
        begin = run.end
    yield from prose(found[begin:], usual)


def _unruled_block(run: TableRows, made_of: Sequence[Row]) -> Block:
    pairs = _pairs(run.table)
    if pairs is None:
        return _table_block(run.table, made_of)
    return Block("key_values", pairs, around(row.box for row in made_of))


def _pairs(table: Table) -> str | None:
    """A table of labels and their values as lines; None where it is another."""
    if table.columns != 2:  # noqa: PLR2004 - a label and its value
        return None
    labels = [cell for cell in table.cells if cell.column == 0]
    coloned = sum(cell.text.endswith((":", "\uff1a")) for cell in labels)
    if not labels or coloned < _LABELS * table.rows:
        return None
    return "\n".join(" ".join(texts).strip() for texts in matrix(table))


def _table_block(table: Table, made_of: Sequence[Row]) -> Block:
    table = with_dashes(table)
    text = "\n".join("\t".join(texts) for texts in matrix(table))
    return Block("table", text, around(row.box for row in made_of), table=table)


def matrix(table: Table) -> list[list[str]]:
    """The texts of a table by row and column; a cell that spans several stands in the first, the others are ""."""
    texts = [[""] * table.columns for _ in range(table.rows)]
    for cell in table.cells:
        texts[cell.row][cell.column] = cell.text
    return texts
