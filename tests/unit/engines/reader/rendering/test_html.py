"""A page as HTML: every element is closed, every text escaped, every span told."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from readstone.core.document import Page, Table, TableCell
from readstone.engines.reader.rendering.html import html, table_html
from readstone.engines.reader.rendering.markdown import markdown_with_html_tables
from unit.engines.reader.layout.setting import frame, page, typed


def test_a_table_tells_its_spans() -> None:
    table = Table(2, 3, (TableCell(0, 0, "a", 2), TableCell(0, 1, "b", 1, 2), TableCell(1, 2, "c")))
    assert table_html(table) == (
        '<table>\n<tr><td rowspan="2">a</td><td colspan="2">b</td></tr>\n'
        "<tr><td></td><td>c</td></tr>\n</table>"
    )


def test_text_is_escaped() -> None:
    assert html(page({0: "<b>Tea & Co</b>"})) == "<p>&lt;b&gt;Tea &amp; Co&lt;/b&gt;</p>"


def test_lists_keep_their_numbers() -> None:
    made = page({0: "• tea"}, {0: "• milk"}, {0: "3) bread"}, {0: "4) jam"})
    assert html(made) == (
        '<ul>\n<li>tea</li>\n<li>milk</li>\n</ul>\n<ol>\n<li value="3">bread</li>\n<li value="4">jam</li>\n</ol>'
    )


def test_headings_and_broken_lines_have_their_elements() -> None:
    body = [typed("Acme", 0, 200, row=1), typed("12 High Street", 0, 230, row=2)]
    made = Page(1000, 1000, (typed("Invoice", 0, 10, height=42), *body))
    assert html(made) == "<h1>Invoice</h1>\n<p>Acme<br>\n12 High Street</p>"


def test_markdown_may_have_its_tables_in_html() -> None:
    made = page(
        {10: "Tea", 210: "5.00"}, {10: "Milk", 210: "3.75"}, rules=frame((0, 200, 400), (5, 35, 65))
    )
    assert markdown_with_html_tables(made) == (
        "<table>\n<tr><td>Tea</td><td>5.00</td></tr>\n<tr><td>Milk</td><td>3.75</td></tr>\n</table>"
    )


class Balance(HTMLParser):
    """Counts what is open; `br` is never closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


WORDS = st.text(alphabet='ab<>&"/.1)-•', min_size=1, max_size=9)


PLACES = st.integers(0, 9).map(lambda place: 100.0 * place)


@given(st.lists(st.dictionaries(PLACES, WORDS), max_size=12))
def test_every_element_is_closed_whatever_the_page_says(rows: list[dict[float, str]]) -> None:
    balance = Balance()
    balance.feed(html(page(*rows)))
    balance.close()
    assert balance.open == []
