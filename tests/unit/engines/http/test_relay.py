import json
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.api.openai.merging import Choices
from readstone.core.chat import Relay, TextDelta
from readstone.core.errors import EngineFailed
from readstone.engines.http.chunk import Count
from readstone.engines.http.relay import ChunkReader, InBandError

USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}


def chunk(choices: object, *, spaced: bool = False, **members: object) -> bytes:
    content = {"id": "cmpl-1", "created": 7, "model": "m", "choices": choices, **members}
    return b"data: " + json.dumps(content, separators=None if spaced else (",", ":")).encode()


def llama(choices: object, **members: object) -> bytes:
    """llama.cpp writes the choices first."""
    content = {"choices": choices, "created": 7, "id": "x", "model": "m", **members}
    return b"data: " + json.dumps(content, separators=(",", ":")).encode()


def piece(text: str, index: int = 0, reason: str | None = None) -> list[dict[str, Any]]:
    return [{"index": index, "delta": {"content": text}, "finish_reason": reason}]


def stream(*events: bytes, end: bytes = b"\n\n") -> bytes:
    return b"".join(event + end for event in (*events, b"data: [DONE]"))


ROLE: list[dict[str, Any]] = [
    {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
]
LAST: list[dict[str, Any]] = [{"index": 0, "delta": {}, "finish_reason": "length"}]
VLLM = stream(
    chunk(ROLE, usage=None),
    *(chunk(piece(text), usage=None) for text in ("Hé", ' "choices":[', "\n\n", '"usage":{')),
    chunk(LAST, usage=None),
    chunk([], usage=USAGE),
)
LLAMA = stream(
    llama(ROLE),
    llama(piece("a")),
    llama(piece("b")),
    llama(LAST),
    llama([], usage=USAGE, timings={"predicted_ms": 1.5}),
)
SPACED = stream(
    chunk(ROLE, spaced=True),
    chunk(piece("a"), spaced=True),
    chunk(LAST, spaced=True),
    chunk([], usage=USAGE, spaced=True),
)
SEVERAL = stream(
    chunk(piece("a", 0)),
    chunk(piece("b", 1)),
    chunk(piece("", 0, "stop")),
    chunk(piece("c", 1)),
    chunk(piece("", 1, "length")),
    chunk([], usage=USAGE),
)
WINDOWS = VLLM.replace(b"\n\n", b"\r\n\r\n")
COMMENTED = b": ping\n\n" + LLAMA.replace(b"data: ", b"event: message\nid: 4\ndata: ")
TIGHT = LLAMA.replace(b"data: ", b"data:")
STREAMS = [VLLM, LLAMA, SPACED, SEVERAL, WINDOWS, COMMENTED, TIGHT]


def said(content: bytes) -> list[Any]:
    """The choices of every chunk that has some, as any reader of events would find them."""
    lines = content.replace(b"\r\n", b"\n").split(b"\n")
    data = [line[5:].strip() for line in lines if line.startswith(b"data:")]
    chunks = [json.loads(each) for each in data if each != b"[DONE]"]
    return [each["choices"] for each in chunks if each["choices"]]


def read(*pieces: bytes, has_tools: bool = False) -> tuple[list[Any], ChunkReader]:
    reader = ChunkReader(has_tools=has_tools)
    events = [*map(reader.feed, filter(None, pieces)), reader.feed(b"")]
    relays = [event for event in events if isinstance(event, Relay)]
    return [json.loads(choices) for relay in relays for choices in relay.choices], reader


@pytest.mark.parametrize("content", STREAMS)
def test_every_chunk_goes_on_and_the_last_is_held_back(content: bytes) -> None:
    relayed, reader = read(content)
    end = reader.end()
    assert end.choices is not None
    assert [*relayed, json.loads(end.choices)] == said(content)
    assert end.count == Count(9, 3)
    assert end.reason == "length"


@given(content=st.sampled_from(STREAMS), cuts=st.lists(st.integers(0, 1200), max_size=8))
def test_where_a_stream_is_cut_makes_no_difference(content: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(content)]
    pieces = [content[a:b] for a, b in pairwise(places)]
    relayed, reader = read(*pieces)
    whole, other = read(content)
    assert relayed == whole
    assert reader.end() == other.end()
    assert reader.tokens == other.tokens


@pytest.mark.parametrize("content", STREAMS)
def test_byte_by_byte_is_the_same_stream(content: bytes) -> None:
    relayed, reader = read(*(content[at : at + 1] for at in range(len(content))))
    whole, other = read(content)
    assert (relayed, reader.end()) == (whole, other.end())


CALL: list[dict[str, Any]] = [{"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "call_1"}]}}]
CALLING = stream(
    chunk(ROLE),
    chunk(piece("a")),
    chunk(CALL),
    chunk(piece("b")),
    chunk(LAST),
    chunk([], usage=USAGE),
)


def gathered(*pieces: bytes) -> tuple[list[dict[str, Any]], list[bool], ChunkReader]:
    """The choices of the whole answer, whether each event was text alone, and the reader."""
    reader = ChunkReader(gathers=True, has_tools=True)
    choices, plain = Choices(), list[bool]()
    for event in [*map(reader.feed, filter(None, pieces)), reader.feed(b"")]:
        if event is not None:
            plain.append(isinstance(event, TextDelta))
        if isinstance(event, TextDelta):
            choices.add_text(event.text)
        elif event is not None:
            choices.add(event.choices)
    if (last := reader.end().choices) is not None:
        choices.add((last,))
    return choices.whole(reader.end().reason), plain, reader


@given(
    content=st.sampled_from([*STREAMS, CALLING]), cuts=st.lists(st.integers(0, 1200), max_size=8)
)
def test_what_gathers_is_the_same_answer(content: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(content)]
    choices, _, reader = gathered(*(content[a:b] for a, b in pairwise(places)))
    relayed, other = read(content)
    end, other_end = reader.end(), other.end()
    whole = Choices()
    whole.add([json.dumps(each).encode() for each in relayed])
    whole.add([other_end.choices or b"[]"])

    assert choices == whole.whole(other_end.reason)
    assert (end.reason, end.count, end.extras) == (
        other_end.reason,
        other_end.count,
        other_end.extras,
    )
    assert reader.tokens == other.tokens


def test_chunks_that_only_add_text_are_one_text() -> None:
    choices, plain, _ = gathered(VLLM)

    assert plain == [True]
    assert choices[0]["message"]["content"] == 'Hé "choices":[\n\n"usage":{'
    assert choices[0]["finish_reason"] == "length"


@given(
    texts=st.lists(st.text() | st.sampled_from(['"', "\\", '"},', '\n\ndata: {"', ""])),
    write=st.sampled_from([chunk, llama, partial(chunk, spaced=True)]),
)
def test_texts_of_many_chunks_are_gathered_as_they_were_written(
    texts: list[str], write: Callable[[object], bytes]
) -> None:
    events = [write(ROLE), *(write(piece(text)) for text in ("a", *texts)), write(LAST)]
    choices, plain, reader = gathered(stream(*events))

    assert all(plain)
    assert choices[0]["message"]["content"] == "".join(("a", *texts))
    assert reader.tokens == 1 + sum(map(bool, texts))


def test_from_a_chunk_that_says_more_on_chunks_go_on_as_they_came() -> None:
    end = CALLING.index(b"\n\n", CALLING.index(b'"content":"a"')) + 2
    choices, plain, _ = gathered(CALLING[:end], CALLING[end:])

    assert plain == [True, False]
    assert choices[0]["message"]["content"] == "ab"
    assert choices[0]["message"]["tool_calls"] == [{"id": "call_1"}]


def test_a_line_that_ends_inside_a_text_is_not_the_protocol_where_chunks_gather_either() -> None:
    reader = ChunkReader(gathers=True)
    with pytest.raises(EngineFailed):
        reader.feed(chunk(piece("a")).replace(b'"a"', b'"a\n\ndata: b"') + b"\n\n")


@pytest.mark.parametrize("event", [b'data: {"error":{"message":"x"}}', b"error: x"])
def test_an_error_is_one_where_chunks_gather_too(event: bytes) -> None:
    reader = ChunkReader(gathers=True)
    with pytest.raises(InBandError):
        reader.feed(chunk(piece("a")) + b"\n\n" + event + b"\n\n")


def test_chunks_go_on_as_the_bytes_they_were() -> None:
    odd = b'[ { "index":0,"delta":{"content":"\\u00e9"} ,"token_ids":[1]}]'
    reader = ChunkReader()
    reader.feed(chunk(ROLE) + b"\n\n")
    relay = reader.feed(chunk(0).replace(b":0}", b":" + odd + b"}") + b"\n\n")
    assert isinstance(relay, Relay)
    assert relay.choices == (odd,)


def test_the_role_is_no_token_and_every_other_chunk_is_one() -> None:
    reader = ChunkReader()
    first = reader.feed(chunk(ROLE) + b"\n\n")
    second = reader.feed(chunk(piece("a")) + b"\n\n" + chunk(piece("b")) + b"\n\n")
    assert first is not None
    assert second is not None
    assert (first.tokens, second.tokens) == (0, 2)


def test_members_that_are_not_of_the_protocol_come_with_the_end() -> None:
    _, reader = read(LLAMA)
    assert reader.end().extras == {"timings": b'{"predicted_ms":1.5}'}


def test_another_readstone_does_not_put_its_metrics_in_place_of_ours() -> None:
    _, reader = read(stream(chunk(LAST, usage=USAGE, x_metrics={"tps": 1.0})))
    assert reader.end().extras == {}


def test_reasoning_has_the_name_that_clients_know() -> None:
    relayed, _ = read(chunk(ROLE) + b"\n\n", chunk([{"delta": {"reasoning": "Hm"}}]) + b"\n\n")
    assert relayed[1] == [{"delta": {"reasoning_content": "Hm"}}]
    text = 'the "reasoning": of it'
    relayed, _ = read(chunk(ROLE) + b"\n\n", chunk(piece(text)) + b"\n\n")
    assert relayed[1] == piece(text)


@pytest.mark.parametrize(
    ("told", "reason"), [("eos", "stop"), ("max_tokens", "length"), ("tool_call", "tool_calls")]
)
def test_the_reason_is_one_of_the_contracts(told: str, reason: str) -> None:
    _, reader = read(stream(chunk(piece("a", reason=told))))
    end = reader.end()
    assert end.reason == reason
    assert json.loads(end.choices or b"") == piece("a", reason=reason)


def test_an_engine_that_gave_up_has_failed() -> None:
    with pytest.raises(EngineFailed):
        read(stream(chunk(piece("a", reason="abort"))))


@pytest.mark.parametrize(
    "event",
    [
        b'data: {"error":{"message":"out of memory","code":500}}',
        b'data: {"error":"out of memory"}',
        b'error: {"message":"out of memory"}',
    ],
)
def test_an_error_inside_a_stream_is_an_error(event: bytes) -> None:
    reader = ChunkReader()
    reader.feed(chunk(ROLE) + b"\n\n")
    with pytest.raises(InBandError) as caught:
        reader.feed(event + b"\n\n")
    assert b"out of memory" in caught.value.body


def test_an_error_that_is_null_is_none() -> None:
    relayed, _ = read(stream(chunk(piece("a"), error=None)))
    assert relayed == [piece("a")]


def test_a_stream_that_breaks_off_has_failed() -> None:
    _, reader = read(chunk(ROLE) + b"\n\n" + chunk(piece("a")) + b"\n\n")
    with pytest.raises(EngineFailed, match="in the middle"):
        reader.end()


def test_a_stream_without_done_is_whole_where_a_reason_was_given() -> None:
    content = VLLM.removesuffix(b"data: [DONE]\n\n").removesuffix(b"\n")
    _, reader = read(content)
    end = reader.end()
    assert (end.reason, end.count) == ("length", Count(9, 3))


@pytest.mark.parametrize(
    "event", [b"data: {", b"data: []", b'data: {"choices":3}', b"data: <html>"]
)
def test_what_is_not_the_protocol_has_failed(event: bytes) -> None:
    with pytest.raises(EngineFailed, match="protocol"):
        read(event + b"\n\n")


def test_an_event_without_an_end_is_not_kept_for_ever() -> None:
    reader = ChunkReader()
    for _ in range(15):
        reader.feed(b"x" * 1024 * 1024)
    with pytest.raises(EngineFailed, match="larger"):
        reader.feed(b"x" * 1024 * 1024 + b"x")


@pytest.mark.parametrize("is_document", [False, True])
def test_what_is_large_is_put_together_once(*, is_document: bool) -> None:
    """Else an answer of megabytes would hold up all others; without it, this takes minutes."""
    text = "x" * (12 * 1024 * 1024)
    message = {"role": "assistant", "content": text}
    whole = {"choices": [{"index": 0, "message": message, "finish_reason": "length"}]}
    content = json.dumps(whole).encode() if is_document else stream(chunk(piece(text)), chunk(LAST))
    relayed, reader = read(*(content[at : at + 2048] for at in range(0, len(content), 2048)))
    choices = Choices()
    choices.add([json.dumps(each).encode() for each in relayed])
    choices.add([reader.end().choices or b"[]"])
    assert choices.whole("stop")[0]["message"]["content"] == text


@given(st.binary(max_size=300))
def test_no_bytes_make_anything_but_errors_of_ours(content: bytes) -> None:
    reader = ChunkReader()
    try:
        reader.feed(content + b"\n\n")
        reader.end()
    except (EngineFailed, InBandError):
        pass


def test_an_answer_that_is_whole_is_taken_as_one_chunk() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    body = {
        "id": "x",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
        "usage": USAGE,
    }
    reader = ChunkReader()
    content = json.dumps(body).encode()
    assert reader.feed(content[:20]) is None
    assert reader.feed(content[20:]) is None
    end = reader.end()
    assert (end.reason, end.count) == ("tool_calls", Count(9, 3))
    (choice,) = json.loads(end.choices or b"")
    assert choice["delta"] == {**message, "tool_calls": [{"index": 0, **call}]}


def test_an_error_in_place_of_a_whole_answer_is_an_error() -> None:
    reader = ChunkReader()
    reader.feed(b'{"error":{"message":"no"}}')
    with pytest.raises(InBandError):
        reader.end()


@pytest.mark.parametrize("content", [b"{}", b'{"status":"ok"}', b'{"choices":[]}'])
def test_a_document_without_choices_is_no_answer(content: bytes) -> None:
    reader = ChunkReader()
    reader.feed(content)
    with pytest.raises(EngineFailed):
        reader.end()


def test_a_whole_answer_without_a_reason_is_whole() -> None:
    reader = ChunkReader()
    reader.feed(b'{"choices":[{"index":0,"message":{"content":"Hi"}}],"system_fingerprint":"fp_1"}')
    end = reader.end()
    assert json.loads(end.choices or b"")[0]["delta"] == {"content": "Hi"}
    assert (end.reason, end.fingerprint) == ("stop", "fp_1")


def test_the_first_event_says_what_answers() -> None:
    reader = ChunkReader()
    first = reader.feed(chunk(ROLE, system_fingerprint="b8123") + b"\n\n")
    second = reader.feed(chunk(piece("a"), system_fingerprint="b8123") + b"\n\n")
    assert isinstance(first, Relay)
    assert isinstance(second, Relay)
    assert (first.fingerprint, second.fingerprint) == ("b8123", "")


def test_an_engine_that_counts_each_choice_by_itself_is_added_up() -> None:
    one, two = {"prompt_tokens": 9, "completion_tokens": 3}, {"completion_tokens": 4}
    content = stream(
        chunk(piece("a", 0)),
        chunk(piece("", 0, "stop")),
        chunk([], usage=one),
        chunk(piece("", 1, "stop")),
        chunk([], usage={**one, **two}),
    )
    _, reader = read(content)
    assert reader.end().count == Count(9, 7)


@pytest.mark.parametrize("begin", [b"\xef\xbb\xbf", b"\n\n", b"\xef\xbb\xbf\r\n", b": hi\n\n"])
@pytest.mark.parametrize("content", STREAMS)
def test_what_a_stream_begins_with_takes_nothing_from_it(begin: bytes, content: bytes) -> None:
    relayed, reader = read(begin + content)
    whole, other = read(content)
    assert (relayed, reader.end()) == (whole, other.end())
    relayed, reader = read(*((begin + content)[at : at + 1] for at in range(len(begin + content))))
    assert (relayed, reader.end()) == (whole, other.end())
    assert gathered(begin + content)[0] == gathered(content)[0]


def test_a_chunk_over_several_lines_of_data_is_one() -> None:
    text = json.dumps(json.loads(chunk(piece("a b"))[6:]), indent=1).replace("\n", "\ndata: ")
    relayed, reader = read(b"data: " + text.encode() + b"\n\n" + stream(chunk(LAST)))
    assert relayed == [piece("a b")]
    assert b"\n" not in (reader.end().choices or b"")


@pytest.mark.parametrize("content", [VLLM, LLAMA, SEVERAL])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_chunks_without_blank_lines_between_them_are_not_lost(content: bytes, end: bytes) -> None:
    relayed, reader = read(content.replace(b"\n\n", b"\n").rstrip() + end)
    whole, other = read(content)
    assert (relayed, reader.end()) == (whole, other.end())


RUNNING = [{"prompt_tokens": 9, "completion_tokens": count} for count in range(4)]


@pytest.mark.parametrize("gathers", [False, True])
@pytest.mark.parametrize(
    "counts",
    [
        # With every chunk (hosted APIs, vLLM's continuous_usage_stats), and once more at the end.
        [
            *(chunk(piece("a"), usage=usage) for usage in RUNNING),
            chunk(LAST, usage=RUNNING[3]),
            chunk([], usage=USAGE),
        ],
        [chunk(piece("a"), usage=RUNNING[1]), chunk(LAST, usage=RUNNING[3])],
        # By itself before the end, and twice after it.
        [
            chunk([], usage=RUNNING[1]),
            chunk(piece("a")),
            chunk([], usage=RUNNING[2]),
            chunk(LAST),
            chunk([], usage=USAGE),
            chunk([], usage=USAGE),
        ],
    ],
)
def test_a_running_total_is_not_added_up(counts: list[bytes], *, gathers: bool) -> None:
    reader = ChunkReader(gathers=gathers)
    for each in counts:
        reader.feed(each + b"\n\n")
    reader.feed(b"data: [DONE]\n\n")
    assert reader.end().count == Count(9, 3)


@pytest.mark.parametrize(
    "usage", [{"prompt_tokens": -1}, {"completion_tokens": 10**30}, {"prompt_tokens": "nine"}, []]
)
def test_a_count_that_cannot_be_one_is_none(usage: object) -> None:
    _, reader = read(stream(chunk(LAST, usage=usage)))
    assert reader.end().count is None


NOTHING: list[dict[str, Any]] = [{"index": 0, "delta": {}, "finish_reason": None}]


@pytest.mark.parametrize(
    "later",
    [
        [chunk(LAST)],
        [chunk([{"index": 0, "delta": {"content": ""}, "finish_reason": None}], usage=USAGE)],
        [chunk(NOTHING), chunk(LAST)],
        [chunk(NOTHING), chunk(NOTHING)],
    ],
)
@pytest.mark.parametrize("end", [b"", b"data: [DONE]\n\n"])
def test_a_reason_is_told_once_and_last(later: list[bytes], end: bytes) -> None:
    events = [chunk(ROLE), chunk(piece("a", reason="length")), *later]
    relayed, reader = read(*(event + b"\n\n" for event in events), end)
    last = reader.end().choices
    assert [each[0]["finish_reason"] for each in relayed] == [None] * len(relayed)
    assert json.loads(last or b"")[0]["finish_reason"] == "length"
    texts = [each[0]["delta"].get("content", "") for each in [*relayed, json.loads(last or b"")]]
    assert "".join(texts) == "a"


def test_a_choice_that_ends_before_another_keeps_its_reason() -> None:
    relayed, _ = read(SEVERAL)
    assert [each[0]["finish_reason"] for each in relayed] == [None, None, "stop", None]


@pytest.mark.parametrize("gathers", [False, True])
@pytest.mark.parametrize(
    "event",
    [
        b'data: {"object":"error","message":"out of memory","type":"x","param":null,"code":500}',
        b'data: {"detail":"out of memory"}',
        b'data: {"choices":[],"error":{"message":"out of memory"}}',
        b'data: {"choices":null,"error":"out of memory"}',
        b'data: {"id":"x","choices":[{"index":0,"delta":{"content":""}}],"error":{"message":"out of memory"}}',
        b'event: error\ndata: {"status":"out of memory"}',
        b'event:error\ndata:"out of memory"',
    ],
)
def test_an_error_is_one_in_whatever_shape(event: bytes, *, gathers: bool) -> None:
    for start in (b"", chunk(ROLE) + b"\n\n"):
        reader = ChunkReader(gathers=gathers)
        with pytest.raises(InBandError) as caught:
            reader.feed(start + event + b"\n\ndata: [DONE]\n\n")
        assert b"out of memory" in caught.value.body


@pytest.mark.parametrize("content", [b"data: [DONE]\n\n", b": ping\n\ndata: [DONE]\n\n"])
@pytest.mark.parametrize("gathers", [False, True])
def test_an_answer_without_any_choice_is_none(content: bytes, *, gathers: bool) -> None:
    reader = ChunkReader(gathers=gathers)
    reader.feed(content)
    with pytest.raises(EngineFailed, match="before it began"):
        reader.end()


@pytest.mark.parametrize("gathers", [False, True])
def test_what_is_not_utf_8_is_replaced(*, gathers: bool) -> None:
    cut = [chunk(piece("a~b")).replace(b"~", byte) for byte in (b"\xf0\x9f", b"\x98\x80", b"\xff")]
    content = stream(chunk(ROLE), *cut, chunk(LAST))
    choices = gathered(content)[0] if gathers else None
    if choices is None:
        relayed, _ = read(content)
        said = "".join(each[0]["delta"]["content"] for each in relayed)
    else:
        said = choices[0]["message"]["content"]
    assert said == "a\ufffdba\ufffd\ufffdba\ufffdb"


@pytest.mark.parametrize("begin", [b"", b"\xef\xbb\xbf", b"\n \r\n"])
def test_a_whole_answer_is_told_by_how_it_begins(begin: bytes) -> None:
    message = {"role": "assistant", "reasoning": "Hm", "content": "Hi"}
    answer = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    _, reader = read(begin[:1], begin[1:], json.dumps(answer, indent=1).encode())
    end = reader.end()
    assert json.loads(end.choices or b"")[0]["delta"] == {
        "role": "assistant",
        "reasoning_content": "Hm",
        "content": "Hi",
    }


def test_a_count_may_be_written_with_a_point() -> None:
    _, reader = read(stream(chunk(LAST, usage={"prompt_tokens": 9.0, "completion_tokens": 3.0})))
    assert reader.end().count == Count(9, 3)


@pytest.mark.parametrize("gathers", [False, True])
def test_a_whole_answer_as_an_event_is_an_answer(*, gathers: bool) -> None:
    message = {"role": "assistant", "content": "Hi"}
    answer = chunk([{"index": 0, "message": message, "finish_reason": "length"}], usage=USAGE)
    if gathers:
        choices, _, reader = gathered(stream(answer))
        assert choices[0]["message"]["content"] == "Hi"
    else:
        relayed, reader = read(stream(answer))
        assert relayed == []
        assert json.loads(reader.end().choices or b"")[0]["delta"] == message
    assert (reader.end().reason, reader.end().count) == ("length", Count(9, 3))


def call(name: str | None, arguments: object, **members: object) -> list[dict[str, Any]]:
    function = {"arguments": arguments} if name is None else {"name": name, "arguments": arguments}
    calls = [{"type": "function", "function": function, **members}]
    return [{"index": 0, "delta": {"tool_calls": calls}, "finish_reason": None}]


@pytest.mark.parametrize("gathers", [False, True])
@pytest.mark.parametrize("index", [{}, {"index": 0}, {"index": None}])
def test_calls_that_a_server_does_not_number_are_calls_of_their_own(
    index: dict[str, int], *, gathers: bool
) -> None:
    content = stream(
        chunk(ROLE),
        chunk(call("look", "{}", id="call_1", **index)),
        chunk(call("go", '{"at"', id="call_2", **index)),
        # Older versions of vLLM give every piece an id of its own.
        chunk(call(None, ":1}", id="other", **index)),
        chunk(call("end", {"at": 2}, id="call_3", **index)),
        chunk(LAST),
    )
    if gathers:
        choices, _, _ = gathered(content)
    else:
        relayed, reader = read(content, has_tools=True)
        told = [each[0]["delta"]["tool_calls"][0]["index"] for each in relayed[1:]]
        assert told == [0, 1, 1, 2]
        merged = Choices()
        merged.add([json.dumps(each).encode() for each in relayed])
        choices = merged.whole(reader.end().reason)
    calls = [each["function"] for each in choices[0]["message"]["tool_calls"]]
    assert [(each["name"], each["arguments"]) for each in calls] == [
        ("look", "{}"),
        ("go", '{"at":1}'),
        ("end", '{"at":2}'),
    ]


def test_calls_that_are_numbered_go_on_as_the_bytes_they_were() -> None:
    events = [
        chunk(call("look", "", id="call_1", index=0), spaced=True),
        chunk(call(None, "{}", index=0), spaced=True),
        chunk(call("go", "{}", id="call_2", index=1), spaced=True),
    ]
    reader = ChunkReader(has_tools=True)
    for event in events:
        relay = reader.feed(event + b"\n\n")
        assert isinstance(relay, Relay)
        assert event.endswith(relay.choices[0] + b"}")


@given(
    st.recursive(
        st.none() | st.integers(-2, 3) | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["id", "index", "function", "name", "arguments"]), inner
            )
        ),
        max_leaves=10,
    )
)
def test_no_calls_are_so_odd_that_they_cannot_be_numbered(value: object) -> None:
    reader = ChunkReader(has_tools=True)
    for calls in (value, [value, {"id": "a", "function": value}], [{"function": {"name": "f"}}]):
        reader.feed(chunk([{"index": 0, "delta": {"tool_calls": calls}}]) + b"\n\n")
