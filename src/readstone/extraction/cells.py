"""Cells of text: what the columns of a table say that are no numbers, row by row, with the lines that go on under them."""

from collections.abc import Iterator, Sequence
from typing import Final

from readstone.core.document import Box
from readstone.extraction.candidates import Candidate
from readstone.extraction.geometry import Run, Sheet, Span, around, same_row, shared
from readstone.extraction.headers import Table

_CLOSE: Final = 0.9
"""Heights of a line between two lines of one cell."""
_OVER: Final = 3.5
"""Heights of a line without a row after which a table of text is over."""
_FEWEST: Final = 2
"""Cells of a row that begins an item."""


def column_of(table: Table, box: Box) -> int:
    """The column a cell stands in: whose header it shares most with, else the nearest."""
    best, least = 0, float("inf")
    for index, column in enumerate(table.columns):
        aside = min(
            abs(column.box.right - box.right),
            abs(column.box.left - box.left),
            abs(column.box.middle[0] - box.middle[0]),
        )
        distance = aside - 1000.0 * shared(column.box, box) * (box.left < column.box.right)
        if distance < least:
            best, least = index, distance
    return best


def texts_beside(
    sheet: Sheet, table: Table, anchors: Sequence[Box], columns: Sequence[int], bottom: float
) -> list[dict[int, Candidate]]:
    """For each row, by its numbers' `anchors`, what these columns say beside them and on the lines right under that."""
    runs = [run for run in _inside(sheet, table, bottom) if column_of(table, run.box) in columns]
    found: list[dict[int, Candidate]] = []
    for index, anchor in enumerate(anchors):
        floor = anchors[index + 1].top if index + 1 < len(anchors) else bottom
        row: dict[int, list[Run]] = {}
        for run in runs:
            own = row.setdefault(column_of(table, run.box), [])
            goes_on = own and run.box.top < floor and _follows(own[-1], run)
            if same_row(run.box, anchor) or goes_on:
                own.append(run)
        found.append({column: _text(own) for column, own in row.items() if own})
    return found


def rows_of_text(sheet: Sheet, table: Table, bottom: float) -> list[dict[int, Candidate]]:
    """The rows under a header that names no numbers: each begins with a line of two cells or more."""
    rows: list[dict[int, list[Run]]] = []
    last = table.box
    for line in _lines(_inside(sheet, table, bottom)):
        box = around([run.box for run in line])
        cells: dict[int, list[Run]] = {}
        for run in line:
            cells.setdefault(column_of(table, run.box), []).append(run)
        if box.top - last.bottom > _OVER * box.height:
            break
        if len(cells) >= min(_FEWEST, len(table.columns)):
            rows.append(cells)
        elif rows and box.top - last.bottom < _CLOSE * box.height:
            for column, runs in cells.items():
                rows[-1].setdefault(column, []).extend(runs)
        else:
            break
        last = box
    return [{column: _text(runs) for column, runs in row.items()} for row in rows]


def _inside(sheet: Sheet, table: Table, bottom: float) -> list[Run]:
    found = [
        run for run in sheet.pages[table.page] if table.box.bottom - 2 < run.box.middle[1] < bottom
    ]
    return sorted(found, key=lambda run: (run.box.top, run.box.left))


def _lines(runs: Sequence[Run]) -> Iterator[list[Run]]:
    """The runs that stand beside each other, line by line."""
    line: list[Run] = []
    for run in sorted(runs, key=lambda run: run.box.middle[1]):
        if line and not same_row(line[0].box, run.box):
            yield sorted(line, key=lambda run: run.box.left)
            line = []
        line.append(run)
    if line:
        yield sorted(line, key=lambda run: run.box.left)


def _follows(above: Run, run: Run) -> bool:
    drop = run.box.top - above.box.bottom
    return -run.box.height < drop < _CLOSE * run.box.height and run.box.middle[1] > above.box.bottom


def _text(runs: Sequence[Run]) -> Candidate:
    spans = tuple(Span(run, 0, len(run.words)) for run in runs)
    text = " ".join(span.text for span in spans)
    return Candidate("text", spans, text, 1.0, text)
