"""What items are called: the text beside an item's numbers, and the lines that go on with it."""

from collections.abc import Sequence

from readstone.core.document import Box
from readstone.extraction.candidates import Candidate
from readstone.extraction.geometry import Run, Sheet, Span, shared
from readstone.extraction.headers import Table


def descriptions(
    sheet: Sheet, table: Table, anchors: Sequence[Box], bottom: float
) -> list[Candidate | None]:
    """For each row the text of its description: the line nearest to its numbers, and what goes on under it."""
    column = next((one for one in table.columns if one.concept == "item_description"), None)
    right = min(
        (one.box.left for one in table.columns if column and one.box.left > column.box.right),
        default=float("inf"),
    )
    left = max(
        (one.box.right for one in table.columns if column and one.box.right < column.box.left),
        default=0.0,
    )
    texts = [
        run
        for run in sheet.pages[table.page]
        if table.box.bottom - 2 < run.box.middle[1] < bottom
        and run.box.left < right
        and run.box.right > left
        and sum(map(str.isalpha, run.text)) >= 2
        and (
            column is None
            or run.box.left < column.box.right + run.box.height
            or shared(run.box, column.box) > 0
        )
    ]
    found: list[Candidate | None] = []
    for index, anchor in enumerate(anchors):
        floor = anchors[index + 1].top if index + 1 < len(anchors) else bottom
        spans = _description(anchor, [run for run in texts if run.box.middle[1] < floor], left)
        text = " ".join(span.text for span in spans)
        found.append(Candidate("text", tuple(spans), text, 1.0, text) if spans else None)
    return found


def _description(anchor: Box, texts: Sequence[Run], left: float) -> list[Span]:
    beside = [
        run for run in texts if abs(run.box.middle[1] - anchor.middle[1]) < 1.1 * anchor.height
    ]
    if not beside:
        return []
    first = min(
        beside,
        key=lambda run: (
            abs(run.box.middle[1] - anchor.middle[1]) > 0.6 * anchor.height,
            run.box.left < left - run.box.height,
            run.box.left,
        ),
    )
    spans = [words_only(first)]
    last = first
    for run in texts:
        drop = run.box.top - last.box.top
        if (
            run is first
            or not 0 < drop < 1.5 * last.box.height
            or abs(run.box.left - first.box.left) > 2 * first.box.height
        ):
            continue
        whole = " ".join(span.text for span in spans)
        if _is_open(whole) or run.text[:1].islower() or _wraps(last, run):
            spans.append(Span(run, 0, len(run.words)))
            last = run
    return spans


def _is_open(text: str) -> bool:
    """Whether a text goes on: a bracket is open, or it ends with a mark that joins."""
    return text.count("(") > text.count(")") or text.endswith(("-", ",", "&", "/"))


def _wraps(above: Run, run: Run) -> bool:
    """Whether a line follows so close, and says so little, that it is the rest of the one above it."""
    close = run.box.top - above.box.top < 1.08 * above.box.height
    level = abs(run.box.left - above.box.left) < 0.8 * above.box.height
    plain = not any(map(str.isdigit, run.text)) or sum(map(str.isalpha, run.text)) > 4
    return close and level and plain and ":" not in run.text and "=" not in run.text


def words_only(run: Run) -> Span:
    """The words of a line without a position number before them."""
    first = (
        1
        if len(run.words) > 1
        and run.words[0].text.strip(".)#").isdecimal()
        and len(run.words[0].text) <= 2
        else 0
    )
    return Span(run, first, len(run.words))
