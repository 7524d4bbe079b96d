import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.routing import Route, Router

from readstone.api.documentation import Documentation
from readstone.api.errors import STATUS
from readstone.api.http import Door
from readstone.api.openai import schema
from readstone.app import running
from readstone.config import Config
from readstone.core.errors import ClientClosed, MethodNotAllowed
from readstone.core.grant import Grant
from readstone.core.key import mint
from readstone.store.memory import MemoryStore
from unit.api.asgi import Call, ask

NOT_OF_A_DOCUMENTED_ROUTE = {STATUS[ClientClosed][0], STATUS[MethodNotAllowed][0]}


@pytest.fixture
async def document() -> dict[str, Any]:
    return (await ask(Router(Documentation().routes()), "/openapi.json")).json


@pytest.fixture
async def page() -> Call:
    return await ask(Router(Documentation().routes()), "/docs")


async def test_the_document_lists_exactly_the_routes_that_are_served(
    document: dict[str, Any], tmp_path: Path
) -> None:
    async with running(Config(data_dir=tmp_path), MemoryStore()) as run:
        assert isinstance(run.application, Door)
        router = run.application._routes  # pyright: ignore[reportPrivateUsage]
    assert isinstance(router, Router)
    served = {
        (re.sub(r"{\w+:path}", "{model}", route.path), method.lower())
        for route in router.routes
        if isinstance(route, Route)
        for method in (route.methods or {"POST"}) - {"HEAD"}
    }
    listed = {(path, method) for path, verbs in document["paths"].items() for method in verbs}
    assert listed == served - {("/docs", "get"), ("/openapi.json", "get")}
    assert len({path for path, _ in served}) == len(router.routes)


def test_every_status_the_hot_path_may_answer_with_is_documented(document: dict[str, Any]) -> None:
    answers = document["paths"]["/v1/chat/completions"]["post"]["responses"]
    possible = {status for status, _ in STATUS.values()} - NOT_OF_A_DOCUMENTED_ROUTE
    assert set(map(int, answers)) == possible | {200}
    for status in possible:
        assert answers[str(status)]["description"]
        reference = answers[str(status)]["content"]["application/json"]["schema"]["$ref"]
        assert reference == "#/components/schemas/ErrorBody"


def test_a_stream_is_documented_beside_the_whole_answer(document: dict[str, Any]) -> None:
    content = document["paths"]["/v1/chat/completions"]["post"]["responses"]["200"]["content"]
    assert content["application/json"]["schema"]["$ref"].endswith("/ChatCompletion")
    assert content["text/event-stream"]["schema"]["$ref"].endswith("/ChatCompletionEvent")


def test_the_schema_of_a_stream_is_that_of_an_event_whose_data_is_a_chunk(
    document: dict[str, Any],
) -> None:
    event = document["components"]["schemas"]["ChatCompletionEvent"]
    assert event["required"] == ["data"]
    data = event["properties"]["data"]
    assert (data["type"], data["contentMediaType"]) == ("string", "application/json")
    told = [each["$ref"].rsplit("/", 1)[1] for each in data["contentSchema"]["anyOf"]]
    assert told == ["ChatCompletionChunk", "ErrorBody"]


async def test_every_parameter_of_a_query_is_documented_and_no_other_is_taken(
    document: dict[str, Any], tmp_path: Path
) -> None:
    store = MemoryStore()
    key, written = mint("a", 0, Grant(scopes=("api", "admin")))
    await store.add_key(key)
    headers = {"authorization": f"Bearer {written}"}
    async with running(Config(data_dir=tmp_path), store) as run:
        for path in ("/v1/usage", "/v1/admin/usage", "/v1/admin/usage/entries", "/v1/admin/keys"):
            given = document["paths"][path]["get"]["parameters"]
            refused = await ask(
                run.application, path, headers=headers, extra={"query_string": b"x=1"}
            )
            assert refused.status == 400
            listed = ", ".join(sorted(each["name"] for each in given))
            assert (
                refused.json["error"]["message"]
                == f"There is no parameter 'x'; there are {listed}."
            )


def test_public_routes_ask_for_no_key_and_all_others_do(document: dict[str, Any]) -> None:
    for path, verbs in document["paths"].items():
        for operation in verbs.values():
            assert (operation.get("security") == []) == (path in {"/health", "/ready"})
            assert ("401" in operation["responses"]) == path.startswith(("/v1/", "/metrics"))


def test_every_reference_leads_somewhere_and_every_id_is_used_once(
    document: dict[str, Any],
) -> None:
    written = msgspec.json.encode(document).decode()
    names = set(re.findall(r'"#/components/schemas/(\w+)"', written))
    assert names <= set(document["components"]["schemas"])
    ids = re.findall(r'"operationId":"([^"]+)"', written)
    assert len(ids) == len(set(ids)) == sum(map(len, document["paths"].values()))


def test_every_property_of_a_request_is_documented(document: dict[str, Any]) -> None:
    properties = document["components"]["schemas"]["ChatCompletionRequest"]["properties"]
    assert tuple(properties) == schema.ChatCompletionRequest.__struct_fields__


def test_the_page_loads_nothing_from_elsewhere(page: Call) -> None:
    text = page.body.decode()
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    addresses = re.findall(r"""(?:src|href|action|srcset)\s*[=:]\s*["'`]([^"'`]*)""", text)
    assert addresses
    assert [each for each in addresses if not each.startswith(("#", "/openapi.json"))] == []
    assert not re.search(r"https?://|@import|url\(|import\s*\(", text)


def test_the_browser_is_told_to_load_nothing_from_elsewhere(page: Call) -> None:
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "connect-src 'self'" in policy
