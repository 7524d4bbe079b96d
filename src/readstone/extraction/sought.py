"""What a schema asks for, leaf by leaf: which concept each is, which kind of value, and what it may be called in print."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, TypeAlias

from readstone.core.extraction import Field, Group, ListOf, Node, Path, Schema
from readstone.extraction.candidates import Kind
from readstone.extraction.folding import tokens
from readstone.extraction.labelling import Names, own_names
from readstone.extraction.labels.concept import ValueSort
from readstone.extraction.labels.lexicon import lexicon
from readstone.extraction.labels.understanding import understand

Side: TypeAlias = Literal["seller", "buyer"]

_KINDS: Final[dict[ValueSort, Kind]] = {
    "address": "address", "age": "number", "amount": "amount", "bic": "bic", "currency": "currency", "date": "date", "email": "email",
    "iban": "iban", "identifier": "id", "measure": "measure", "organisation": "name", "percent": "percent", "person": "name",
    "phone": "phone", "quantity": "number", "range": "range", "tax_id": "tax_id", "time": "time", "url": "url",
}  # fmt: skip
"""Where a sort is not named, any text may say it."""
_ITEM: Final = re.compile(r"\b(?:item|box|line|field|feld|case|casella)\s+(\d+)\b", re.IGNORECASE)
_KIND_WORDS: Final[tuple[tuple[str, Kind], ...]] = (
    ("date", "date"), ("name", "name"), ("address", "address"), ("amount", "amount"), ("total", "amount"),
    ("price", "amount"), ("sum", "amount"), ("fee", "amount"), ("email", "email"), ("mail", "email"), ("website", "url"),
    ("url", "url"), ("phone", "phone"), ("telephone", "phone"), ("mobile", "phone"), ("fax", "phone"), ("iban", "iban"),
    ("vat", "tax_id"), ("rate", "percent"), ("percent", "percent"), ("percentage", "percent"), ("time", "time"),
    ("number", "id"), ("no", "id"), ("id", "id"), ("code", "id"),
)  # fmt: skip

_KIN: Final[dict[str, tuple[tuple[str, float], ...]]] = {
    "total": (("rounded_total", 1.1), ("amount_due", 0.95)),
    "amount_due": (("total", 0.85),),
    "date": (("invoice_date", 1.0), ("issue_date", 1.0), ("visit_date", 0.9), ("report_date", 0.9)),
    "invoice_date": (("date", 1.0), ("issue_date", 1.0)),
    "issue_date": (("date", 0.9), ("invoice_date", 0.9)),
    "visit_date": (("date", 0.9),),
    "report_date": (("date", 0.9),),
    "invoice_number": (("receipt_number", 0.92), ("document_number", 0.9)),
    "receipt_number": (("invoice_number", 0.92), ("document_number", 0.9)),
    "document_number": (("invoice_number", 0.8), ("receipt_number", 0.8)),
    "order_number": (("reference", 0.85),),
    "seller_address": (("address", 0.9),),
    "buyer_address": (("address", 0.9), ("delivery_address", 0.6)),
    "seller_tax_id": (("tax_id", 1.0),),
    "buyer_tax_id": (("tax_id", 0.8),),
    "seller_phone": (("phone", 1.0),),
    "buyer_phone": (("phone", 0.8),),
    "patient_name": (("person_name", 0.95),),
    "person_name": (("patient_name", 0.95), ("first_name", 0.6)),
    "paid": (("cash_payment", 0.95),),
}  # fmt: skip
"""By concept, the concepts whose labels may say it too, and how well."""


@dataclass(frozen=True, slots=True)
class Sought:
    """A leaf of the schema. `concept` is empty for what only the client's words name; `own` are those words."""

    path: Path
    field: Field
    concept: str
    kind: Kind
    own: tuple[str, ...]
    side: Side | None = None

    @property
    def label_concept(self) -> str:
        """What its own words are found under."""
        return "own:" + ".".join(map(str, self.path))

    @property
    def concepts(self) -> tuple[tuple[str, float], ...]:
        """The concepts whose labels may say it, and how well."""
        own = ((self.label_concept, 1.0),)
        return (*own, (self.concept, 1.0), *_KIN.get(self.concept, ())) if self.concept else own


@dataclass(frozen=True, slots=True)
class SoughtList:
    """A list of the schema: its members by their paths from an element; of a list of single values the one leaf, its path the list's."""

    path: Path
    members: tuple[Sought, ...]
    single: bool


def scalars_of(schema: Schema) -> tuple[Sought, ...]:
    """The leaves that are found once."""
    return tuple(_leaves(schema.root, (), (), in_list=False))


def lists_of(schema: Schema) -> tuple[SoughtList, ...]:
    """The lists that hold leaves; lists within lists are not searched."""
    found: list[SoughtList] = []
    for path, node in _lists(schema.root, ()):
        context = tuple(str(step) for step in path)
        single = isinstance(node.item, Field)
        members = tuple(_leaves(node.item, path if single else (), context, in_list=True))
        found.append(SoughtList(path, members, single=single))
    return tuple(found)


def names_for(sought: tuple[Sought, ...]) -> Names:
    """What all concepts are called, and what the client calls the leaves."""
    own = [(name, leaf.label_concept, 1.0) for leaf in sought for name in leaf.own]
    return _known_names().with_own(own)


@cache
def _known_names() -> Names:
    return Names.of(lexicon().single)


def _lists(node: Node, path: Path) -> Iterator[tuple[Path, ListOf]]:
    if isinstance(node, Group):
        for key, member in node.members:
            yield from _lists(member, (*path, key))
    elif isinstance(node, ListOf):
        yield path, node


def _leaves(node: Node, path: Path, context: tuple[str, ...], *, in_list: bool) -> Iterator[Sought]:
    if isinstance(node, Group):
        for key, member in node.members:
            yield from _leaves(member, (*path, key), (*context, key), in_list=in_list)
    elif isinstance(node, Field):
        yield _sought(node, path, context, in_list=in_list)


def _sought(field: Field, path: Path, context: tuple[str, ...], *, in_list: bool) -> Sought:
    key = context[-1].replace("_", " ") if context else ""
    own = list(dict.fromkeys(name for text in (field.label, key) for name in own_names(text)))
    own += [f"{match[1]}. {field.label.split()[0]}" for match in _ITEM.finditer(field.label)]
    scope = " ".join(context[:-1]).replace("_", " ")
    known = understand(field.label, f"{scope} {key}".strip(), column=in_list)
    concept = known.name if known else ""
    kind = _KINDS.get(known.kinds[0], "text") if known else _kind(field, f"{field.label} {key}")
    match field.kind:
        case "date" | "boolean" | "choice":
            kind = field.kind
        case "number" | "integer" if kind not in {"amount", "number", "percent"}:
            kind = "amount"
        case _:
            pass
    return Sought(path, field, concept, kind, tuple(own), _side(f"{scope} {key} {field.label}"))


def _kind(field: Field, words: str) -> Kind:
    if field.kind == "date":
        return "date"
    if field.kind in {"number", "integer"}:
        return "amount"
    given = tokens(words)
    found: list[Kind] = [kind for word, kind in _KIND_WORDS if word in given]
    return found[0] if found else "text"


def _side(words: str) -> Side | None:
    given = set(tokens(words))
    if given & {
        "seller",
        "supplier",
        "vendor",
        "issuer",
        "shop",
        "company",
        "merchant",
        "fournisseur",
        "verkaufer",
    }:
        return "seller"
    return "buyer" if given & {"buyer", "customer", "client", "kaufer", "acheteur"} else None
