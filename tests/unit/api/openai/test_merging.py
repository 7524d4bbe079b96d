import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.api.openai.merging import Choices
from readstone.core.errors import EngineFailed


def _nested(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    keys = st.sampled_from(["index", "id", "function", "arguments"])
    return st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)


def merged(*chunks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    choices = Choices()
    for chunk in chunks:
        choices.add((json.dumps(chunk).encode(),))
    return choices.whole("stop")


def delta(index: int = 0, **members: object) -> list[dict[str, Any]]:
    return [{"index": index, "delta": members}]


def test_there_is_nothing_until_a_chunk_came() -> None:
    choices = Choices()
    assert not choices
    choices.add((b'[{"index":0,"delta":{}}]',))
    assert choices
    (choice,) = choices.whole("length")
    assert choice["message"] == {"role": "assistant", "content": "", "refusal": None}
    assert choice["finish_reason"] == "length"


def test_a_tool_call_is_put_together_from_its_pieces() -> None:
    first = {"index": 0, "id": "call_1", "type": "function"}
    (choice,) = merged(
        delta(role="assistant", content=None),
        delta(tool_calls=[{**first, "function": {"name": "look", "arguments": ""}}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": '{"at":'}}]),
        delta(tool_calls=[{"index": 0, "id": "call_1", "function": {"arguments": '"x"}'}}]),
        delta(tool_calls=[{"index": 1, "id": "call_2", "function": {"name": "go"}}]),
        [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}],
    )
    message = choice["message"]
    assert message["content"] is None
    assert message["tool_calls"] == [
        {
            "id": "call_1",
            "type": "function",
            "function": {"name": "look", "arguments": '{"at":"x"}'},
        },
        {"id": "call_2", "function": {"name": "go"}},
    ]
    assert choice["finish_reason"] == "tool_calls"


def test_content_that_is_a_list_is_its_texts() -> None:
    thought = [{"type": "text", "text": "Hm"}]
    (choice,) = merged(
        delta(content=[{"type": "thinking", "thinking": thought}, {"type": "image"}, 3]),
        delta(content=[{"type": "text", "text": "He"}]),
        delta(content="llo"),
    )
    assert choice["message"]["content"] == "Hello"
    assert choice["message"]["reasoning_content"] == "Hm"


def test_reasoning_and_members_we_do_not_know_are_kept() -> None:
    (choice,) = merged(
        delta(role="assistant", reasoning_content="First "),
        delta(reasoning_content="this.", audio={"id": 1}),
        delta(content="Answer", audio={"data": "x"}),
    )
    message = choice["message"]
    assert message["reasoning_content"] == "First this."
    assert message["content"] == "Answer"
    assert message["audio"] == {"id": 1, "data": "x"}


@pytest.mark.parametrize(
    "chunk", [b"{", b'{"index":0}', b'[{"index":"0"}]', b'[{"delta":"text"}]', b"[{}],1"]
)
def test_what_is_no_chunk_is_the_engines_failure(chunk: bytes) -> None:
    with pytest.raises(EngineFailed):
        Choices().add((chunk,))


@given(st.recursive(st.none() | st.integers() | st.text(max_size=3), _nested, max_leaves=8))
def test_no_member_is_so_odd_that_it_cannot_be_merged(value: object) -> None:
    (choice,) = merged(
        delta(tool_calls=value, content="a", other=value),
        delta(tool_calls=[value, {"function": value}], other=value),
        delta(tool_calls=[{"function": {"arguments": value}}], content=None),
    )
    assert choice["message"]["content"] == "a"


def test_log_probabilities_are_joined() -> None:
    chunk = [{"index": 0, "delta": {}, "logprobs": {"content": [{"token": "a"}], "refusal": None}}]
    (choice,) = merged(chunk, chunk)
    assert choice["logprobs"] == {"content": [{"token": "a"}, {"token": "a"}], "refusal": None}


@given(st.lists(st.tuples(st.integers(0, 3), st.text(max_size=5)), min_size=1, max_size=30))
def test_each_choice_has_the_text_of_its_own_pieces(pieces: list[tuple[int, str]]) -> None:
    choices = merged(*(delta(index, content=text) for index, text in pieces))
    expected = {
        index: "".join(text for other, text in pieces if other == index) for index, _ in pieces
    }
    assert {choice["index"]: choice["message"]["content"] for choice in choices} == expected
    assert [choice["index"] for choice in choices] == sorted(expected)


WRITTEN = [
    '[{{"index":0,"delta":{{"content":{text}}},"logprobs":null,"finish_reason":null}}]',
    '[{{"finish_reason":null,"index":0,"delta":{{"content":{text}}}}}]',
    '[{{"index": 0, "delta": {{"content": {text}}}, "finish_reason": null}}]',
]


@pytest.mark.parametrize("form", WRITTEN)
@given(
    texts=st.lists(st.text(max_size=6) | st.sampled_from(['"', "\\", '\\"', "}]", "\n", ""])),
    ascii_only=st.booleans(),
    cuts=st.sets(st.integers(0, 12)),
)
def test_texts_are_joined_however_they_are_written_and_however_they_come(
    form: str, texts: list[str], *, ascii_only: bool, cuts: set[int]
) -> None:
    written = [
        form.format(text=json.dumps(text, ensure_ascii=ascii_only)).encode() for text in texts
    ]
    choices = Choices()
    places = [0, *sorted(cuts), len(written)]
    for start, end in pairwise(places):
        choices.add(written[start:end])
    assert "".join(choice["message"]["content"] for choice in choices.whole("stop")) == "".join(
        texts
    )


def test_a_chunk_that_says_more_than_its_like_is_not_taken_for_one() -> None:
    plain = b'[{"index":0,"delta":{"content":"a"},"finish_reason":null}]'
    other = b'[{"index":1,"delta":{"content":"b"},"finish_reason":null}]'
    longer = b'[{"index":0,"delta":{"content":"c","refusal":"no"},"finish_reason":null}]'
    choices = Choices()
    choices.add((plain, plain, other, longer, plain))
    first, second = choices.whole("stop")
    assert (first["message"]["content"], first["message"]["refusal"]) == ("aaca", "no")
    assert second["message"]["content"] == "b"


def test_a_text_that_is_no_json_is_the_engines_failure() -> None:
    plain = b'[{"index":0,"delta":{"content":"a"},"finish_reason":null}]'
    choices = Choices()
    choices.add((plain,))
    with pytest.raises(EngineFailed):
        choices.add((plain.replace(b"a", b"\\x"),))
