"""Facts: values with what they are, whatever the client calls them, as numbers and days that can be compared."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from readstone.core.document import Page
from readstone.core.extraction import Field, Group, ListOf, Node, Path, Schema, Value
from readstone.extraction.checks.between import labelled_between
from readstone.extraction.labels import understand
from readstone.extraction.values.amounts import Amount, amount, amounts, decimal_mark_of
from readstone.extraction.values.dates import dates, day_first_of


@dataclass(frozen=True, slots=True)
class Fact:
    """A value that is printed, under the name of its concept; `amount` and `day` where it says one."""

    concept: str
    value: Value
    text: str
    amount: Amount | None
    day: date | None

    @property
    def number(self) -> Decimal | None:
        """The amount's value."""
        return self.amount.value if self.amount else None


@dataclass(frozen=True, slots=True)
class Row:
    """What is printed of one item of a list."""

    path: Path
    facts: tuple[Fact, ...]

    def one(self, *concepts: str) -> Fact | None:
        """The first fact of the first of the concepts that is printed."""
        return _first(self.facts, concepts)


@dataclass(frozen=True, slots=True)
class Rows:
    """A list: what its items may say, by the schema, and what they do say."""

    path: Path
    concepts: frozenset[str]
    rows: tuple[Row, ...]

    def asked(self, *concepts: str) -> bool:
        """Whether the items have one of the concepts in the schema."""
        return not self.concepts.isdisjoint(concepts)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the schema asks for and what is printed of it: outside of lists, and list by list.

    `between` are amounts that are printed between the items and the total, asked for or not.
    """

    concepts: frozenset[str]
    single: tuple[Fact, ...]
    lists: tuple[Rows, ...]
    between: tuple[Decimal, ...] = ()

    def asked(self, *concepts: str) -> bool:
        """Whether the schema asks for one of the concepts outside of lists."""
        return not self.concepts.isdisjoint(concepts)

    def one(self, *concepts: str) -> Fact | None:
        """The first fact of the first of the concepts that is printed outside of lists."""
        return _first(self.single, concepts)

    def all(self, *concepts: str) -> tuple[Fact, ...]:
        """Every fact of the concepts, in lists too."""
        every = [
            *self.single,
            *(fact for rows in self.lists for row in rows.rows for fact in row.facts),
        ]
        return tuple(fact for fact in every if fact.concept in concepts)

    def everything(self) -> Iterator[Fact]:
        """Every fact."""
        yield from self.single
        for rows in self.lists:
            for row in rows.rows:
                yield from row.facts


@dataclass(frozen=True, slots=True)
class _Leaf:
    path: Path
    concept: str


def facts_of(schema: Schema, values: Sequence[Value], pages: Sequence[Page]) -> Facts:
    """The facts of what was found; a value that no words say is none. `pages` tell how numbers and dates are written."""
    leaves = {leaf.path: leaf.concept for leaf in _leaves(schema.root, (), "", inside=False)}
    texts = [line.text for page in pages for line in page.lines]
    mark, day_first = decimal_mark_of(texts), day_first_of(texts)
    single: list[Fact] = []
    rows: dict[Path, list[Fact]] = {}
    for value in values:
        concept = leaves.get(tuple(step if isinstance(step, str) else 0 for step in value.path))
        if concept is None or value.value is None or value.evidence is None:
            continue
        text = str(value.value)
        found = amount(text, mark) or _only(amounts(value.evidence.text, mark))
        if isinstance(value.value, int | float) and not isinstance(value.value, bool):
            found = _amount(value)
        days = dates(text, day_first=day_first)
        fact = Fact(concept, value, text, found, days[0].value if days else None)
        row = _row(value.path)
        if row is None:
            single.append(fact)
        else:
            rows.setdefault(row, []).append(fact)
    lists = {path[: path.index(0)] for path in leaves if 0 in path}
    return Facts(
        frozenset(concept for path, concept in leaves.items() if 0 not in path),
        tuple(single),
        tuple(_rows(path, leaves, rows) for path in sorted(lists)),
        labelled_between(pages, mark),
    )


def _rows(path: Path, leaves: dict[Path, str], rows: dict[Path, list[Fact]]) -> Rows:
    concepts = frozenset(concept for leaf, concept in leaves.items() if leaf[: len(path)] == path)
    mine = sorted((row for row in rows if row[: len(path)] == path), key=lambda row: row[len(path)])
    return Rows(path, concepts, tuple(Row(row, tuple(rows[row])) for row in mine))


def _leaves(node: Node, path: Path, key: str, *, inside: bool) -> Iterator[_Leaf]:
    match node:
        case Field(label=label):
            concept = understand(label, key, column=inside)
            if concept:
                yield _Leaf(path, concept.name)
        case Group(members=members):
            for name, member in members:
                yield from _leaves(member, (*path, name), name, inside=inside)
        case ListOf(item=item):
            yield from _leaves(item, (*path, 0), key, inside=True)


def _row(path: Path) -> Path | None:
    depth = next((depth for depth, step in enumerate(path) if isinstance(step, int)), None)
    return None if depth is None else path[: depth + 1]


def _only(found: Sequence[Amount]) -> Amount | None:
    return found[0] if len(found) == 1 else None


def _amount(value: Value) -> Amount:
    """A JSON number as an amount, with the decimals that are printed."""
    number = Decimal(str(value.value))
    words = amounts(value.evidence.text) if value.evidence else ()
    printed = next((each for each in words if each.value == number), None)
    exponent = number.as_tuple().exponent
    decimals = max(0, -exponent) if isinstance(exponent, int) else 0
    if printed:
        return Amount(
            0, 0, number, printed.currency, printed.percent, max(decimals, printed.decimals)
        )
    return Amount(0, 0, number, decimals=decimals)


def _first(facts: Sequence[Fact], concepts: Sequence[str]) -> Fact | None:
    for concept in concepts:
        for fact in facts:
            if fact.concept == concept:
                return fact
    return None
