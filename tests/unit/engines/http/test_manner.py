"""What a server does not take of what we add to a request: it is asked once more without, and then no more with it."""

import json
from dataclasses import replace
from typing import Any

import pytest

from readstone.core.chat import ChatRequest, Finish
from readstone.core.errors import InvalidRequest
from unit.engines.http.test_engine import ANSWER, Asked, engine_of, events_of, request, status

LENGTH = (
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    "max_tokens",
    "unsupported_parameter",
)
WARMTH = (
    "Unsupported value: 'temperature' does not support 0.7 with this model. Only the default (1) value is supported.",
    "temperature",
    "unsupported_value",
)
TOP_P = ("Unsupported parameter: 'top_p' is not supported with this model.", "top_p", None)
FORBIDDEN = {"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs"}
ALL = frozenset({"max_tokens", "temperature", "top_p"})


def refusal(message: str, param: str | None, code: str | None) -> bytes:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return status(400, {"error": error})


async def asked(*answers: bytes, left: frozenset[str] = ALL, times: int = 1) -> list[Any]:
    """What a server was sent that answers so, where the client left those properties to the model."""
    script = Asked(*answers)
    given = replace(request(), defaulted=left)
    async with engine_of(script) as engine:
        for _ in range(times):
            *_, finish = await events_of(engine, given)
            assert isinstance(finish, Finish)
    return script.bodies


async def test_a_length_goes_under_the_name_that_the_server_asks_for() -> None:
    first, second, third = await asked(refusal(*LENGTH), ANSWER, times=2)
    assert (first["max_tokens"], second["max_completion_tokens"]) == (4096, 4096)
    assert "max_tokens" not in second
    assert third == second


async def test_a_length_of_the_clients_own_does_too() -> None:
    _, second = await asked(refusal(*LENGTH), ANSWER, left=frozenset())
    assert second["max_completion_tokens"] == 4096


async def test_all_that_a_server_does_not_take_is_left_out_one_after_the_other() -> None:
    answers = [refusal(*LENGTH), refusal(*WARMTH), refusal(*TOP_P)]
    *_, last = await asked(*answers, ANSWER)
    assert last.keys() & {"max_tokens", "temperature", "top_p"} == set()
    assert last["max_completion_tokens"] == 4096


async def test_usage_is_not_asked_for_where_that_is_refused() -> None:
    first, second = await asked(status(422, {"detail": [FORBIDDEN]}), ANSWER)
    assert "stream_options" in first
    assert "stream_options" not in second
    assert second["stream"] is True


async def failed(given: ChatRequest, *answers: bytes) -> tuple[InvalidRequest, int]:
    script = Asked(*answers)
    async with engine_of(script) as engine:
        with pytest.raises(InvalidRequest) as caught:
            await events_of(engine, given)
    return caught.value, len(script.bodies)


async def test_what_the_client_wrote_is_refused() -> None:
    error, times = await failed(replace(request(), defaulted=frozenset()), refusal(*WARMTH))
    assert (error.param, times) == ("temperature", 1)


async def test_a_server_that_refuses_the_same_again_is_not_asked_for_ever() -> None:
    for said in (LENGTH, WARMTH):
        _, times = await failed(replace(request(), defaulted=ALL), refusal(*said))
        assert times == 2


async def test_another_client_s_own_value_is_sent_though_the_default_was_refused() -> None:
    script = Asked(refusal(*WARMTH), ANSWER)
    async with engine_of(script) as engine:
        await events_of(engine, replace(request(), defaulted=ALL))
        await events_of(engine, replace(request(), defaulted=frozenset()))
    assert ["temperature" in body for body in script.bodies] == [True, False, True]


async def test_a_refusal_of_something_else_changes_nothing() -> None:
    said = json.dumps(
        {"error": {"message": "max_tokens must be at least 1", "param": "max_tokens"}}
    )
    error, times = await failed(replace(request(), defaulted=ALL), status(400, json.loads(said)))
    assert (error.param, times) == ("max_tokens", 1)
