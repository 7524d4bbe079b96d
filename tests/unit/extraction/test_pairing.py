"""What labels claim, over many pages."""

import pytest

from readstone.core.document import Page
from readstone.core.extraction import Field
from readstone.extraction.extract import extract
from readstone.extraction.geometry import Span
from unit.extraction.printing import page, schema

ASKED = schema(("total", Field("Total")), ("date", Field("Date")))


def statement(number: int) -> Page:
    """A page with a label and a value in each of its lines."""
    sums = [(f"Total {number}.{10 + row}", 50.0, 40.0 + 40 * row) for row in range(8)]
    return page(*sums, ("Date 2026-01-02", 50.0, 400.0))


def test_other_pages_make_a_page_no_dearer(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = [0]

    def counted(span: Span) -> int:
        looks[0] += 1
        return span.run.page

    monkeypatch.setattr(Span, "page", property(counted))
    costs: list[int] = []
    for count in (10, 20, 40):
        looks[0] = 0
        assert extract([statement(number) for number in range(count)], ASKED, "general").values
        costs.append(looks[0])
    first, second, third = costs
    assert 0 < second <= 2.2 * first
    assert third <= 2.2 * second
