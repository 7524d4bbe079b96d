"""Tools on llama.cpp: refused where its server says that the model has no place for them, and chosen in words; other servers are left alone."""

import json
from dataclasses import replace
from typing import Any

import pytest

from readstone.core.chat import Message
from readstone.core.errors import UnsupportedParameter
from readstone.engines.http.client import Client
from readstone.engines.http.target import parse_target
from readstone.engines.http.template import Template
from unit.engines.http.test_engine import request, status
from unit.engines.http.upstream import Upstream, Visit

TOOLS = b'[{"type": "function", "function": {"name": "f"}}]'


class Props:
    """A server that answers each question for its properties with the next of `answers`, and then with the last."""

    def __init__(self, *answers: bytes) -> None:
        self.paths: list[str] = []
        self._answers = answers

    async def __call__(self, visit: Visit) -> None:
        while True:
            head, _ = await visit.listen()
            self.paths.append(head[0])
            await visit.say(self._answers[min(len(self.paths), len(self._answers)) - 1])


def told(*, tools: bool, calls: bool = True) -> bytes:
    able = {"supports_tools": tools, "supports_tool_calls": calls}
    return status(200, {"chat_template_caps": able, "default_generation_settings": {}})


async def checked(server: Props, *tools: bytes, is_known: bool = True) -> list[bool]:
    """Whether each of several requests, one after the other, was let through, or refused because of its tools."""
    outcomes: list[bool] = []
    async with Upstream(server).open() as upstream:
        client = Client(parse_target(f"{upstream.url}/v1"))
        await client.start()
        template = Template(client, is_known=is_known)
        for raw in tools:
            try:
                await template.fitted(request(tools=raw) if raw else request())
            except UnsupportedParameter as error:
                outcomes.append(error.param != "tools")
            else:
                outcomes.append(True)
        await client.stop()
    return outcomes


@pytest.mark.parametrize("takes", [True, False])
@pytest.mark.parametrize("is_known", [True, False])
async def test_the_server_is_asked_once_and_only_where_there_are_tools(
    *, takes: bool, is_known: bool
) -> None:
    server = Props(told(tools=takes))

    assert await checked(server, b"", b"[]", b"null", is_known=is_known) == [True] * 3
    assert server.paths == []
    assert await checked(server, TOOLS, TOOLS, is_known=is_known) == [takes] * 2
    assert server.paths == ["GET /props?model=inner HTTP/1.1"]


@pytest.mark.parametrize(
    "answer", [status(404, {}), status(200, {}), status(200, []), status(501, {"error": "off"})]
)
async def test_what_nobody_tells_is_passed_on(answer: bytes) -> None:
    assert await checked(Props(answer), TOOLS) == [True]


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_server_that_is_not_up_is_asked_again(*, is_known: bool) -> None:
    server = Props(status(503, {}), told(tools=False))
    assert await checked(server, TOOLS, TOOLS, is_known=is_known) == [True, False]


@pytest.mark.parametrize(
    "answer",
    [
        status(404, {}),
        status(401, {"error": "whose key is that?"}),
        status(500, {}),
        status(200, {"chat_template_caps": {"supports_tools": False}}),
        status(200, "<html>"),
    ],
)
async def test_a_server_that_is_not_llama_cpp_is_asked_once_and_left_alone(answer: bytes) -> None:
    server = Props(answer)
    assert await checked(server, TOOLS, TOOLS, TOOLS, is_known=False) == [True] * 3
    assert len(server.paths) == 1


async def test_a_server_that_was_away_is_asked_again() -> None:
    server = Props(told(tools=True), told(tools=False))
    async with Upstream(server).open() as upstream:
        client = Client(parse_target(f"{upstream.url}/v1"))
        await client.start()
        template = Template(client, is_known=False)
        await template.fitted(request(tools=TOOLS))
        template.forget()
        with pytest.raises(UnsupportedParameter):
            await template.fitted(request(tools=TOOLS))
        await client.stop()


@pytest.mark.parametrize(
    ("calls", "raw", "is_refused"),
    [(False, b'[{"id":"c"}]', True), (True, b'[{"id":"c"}]', False), (False, b" null", False)],
)
async def test_calls_of_tools_that_a_template_would_drop_are_refused(
    *, calls: bool, raw: bytes, is_refused: bool
) -> None:
    said = Message("assistant", (), {"tool_calls": raw})
    async with Upstream(Props(told(tools=True, calls=calls))).open() as upstream:
        client = Client(parse_target(f"{upstream.url}/v1"))
        await client.start()
        asked = replace(request(), messages=(*request().messages, said))
        refusal = None
        try:
            await Template(client, is_known=False).fitted(asked)
        except UnsupportedParameter as error:
            refusal = error.param
        await client.stop()
    assert refusal == ("messages" if is_refused else None)


TWO = b'[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g","x":1}}]'
SECOND = [{"type": "function", "function": {"name": "g", "x": 1}}]


def allowed(mode: str, *names: str) -> bytes:
    tools = [{"type": "function", "function": {"name": name}} for name in names]
    return json.dumps(
        {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}
    ).encode()


async def fitted(choice: bytes, answer: bytes = told(tools=True)) -> dict[str, Any]:
    async with Upstream(Props(answer)).open() as upstream:
        client = Client(parse_target(f"{upstream.url}/v1"))
        await client.start()
        found = await Template(client, is_known=False).fitted(
            request(tools=TWO, tool_choice=choice)
        )
        await client.stop()
    return {name: json.loads(raw) for name, raw in found.extras.items()}


@pytest.mark.parametrize(
    ("choice", "mode"),
    [
        (b' {"type":"function","function":{"name":"g"}}', "required"),
        (allowed("required", "g"), "required"),
        (allowed("auto", "g", "h"), "auto"),
    ],
)
async def test_a_function_that_is_chosen_is_the_only_tool(choice: bytes, mode: str) -> None:
    assert await fitted(choice) == {"tools": SECOND, "tool_choice": mode}


async def test_a_choice_is_left_as_it_is_for_a_server_that_is_not_llama_cpp() -> None:
    choice = {"type": "function", "function": {"name": "g"}}
    found = await fitted(json.dumps(choice).encode(), status(404, {}))
    assert found == {"tools": json.loads(TWO), "tool_choice": choice}


@pytest.mark.parametrize("choice", ["auto", "required"])
async def test_a_choice_that_is_a_word_is_passed_on(choice: str) -> None:
    found = await fitted(json.dumps(choice).encode())
    assert found == {"tools": json.loads(TWO), "tool_choice": choice}


@pytest.mark.parametrize(
    "choice",
    [
        allowed("auto", "h"),
        b"{}",
        b'{"type":"custom","custom":{"name":"g"}}',
        b'{"type":"function","function":"g"}',
    ],
)
async def test_a_choice_that_cannot_be_made_is_refused(choice: bytes) -> None:
    with pytest.raises(UnsupportedParameter) as caught:
        await fitted(choice)
    assert caught.value.param == "tool_choice"
