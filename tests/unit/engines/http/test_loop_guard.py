from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from readstone.engines.http.loop_guard import (
    BABBLE,
    BABBLE_STRIDE,
    BOUND,
    HOLLOW,
    LONGEST_BLOCK,
    SPEAKING,
    STRIDE,
    TIMES,
    LoopGuard,
)

WORDS = [
    "invoice",
    "total",
    "amount",
    "due",
    "net",
    "tax",
    "12.50",
    "3,004",
    "0.00",
    "N/A",
    "17",
    "of",
    "the",
    "and",
    "item",
    "—",
    "Größe",
    "合計",
    "数量",
]


def stopped_at(text: str, piece: int = 7) -> int | None:
    """Characters after which the guard stops a text that comes in pieces."""
    guard = LoopGuard()
    for begin in range(0, len(text), piece):
        if guard.feed(text[begin : begin + piece]):
            return begin + piece
    return None


@settings(deadline=None)
@given(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=40),
    st.integers(1, LONGEST_BLOCK),
    st.integers(0, 3_000),
    st.integers(1, 700),
)
@example("-", 1, 0, 1)
@example("<td></td>", 9, 0, 64)
@example("ab", LONGEST_BLOCK, 2_999, 1)
def test_an_endless_loop_of_any_block_is_stopped_within_bounds(
    letters: str, length: int, before: int, piece: int
) -> None:
    random = Random(f"{letters}{length}{before}")
    block = "".join(random.choice(letters) for _ in range(length))
    prefix = "".join(random.choice("abcdef 0123456789\n") for _ in range(before))
    text = prefix + block * (BOUND // length + 2)

    stopped = stopped_at(text, piece)

    assert stopped is not None
    assert stopped <= before + BOUND + piece


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.sampled_from(["red", "the total", "合計", "Größe"]), min_size=1, max_size=2),
    st.sampled_from([" ", ", ", "\n"]),
    st.integers(0, 3_000),
    st.integers(0, 10**6),
)
def test_babble_that_never_repeats_exactly_is_stopped_too(
    words: list[str], between: str, before: int, seed: int
) -> None:
    random = Random(seed)
    prefix = "".join(random.choice("abcdef 0123456789\n") for _ in range(before))
    babble = "".join(random.choice(words) + between for _ in range(9_000))

    stopped = stopped_at(prefix + babble)

    assert stopped is not None
    assert stopped <= before + BABBLE + BABBLE_STRIDE + STRIDE + 7


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sampled_from(WORDS), min_size=50, max_size=3_000), st.integers(1, 12))
def test_text_of_few_words_is_not_a_loop(words: list[str], columns: int) -> None:
    ends = ("\n" if (index + 1) % columns == 0 else " " for index in range(len(words)))
    lines = [
        f"{number}. {word}{end}" for number, (word, end) in enumerate(zip(words, ends, strict=True))
    ]

    assert stopped_at("".join(lines)) is None


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 8), st.sampled_from([" | ", "\t", "</td><td>", ","]))
def test_a_table_that_counts_is_not_a_loop(start: int, columns: int, between: str) -> None:
    rows = [
        between.join(str(start + row * columns + column) for column in range(columns))
        for row in range(2_000)
    ]

    assert stopped_at("\n".join(rows)) is None


def test_what_pages_repeat_is_not_a_loop() -> None:
    random = Random(11)
    pages = {
        "a wide table's rule": "|" + " --- |" * 60 + "\n",
        "dotted leaders": "".join(f"Chapter {n} {'.' * 250} {n * 7}\n" for n in range(40)),
        "a form's blanks": "Name: " + "_" * 800 + "\nSignature: " + "_" * 800,
        "an empty grid": ("<tr>" + "<td></td>" * 12 + "</tr>\n") * 60,
        "an empty grid in markdown": ("|" + "   |" * 31 + "\n") * 60,
        "a column of zeros": "0.00\n" * 1_000,
        "thirty labels": "ACME GmbH\nMusterstraße 12\n12345 Musterstadt\nGermany\n\n" * 30,
        "a note in six copies": "".join(
            f"{word}, {number}\n" for number, word in enumerate(WORDS * 6)
        )
        * 6,
        "white space": " " * 7_000,
        "ten blanks": "".join(f"Line {n}: {'_' * 800}\n" for n in range(10)) * 2,
        "checkboxes": "".join(
            f"| {'x' if random.random() < 0.3 else ' '} |   |\n" for _ in range(1_000)
        ),
        "a timesheet": "".join(
            f"{day:02}.{month:02}. 08:00 17:00 0:30 8:30\n"
            for month in range(1, 13)
            for day in range(1, 32)
        ),
        "a stock list": "".join(f"Item {n}: Widget blue, 1 pcs, 4.50 EUR\n" for n in range(1_000)),
        "bits": "".join(f"{n:08b}\n" for n in range(2_000)),
    }

    assert {name for name, page in pages.items() if stopped_at(page + "End.") is not None} == set()


def test_a_loop_is_stopped_as_soon_as_there_is_enough_of_it() -> None:
    speaking, hollow = "Total: 4.50\n", "<tr><td></td></tr>\n"

    assert stopped_at(speaking * 5_000) in range(SPEAKING, SPEAKING + STRIDE + 8)
    assert stopped_at(hollow * 5_000) in range(HOLLOW, HOLLOW + STRIDE + 8)


def test_a_long_block_must_repeat_as_often_as_a_short_one() -> None:
    random = Random(5)
    block = "".join(random.choice("abcdefgh \n") for _ in range(1_500))

    assert stopped_at(block * TIMES) is None  # a look later than the last character would see it
    assert stopped_at(block * (TIMES + 1)) in range(TIMES * 1_500, (TIMES + 1) * 1_500)


def test_a_piece_may_be_the_whole_answer() -> None:
    assert LoopGuard().feed("no end, " * 2_000)
    assert not LoopGuard().feed("no end, " * 100 + "but this one")


def test_a_loop_is_not_left_again() -> None:
    guard = LoopGuard()
    assert guard.feed("x" * 10_000)

    assert guard.feed("Something else.")


def test_a_short_text_is_never_looked_at() -> None:
    guard = LoopGuard()

    assert not any(guard.feed("x") for _ in range(SPEAKING - 1))
