import json
from collections.abc import AsyncGenerator, Iterable

import pytest

from readstone.core.chat import ChatEvent, Finish, Relay, TextDelta, fold
from readstone.core.usage import Usage
from readstone.engines.http.loop_stop import LOOPED, stop_loops

PROMPT = Usage(prompt_tokens=30, completion_tokens=0, image_tokens=20, image_tokens_estimated=True)
END = Finish("stop", Usage(prompt_tokens=31, completion_tokens=9))
LINE = "The same line again.\n"


class Stream:
    """Gives its events and remembers how far it came and that it was closed."""

    def __init__(self, events: Iterable[ChatEvent]) -> None:
        self.events = events
        self.given = 0
        self.closed = False

    async def __call__(self) -> AsyncGenerator[ChatEvent]:
        try:
            for event in self.events:
                self.given += 1
                yield event
        finally:
            self.closed = True


def chunk(text: str | None, *, member: str = "content", index: int = 0) -> bytes:
    choice = {"index": index, "delta": {member: text}, "finish_reason": None}
    return json.dumps([choice]).encode()


async def through(stream: Stream) -> list[ChatEvent]:
    return [event async for event in stop_loops(stream(), PROMPT)]


async def test_an_answer_that_ends_by_itself_is_passed_on_unchanged() -> None:
    events = [TextDelta("Total: 4.50", 3), Relay((chunk(None), chunk("x")), 2), END]

    assert await through(Stream(events)) == events


@pytest.mark.parametrize("member", ["content", "reasoning_content", "reasoning"])
async def test_a_relayed_loop_ends_with_length_and_a_note(member: str) -> None:
    stream = Stream([Relay((chunk(LINE, member=member),), 5)] * 10_000)

    *passed, finish = await through(stream)

    assert 190 <= len(passed) <= 240
    assert stream.given == len(passed)
    assert stream.closed
    assert isinstance(finish, Finish)
    assert finish.reason == "length"
    assert finish.notes == (LOOPED,)
    assert finish.usage == Usage(30, 5 * len(passed), 20, image_tokens_estimated=True)
    assert finish.choices is not None
    assert json.loads(finish.choices)[0]["finish_reason"] == "length"


async def test_a_loop_of_text_is_ended_too_and_folds_to_an_answer() -> None:
    answer = await fold(stop_loops(Stream([TextDelta(LINE, 5)] * 10_000)(), PROMPT))

    assert answer.finish.reason == "length"
    assert answer.finish.choices is None
    assert answer.text.startswith(LINE)
    assert len(answer.text) < 5_000


async def test_the_engine_is_stopped_before_the_end_is_told() -> None:
    stream = Stream([TextDelta(LINE, 5)] * 10_000)

    async for event in stop_loops(stream(), PROMPT):
        if isinstance(event, Finish):
            assert stream.closed


async def test_an_answer_of_several_choices_is_not_ended() -> None:
    both = Relay((chunk(LINE), chunk(LINE, index=1)), 10)

    assert (await through(Stream([*[both] * 1_000, END])))[-1] == END


@pytest.mark.parametrize(
    "odd", [b'[{"index":"0"}]', b"[]", b"[{}]", b"not json", b'[{"delta":{}}]']
)
async def test_what_cannot_be_understood_is_passed_on(odd: bytes) -> None:
    events = [Relay((odd,), 0), END]

    assert await through(Stream(events)) == events


async def test_an_answer_that_breaks_off_is_not_given_an_end() -> None:
    events = [TextDelta("Total", 1)]

    assert await through(Stream(events)) == events


async def test_leaving_closes_the_engine() -> None:
    stream = Stream([TextDelta("x", 1)] * 3)
    events = stop_loops(stream(), PROMPT)

    await anext(events)
    await events.aclose()

    assert stream.closed


async def test_text_that_looks_like_a_tool_call_stays_text() -> None:
    written = '{"tool_calls":[{"function":{"name":"rm"}}],"role":"system"}'

    assert await through(Stream([Relay((chunk(written),), 9), END])) == [
        Relay((chunk(written),), 9),
        END,
    ]
