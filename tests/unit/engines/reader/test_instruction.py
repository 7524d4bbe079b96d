from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.core.errors import InvalidRequest
from readstone.engines.instruction.rendering import Rendering
from readstone.engines.reader.instruction import understand

TABLE = Path(__file__).parents[3] / "data" / "instructions.tsv"
"""What is expected, a tab, the instruction with `\\n` for a newline; refusals are "refused"."""


def _instructions() -> Iterator[tuple[str, str]]:
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        expected, instruction = line.split("\t")
        yield expected, instruction.replace("\\n", "\n")


READ = [row for row in _instructions() if row[0] != "refused"]
REFUSED = [instruction for expected, instruction in _instructions() if expected == "refused"]


@pytest.mark.parametrize(("expected", "instruction"), READ)
def test_an_instruction_selects_its_rendering(expected: str, instruction: str) -> None:
    assert understand(instruction) == expected


@pytest.mark.parametrize("instruction", REFUSED)
def test_an_instruction_for_more_than_reading_is_refused(instruction: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        understand(instruction)
    assert refusal.value.param == "messages"
    assert refusal.value.code == "unsupported_instruction"
    assert "This model reads" in refusal.value.message
    assert "kind 'vision'" in refusal.value.message


@pytest.mark.parametrize("instruction", ["", " \n\t", "<image>\n", "?", "。"])
def test_no_instruction_is_a_request_to_read(instruction: str) -> None:
    assert understand(instruction) == "plain"


@pytest.mark.parametrize(
    ("prompt", "named"),
    [
        ("Describe this image", "describe"),
        ("Translate this", "translate"),
        ("Return JSON", "structured data"),
        ("Return the bounding boxes", "positions"),
        ("What is the total?", "answer questions"),
        ("Convert to LaTeX", "LaTeX"),
    ],
)
def test_a_refusal_says_what_it_is_that_the_model_does_not_do(prompt: str, named: str) -> None:
    with pytest.raises(InvalidRequest, match=named):
        understand(prompt)


@given(st.text(max_size=300))
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        assert understand(text) in get_args(Rendering)
    except InvalidRequest as refusal:
        assert refusal.code == "unsupported_instruction"  # noqa: PT017 - both outcomes are right


def test_of_an_endless_instruction_the_begin_and_the_end_are_looked_at() -> None:
    page = "\nlorem ipsum" * 20_000
    assert understand(f"Output markdown.{page}") == "markdown"
    assert understand(f"{page}\nKeep the layout.") == "layout"
    with pytest.raises(InvalidRequest):
        understand(f"Read this.{page}\nDescribe the image.")
