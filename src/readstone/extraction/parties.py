"""Who and where: names of firms, and the lines of their addresses, found by what they look like and where they stand."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from readstone.extraction.candidates import Candidate
from readstone.extraction.geometry import Run, Sheet, Span, shared
from readstone.extraction.labelling import Label
from readstone.extraction.legal_forms import LEGAL_FORM, is_form

_TRADE: Final = re.compile(
    r"\b(enterprise|trading|restoran|restaurant|cafe|café|store|stores|mart|hardware|kedai|perniagaan|book|shop|market|supermarket|"
    r"hotel|pharmacy|farmasi|bakery|kopitiam|station|motor|auto|electrical|industries|services|marketing|grocer|seafood|hair|"
    r"clinic|klinik|hospital|bank|centre|center|food|cash & carry|syarikat|pasaraya|boutique|stationery|house|kitchen)\b",
    re.IGNORECASE,
)
_TITLE: Final = re.compile(
    r"^\W*(tax|simplified|cash|sales|official|original|copy|duplicate|invoice|receipt|bill|facture|rechnung|avoir|gutschrift|welcome|thank|"
    r"guest|check|page|seite|date|table|order|reprint|credit|lieferschein|statement|re:|from|to)\b",
    re.IGNORECASE,
)
_STREET: Final = re.compile(
    r"\b(no|lot|jalan|jln|taman|tmn|persiaran|lorong|lebuh|kampung|kg|bandar|kawasan|plaza|mall|seksyen|section|floor|level|tingkat|blok|block|"
    r"street|st|road|rd|avenue|ave|av|avda|avenida|calle|plaza|paseo|via|viale|piazza|corso|rua|praça|travessa|largo|straat|laan|drive|dr|lane|ln|blvd|boulevard|suite|square|highway|way|box|p\.?o\.?|rue|chemin|allée|place|cedex|"
    r"selangor|johor|kuala lumpur|penang|pulau pinang|perak|melaka|sabah|sarawak|kedah|negeri sembilan|putrajaya|wilayah|batu|km|"
    r"malaysia|singapore|france|germany|deutschland|usa|united states|états unis|unit)\b|(stra(ss|ß)e|str\.|weg|platz|allee|gasse)\b|\b\d{4,5}\b|[路街号區区市省]",
    re.IGNORECASE,
)
_MOST_MISSES = 4  # lines between a name and its address: a slogan, a registration number
_POSTCODE: Final = re.compile(r"\W*\d{4,6}\W*")
_STOP: Final = re.compile(
    r"(?<![a-z])(tel|telp|telephone|phone|fax|mobile|hp|gst|sst|reg|roc|invoice|receipt|date|www|http|email|e-mail|cash|bill|document|doc|"
    r"tax|ust|tva|siret|website|cashier|table|order|vat|iban|co\.? ?reg|company reg|brn|id no|owned by|member|counter|slip|pos)(?![a-z])|@|\+\d\d",
    re.IGNORECASE,
)
_NUMBER_ONLY: Final = re.compile(
    r"^\W*(co\.?|company|reg\.?|no\.?|roc|brn|\W)*[\W\d]*\d[\d\W]{3,}[-–]?[A-Z]{0,2}\W*$",
    re.IGNORECASE,
)
_REGISTERED: Final = re.compile(
    r"\s+\(?(?:co\.?|reg\.?|no\.?|roc|gst|:|\s)*[(:]?\s*[A-Z]{0,3}\d[\dO]{3,}[\s-]*[A-Z0-9]{0,3}\b.*$",
    re.IGNORECASE,
)
_HEAD: Final = 14
"""Runs from the top of a page among which a firm names itself."""
_SHORTEST: Final = 3
_MOST_SMALL: Final = 4
"""Words in small letters that a name has at most; a text with more is a sentence."""


@dataclass(frozen=True, slots=True)
class Block:
    """A name over the lines of an address."""

    name: Candidate
    address: tuple[Span, ...]


def looks_like_address(text: str) -> bool:
    """Whether a text has what lines of addresses have."""
    says_place = any(map(str.isalpha, text)) or _POSTCODE.fullmatch(text) is not None
    return says_place and _STREET.search(text) is not None and _STOP.search(text) is None


def names_at_head(sheet: Sheet, labels: Sequence[Label]) -> tuple[Candidate, ...]:
    """Who issued the document, by the head of its first page: the likeliest names first."""
    if not sheet.sizes:
        return ()
    labelled = {label.span.run.index for label in labels if label.likeness > 0.85}
    found: list[Candidate] = []
    head = sheet.pages[0][:_HEAD]
    for rank, run in enumerate(head):
        if run.index in labelled and not is_form(run.text):
            continue
        fit = _likely_name(run, rank, head)
        if fit > 0:
            spans = whole_name(run, head, rank)
            found.append(named(spans, min(1.0, fit)))
    return tuple(sorted(found, key=lambda each: -each.fit))


def named(spans: tuple[Span, ...], fit: float) -> Candidate:
    """The spans as a name, without the number of registration that stands behind it."""
    last = spans[-1]
    text = last.text
    cut = _REGISTERED.search(text)
    if cut and cut.start() > 0:
        end = last.first + len(text[: cut.start()].split())
        last = Span(last.run, last.first, max(end, last.first + 1))
    whole = (*spans[:-1], last)
    text = " ".join(span.text for span in whole)
    return Candidate("name", whole, text, fit, text)


def _likely_name(run: Run, rank: int, head: Sequence[Run]) -> float:
    text = _REGISTERED.sub("", run.text)
    letters = sum(map(str.isalpha, text))
    if (
        letters < _SHORTEST
        or letters < len(text) * 0.5
        or _TITLE.search(text)
        or _STOP.search(text)
        or _is_sentence(text)
    ):
        return 0.0
    score = 0.42 - 0.035 * rank
    score += 0.38 if is_form(text) else 0.2 if _TRADE.search(text) else 0.0
    score -= 0.12 if _bare_form(text) else 0.0
    score -= 0.3 if looks_like_address(text) and not is_form(text) else 0.0
    score -= 0.25 if text.islower() else 0.0
    score -= 0.1 if any(map(str.isdigit, text)) else 0.0
    beneath = head[rank + 1 : rank + 4]
    score += 0.15 if any(looks_like_address(other.text) for other in beneath) else 0.0
    tallest = max(other.box.height for other in head)
    return score + 0.1 * (run.box.height / tallest)


def _is_sentence(text: str) -> bool:
    return sum(word[:1].islower() for word in text.split()) > _MOST_SMALL


def _bare_form(text: str) -> bool:
    """Whether a line is only the end of a name: its legal form, or its trade."""
    rest = _TRADE.sub("", LEGAL_FORM.sub("", _REGISTERED.sub("", text)))
    return sum(map(str.isalpha, rest)) <= _SHORTEST and (
        is_form(text) or _TRADE.search(text) is not None
    )


def whole_name(run: Run, head: Sequence[Run], rank: int) -> tuple[Span, ...]:
    """The name with the line over or under it where that is the rest of it."""
    first = Span(run, 0, len(run.words))
    if rank and _bare_form(run.text):
        above = head[rank - 1]
        close = run.box.top - above.box.bottom < run.box.height
        if (
            close
            and shared(run.box, above.box) > 0.3
            and not _TITLE.search(above.text)
            and not above.text.islower()
        ):
            return (Span(above, 0, len(above.words)), first)
    if rank + 1 >= len(head) or run.index + 1 != head[rank + 1].index:
        return (first,)
    below = head[rank + 1]
    near = below.box.top - run.box.bottom < run.box.height and shared(run.box, below.box) > 0.3
    open_end = run.text.rstrip().endswith(("&", "-", ",")) or run.text.count("(") > run.text.count(
        ")"
    )
    rest = is_form(below.text) and not is_form(run.text) and len(below.words) <= _SHORTEST
    if near and (open_end or rest) and not looks_like_address(below.text):
        return (first, Span(below, 0, len(below.words)))
    return (first,)


def address_under(sheet: Sheet, name: Candidate) -> Candidate | None:
    """The lines of an address under a name, up to what is none."""
    spans: list[Span] = []
    last = name.spans[-1].run
    misses = 0
    for run in _column(sheet, last):
        if run.box.top - last.box.bottom > (1.5 if spans else 3.0) * last.box.height:
            break
        if _is_of_address(run, spans):
            spans.append(Span(run, 0, len(run.words)))
        elif spans:
            break
        elif not _NUMBER_ONLY.match(run.text):
            misses += 1
        if misses > _MOST_MISSES:
            break
        last = run
    return _address(spans) if spans else None


def _is_of_address(run: Run, spans: Sequence[Span]) -> bool:
    """Whether a line is one of an address that has come as far as `spans`."""
    if _STOP.search(run.text) or _TITLE.search(run.text):
        return False
    if not spans and _NUMBER_ONLY.match(run.text):
        return False
    return looks_like_address(run.text) or bool(spans and _continues(run, spans))


def _continues(run: Run, spans: Sequence[Span]) -> bool:
    """Whether a line without the looks of an address goes on with the one above it."""
    above = spans[-1].text.rstrip()
    return above.endswith((",", "-", "&")) or (
        run.text[:1].isupper()
        and len(run.words) <= 4
        and above[-1:] != "."
        and not any(map(str.isdigit, run.text))
    )


def _address(spans: Sequence[Span]) -> Candidate:
    text = " ".join(span.text for span in spans)
    return Candidate("address", tuple(spans), text, min(1.0, 0.5 + 0.15 * len(spans)), text)


def _column(sheet: Sheet, run: Run) -> Iterator[Run]:
    """The runs under one, in its column."""
    box = run.box
    for other in sheet.pages[run.page]:
        if other.box.middle[1] > box.bottom and (
            shared(other.box, box) > 0.3 or abs(other.box.left - box.left) < box.height
        ):
            yield other


def blocks(sheet: Sheet, labels: Sequence[Label]) -> tuple[Block, ...]:
    """Every name over an address, in reading order."""
    labelled = {label.span.run.index for label in labels if label.span.first == 0}
    found: list[Block] = []
    used: set[int] = set()
    for page in sheet.pages:
        for run in page:
            if run.index in used or run.index in labelled or not _may_head(run):
                continue
            name = named((Span(run, 0, len(run.words)),), 1.0)
            lines = _lines_under(sheet, run, labelled)
            if any(map(str.isdigit, "".join(span.text for span in lines))):
                used.update(span.run.index for span in lines)
                found.append(Block(name, tuple(lines)))
    return tuple(found)


def _may_head(run: Run) -> bool:
    text = run.text
    return (
        sum(map(str.isalpha, text)) > len(text) * 0.6
        and len(text) >= _SHORTEST
        and not text.islower()
        and not _is_sentence(text)
        and not _TITLE.search(text)
        and not _STOP.search(text)
        and (text.rstrip()[-1] not in ":." or is_form(text))
        and not any(map(str.isdigit, text))
    )


def _lines_under(sheet: Sheet, run: Run, labelled: set[int]) -> list[Span]:
    spans: list[Span] = []
    last = run
    for other in _column(sheet, run):
        aligned = abs(other.box.left - run.box.left) < run.box.height * 1.2
        if (
            not aligned
            or other.index in labelled
            or other.box.top - last.box.bottom > 1.6 * last.box.height
        ):
            break
        if _STOP.search(other.text) or len(spans) == 6:
            break
        spans.append(Span(other, 0, len(other.words)))
        last = other
    return spans if any(_STREET.search(span.text) for span in spans) else []
