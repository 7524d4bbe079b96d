"""Which field gets which value: all at once, no value twice, so that the sum of the claims is greatest.

After "Applying assignment optimisation to key information extraction" (arXiv 2306.00750) in idea: a value serves one field.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

LEAST: Final = 0.22
"""A claim under which nothing is found."""


def assigned(strengths: Sequence[Sequence[float]]) -> list[int | None]:
    """For each row the column it gets, no column twice, so that the sum is greatest; None where all is under `LEAST`.

    The Hungarian method with potentials, O(rows² x columns).
    """
    rows = len(strengths)
    wide = len(strengths[0]) if rows else 0
    given = np.array(strengths, dtype=np.float64).reshape(rows, wide)
    # A column of its own for each row, for finding nothing; and one before all where each search begins.
    nothing = np.full((rows, rows), -LEAST / 2)
    costs = np.hstack([np.zeros((rows, 1)), np.where(given >= LEAST, -given, 0.0), nothing])
    holder = _held(costs)
    result: list[int | None] = [None] * rows
    for column in range(1, wide + 1):
        row = holder[column]
        if row and given[row - 1, column - 1] >= LEAST:
            result[row - 1] = column - 1
    return result


def _held(costs: NDArray[np.float64]) -> list[int]:
    """By column the row, from 1, that holds it, 0 for none; the first column is none of the rows'."""
    rows, columns = costs.shape
    of_row, of_column = np.zeros(rows + 1), np.zeros(columns)
    holder = np.zeros(columns, dtype=np.intp)
    for row in range(1, rows + 1):
        holder[0], column = row, 0
        least, seen = np.full(columns, np.inf), np.zeros(columns, dtype=np.bool_)
        way = np.zeros(columns, dtype=np.intp)
        while holder[column]:
            seen[column] = True
            reduced = costs[holder[column] - 1] - of_row[holder[column]] - of_column
            nearer = ~seen & (reduced < least)
            least[nearer], way[nearer] = reduced[nearer], column
            column = int(np.where(seen, np.inf, least).argmin())
            delta = least[column]
            of_row[holder[seen]] += delta
            of_column[seen] -= delta
            least[~seen] -= delta
        while column:
            holder[column] = holder[way[column]]
            column = int(way[column])
    return [int(row) for row in holder]
