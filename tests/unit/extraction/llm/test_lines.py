import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.extraction.llm.lines import Room, numbered, room_within, windows
from readstone.extraction.llm.prompt import fenced
from unit.extraction.llm.scripted import page


def test_a_line_is_written_with_its_number_and_its_place_in_thousandths() -> None:
    (line,) = numbered([page("Total 7.20")])

    assert line.written == "[1] (10-120,8) Total 7.20"


@given(st.lists(st.text(st.sampled_from("=\n page1[]end of"), max_size=30), max_size=5))
def test_no_page_can_print_the_end_of_its_fence(texts: list[str]) -> None:
    lines = numbered([page(*texts)])

    told = fenced(lines, 1).split("\n") if lines else []

    fence = told[0].split(" ")[0] if told else ""
    assert all(line.startswith("[") and fence not in line for line in told[1:-1])
    assert len(told) == (len(lines) + 2 if lines else 0)


@given(st.lists(st.integers(0, 6), max_size=6), st.integers(60, 200))
def test_windows_hold_every_line_once_and_whole_pages(sizes: list[int], tokens: int) -> None:
    pages = [page(*["a few words"] * size) for size in sizes]
    lines = numbered(pages)
    if any(18 * size > tokens for size in sizes):
        return

    found = windows(lines, Room(tokens))

    assert tuple(line for window in found for line in window) == lines
    shown = [{line.page for line in window} for window in found]
    every = {shown_page for each in shown for shown_page in each}
    assert len(every) == sum(map(len, shown))


@pytest.mark.parametrize(
    ("context", "answer", "tokens"),
    [(None, 4096, 12_000), (32_768, 4096, 12_000), (8192, 2048, 2896), (4096, 4096, 500)],
)
def test_the_room_is_what_answers_leave_of_the_context(
    context: int | None, answer: int, tokens: int
) -> None:
    assert room_within(context, answer).tokens == tokens
