import json
from dataclasses import replace
from typing import Any

import pytest

from readstone.api.openai.encoding import DONE, PING, Chunks, Label, Whole
from readstone.core.chat import Finish, Relay, TextDelta
from readstone.core.usage import Metrics, Usage
from readstone.serving.gateway import GatewayEvent, Served, StandIn

LABEL = Label("req_0123", "Some/OCR-1B", "print")
METRICS = Metrics(0.5, 12.5, 1.5, 0.125, 0.25, "fake")
FINISH = Finish("length", Usage(10, 4, image_tokens=6, cached_tokens=1))
SERVED = Served(FINISH, METRICS)
TEXTS = ('Grüße "und"\n', "\u2028数字\0", " </data>\n\n")
EVENTS: tuple[GatewayEvent, ...] = (*(TextDelta(text, 1) for text in TEXTS), SERVED)

USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 4,
    "total_tokens": 14,
    "prompt_tokens_details": {"image_tokens": 6, "cached_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 0},
}
X_METRICS = {
    "ttft_seconds": 0.5,
    "tps": 12.5,
    "total_time_seconds": 1.5,
    "image_seconds": 0.125,
    "queue_seconds": 0.25,
    "engine": "fake",
}


def written(events: tuple[GatewayEvent, ...] = EVENTS, *, include_usage: bool) -> bytes:
    chunks = Chunks(LABEL, include_usage=include_usage)
    return b"".join(chunks.encode(event) for event in events)


def stream(events: tuple[GatewayEvent, ...] = EVENTS, *, include_usage: bool) -> list[Any]:
    content = written(events, include_usage=include_usage)
    assert content.endswith(DONE)
    pieces = content.removesuffix(DONE).split(b"\n\n")
    assert pieces.pop() == b""
    assert all(piece.startswith(b"data: {") and b"\n" not in piece for piece in pieces)
    return [json.loads(piece[6:]) for piece in pieces]


both = pytest.mark.parametrize("include_usage", [False, True])


def test_a_ping_is_a_comment_and_done_is_the_last_word() -> None:
    assert PING == b": ping\n\n"
    assert DONE == b"data: [DONE]\n\n"
    assert written(include_usage=True).count(DONE) == 1


@both
def test_every_chunk_has_the_same_id_time_and_model(*, include_usage: bool) -> None:
    chunks = stream(include_usage=include_usage)
    names = ("id", "object", "created", "model", "system_fingerprint")
    heads = {tuple(chunk[name] for name in names) for chunk in chunks}
    assert len(heads) == 1
    identity, kind, created, model, fingerprint = heads.pop()
    assert (identity, kind) == ("chatcmpl-0123", "chat.completion.chunk")
    assert (model, fingerprint) == ("Some/OCR-1B", "print")
    assert isinstance(created, int)


@both
def test_the_first_delta_and_no_other_has_the_role(*, include_usage: bool) -> None:
    deltas = [
        chunk["choices"][0]["delta"]
        for chunk in stream(include_usage=include_usage)
        if chunk["choices"]
    ]
    assert deltas[0] == {"role": "assistant", "content": "", "refusal": None}
    assert all("role" not in delta for delta in deltas[1:])


@both
def test_the_texts_come_in_their_order_and_as_they_are(*, include_usage: bool) -> None:
    choices = [
        chunk["choices"][0] for chunk in stream(include_usage=include_usage) if chunk["choices"]
    ]
    assert [choice["delta"] for choice in choices[1:-1]] == [{"content": text} for text in TEXTS]
    assert choices[-1]["delta"] == {}
    assert {(choice["index"], choice["logprobs"]) for choice in choices} == {(0, None)}


@both
def test_the_reason_is_null_until_the_last_choice(*, include_usage: bool) -> None:
    choices = [
        chunk["choices"][0] for chunk in stream(include_usage=include_usage) if chunk["choices"]
    ]
    reasons = [choice["finish_reason"] for choice in choices]
    assert reasons == [None] * (len(reasons) - 1) + ["length"]


def test_usage_that_was_asked_for_comes_in_one_more_chunk_without_choices() -> None:
    *chunks, last = stream(include_usage=True)
    assert all(chunk["usage"] is None and "x_metrics" not in chunk for chunk in chunks)
    assert all(chunk["choices"] for chunk in chunks)
    assert (last["choices"], last["usage"], last["x_metrics"]) == ([], USAGE, X_METRICS)


def test_usage_that_was_not_asked_for_rides_on_the_chunk_with_the_reason() -> None:
    *chunks, last = stream(include_usage=False)
    assert all("usage" not in chunk and "x_metrics" not in chunk for chunk in chunks)
    assert all(chunk["choices"] for chunk in [*chunks, last])
    assert last["choices"][0]["finish_reason"] == "length"
    assert (last["usage"], last["x_metrics"]) == (USAGE, X_METRICS)


@both
def test_an_answer_without_text_still_has_a_role_and_a_reason(*, include_usage: bool) -> None:
    chunks = stream((SERVED,), include_usage=include_usage)
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert chunks[1]["choices"][0]["finish_reason"] == "length"


def test_a_whole_answer_has_all_its_members() -> None:
    whole = Whole(LABEL)
    answers = [whole.add(event) for event in EVENTS]
    assert answers[:-1] == [None] * len(TEXTS)
    content = json.loads(answers[-1] or b"")
    assert isinstance(content.pop("created"), int)
    assert content == {
        "id": "chatcmpl-0123",
        "object": "chat.completion",
        "model": "Some/OCR-1B",
        "system_fingerprint": "print",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "".join(TEXTS), "refusal": None},
                "finish_reason": "length",
                "logprobs": None,
            }
        ],
        "usage": USAGE,
        "x_metrics": X_METRICS,
    }


ROLE = b'[{"index":0,"delta":{"role":"assistant","content":null},"finish_reason":null}]'
PIECES = (
    b'[{"index":0,"delta":{"content":"A \\"choices\\":[1]"},"finish_reason":null}]',
    b'[ {"delta": {"content": "!"}, "index":0, "token_ids":[7]} ]',
)
LAST = b'[{"index":0,"delta":{},"finish_reason":"tool_calls","stop_reason":null}]'
RELAYED: tuple[GatewayEvent, ...] = (
    Relay((ROLE,), 0),
    Relay(PIECES, 2),
    Served(Finish("tool_calls", FINISH.usage, LAST, extras={"timings": b'{"ms":1.5}'}), METRICS),
)


@both
def test_what_an_engine_relays_is_sent_as_it_came(*, include_usage: bool) -> None:
    chunks = stream(RELAYED, include_usage=include_usage)
    choices = [chunk["choices"] for chunk in chunks if chunk["choices"]]
    assert choices == [json.loads(each) for each in (ROLE, *PIECES, LAST)]
    assert {chunk["id"] for chunk in chunks} == {"chatcmpl-0123"}
    assert {chunk["model"] for chunk in chunks} == {"Some/OCR-1B"}
    assert (chunks[-1]["usage"], chunks[-1]["timings"]) == (USAGE, {"ms": 1.5})
    content = written(RELAYED, include_usage=include_usage)
    assert all(piece in content for piece in (ROLE, *PIECES, LAST))


def test_a_relay_without_a_role_is_preceded_by_one() -> None:
    first, *_ = stream(RELAYED[1:], include_usage=False)
    assert first["choices"][0]["delta"]["role"] == "assistant"


def test_what_an_engine_relays_is_merged_for_a_whole_answer() -> None:
    whole = Whole(LABEL)
    *nothing, answer = [whole.add(event) for event in RELAYED]
    assert nothing == [None, None]
    content = json.loads(answer or b"")
    assert content["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": 'A "choices":[1]!', "refusal": None},
            "finish_reason": "tool_calls",
            "logprobs": None,
        }
    ]
    assert (content["usage"], content["timings"]) == (USAGE, {"ms": 1.5})


def test_estimated_image_tokens_and_notes_are_marked() -> None:
    usage = Usage(10, 4, image_tokens=6, image_tokens_estimated=True)
    metrics = Metrics(0.5, 12.5, 1.5, 0.125, 0.25, "fake", ("The reader answered.",))
    (chunk,) = stream((Served(Finish("stop", usage, LAST), metrics),), include_usage=False)[1:]
    assert chunk["usage"]["prompt_tokens_details"]["image_tokens_estimated"] is True
    assert chunk["x_metrics"]["notes"] == ["The reader answered."]


@both
def test_the_chunks_of_a_stand_in_carry_its_fingerprint_and_say_who_it_is(
    *, include_usage: bool
) -> None:
    metrics = replace(METRICS, engine="reader", notes=("Instead.",))
    events = (StandIn("other"), *EVENTS[:-1], Served(FINISH, metrics))

    chunks = stream(events, include_usage=include_usage)

    assert {chunk["system_fingerprint"] for chunk in chunks} == {"other"}
    assert {chunk["model"] for chunk in chunks} == {"Some/OCR-1B"}
    assert chunks[-1]["x_metrics"] == X_METRICS | {"engine": "reader", "notes": ["Instead."]}
    assert len(chunks) == len(stream(include_usage=include_usage))


def test_the_whole_answer_of_a_stand_in_carries_its_fingerprint() -> None:
    answer = Whole(LABEL)
    assert [answer.add(event) for event in (StandIn("other"), *EVENTS[:-1])] == [None] * 4

    written = json.loads(answer.add(SERVED) or b"")

    assert written["system_fingerprint"] == "other"
    assert written["id"] == "chatcmpl-0123"


@both
def test_what_the_engines_server_calls_itself_is_the_fingerprint(*, include_usage: bool) -> None:
    relays = (Relay((ROLE,), 0, "b8123"), Relay((LAST,), 1))
    end = Served(replace(FINISH, fingerprint="b8123"), METRICS)

    chunks = stream((*relays, end), include_usage=include_usage)
    whole = Whole(LABEL)
    for event in relays:
        whole.add(event)
    answer = json.loads(whole.add(end) or b"")

    assert {chunk["system_fingerprint"] for chunk in chunks} == {"b8123"}
    assert answer["system_fingerprint"] == "b8123"


def test_an_answer_says_how_the_reader_read_and_other_engines_say_nothing() -> None:
    read = Served(Finish("stop", FINISH.usage, profile="fast"), METRICS)
    (*_, chunk) = stream((TextDelta("one", 1), read), include_usage=False)
    assert chunk["x_metrics"]["profile"] == "fast"
    (*_, chunk) = stream((TextDelta("one", 1), SERVED), include_usage=False)
    assert "profile" not in chunk["x_metrics"]
