"""The baseline: what a few regular expressions find in the text of a document."""

import re
from collections.abc import Sequence

from readstone.core.document import Page

_DATE = re.compile(r"\b\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}\b|\b\d{4}-\d{2}-\d{2}\b")
_TOTAL = re.compile(r"\btotal\b[^\d\n]{0,20}(\d[\d.,]*\d)", re.IGNORECASE)
_TAX = re.compile(r"\b(?:tax|gst|vat|tva|taxes|mwst)\b[^\d\n]{0,20}(\d[\d.,]*\d)", re.IGNORECASE)
_NUMBER = re.compile(
    r"\b(?:invoice|facture|rechnung|bill)\b\W*(?:no|n°|nr|number)?\W*([\w/-]*\d[\w/-]*)",
    re.IGNORECASE,
)


def answer(pages: Sequence[Page], fields: Sequence[str]) -> dict[str, object]:
    """The first line as the firm, the first date, the last total, the first number behind "invoice"."""
    rows: dict[tuple[int, int], list[str]] = {}
    for number, page in enumerate(pages):
        for line in page.lines:
            rows.setdefault((number, line.row), []).append(line.text)
    lines = [" ".join(texts) for texts in rows.values()]
    text = "\n".join(lines)
    totals = _TOTAL.findall(text)
    found: dict[str, object] = {"total": totals[-1] if totals else None}
    for field in fields:
        if "date" in field:
            found[field] = _first(_DATE, text)
        elif "tax_amount" in field:
            found[field] = _first(_TAX, text)
        elif field.endswith("_no"):
            found[field] = _first(_NUMBER, text)
        elif field in {"company", "supplier", "seller_name"}:
            found[field] = next(iter(lines), None)
    return found


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.search(text)
    return match[match.lastindex or 0] if match else None
