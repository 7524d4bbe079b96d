"""Requests are counted by what they were, never by what a client wrote."""

from collections.abc import Callable, Iterator

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from readstone.api.exchange import Exchange
from readstone.api.http import Door
from readstone.api.metering import Metering
from readstone.core.chat import Finish
from readstone.core.errors import ClientClosed, RateLimited
from readstone.core.key import mint
from readstone.core.usage import Metrics, Usage
from readstone.serving.gateway import Served
from readstone.serving.keys import Authenticator
from readstone.store.memory import MemoryStore
from readstone.telemetry.metrics.board import Board
from readstone.telemetry.metrics.exposition import merge, render
from unit.api.asgi import ask

PATH = "/v1/chat/completions"
KEY, WRITTEN = mint("tester", 1_700_000_000)
BEARER = {"authorization": f"Bearer {WRITTEN}"}
SERVED = Served(
    Finish("stop", Usage(prompt_tokens=700, completion_tokens=31, image_tokens=650, pages=2)),
    Metrics(
        ttft_seconds=0.03,
        tps=30.0,
        total_time_seconds=1.0,
        image_seconds=0.0,
        queue_seconds=0.02,
        engine="reader",
    ),
)


class Answers:
    """Answers for a model, or raises what it was given."""

    error: Exception | None = None
    look: Callable[[], float] | None = None
    seen = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive, send
        exchange: Exchange = scope["exchange"]
        exchange.notes["model"] = "readstone-ocr"
        if self.look is not None:
            self.seen = self.look()
        if self.error is not None:
            raise self.error
        exchange.served = SERVED
        await exchange.answer(200, {}, {})


async def models(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.path_params["model"])


@pytest.fixture
def board() -> Iterator[Board]:
    board = Board()
    yield board
    board.close()


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
async def door(board: Board, answers: Answers) -> Door:
    store = MemoryStore()
    await store.add_key(KEY)
    routes = [Route(PATH, answers), Route("/v1/models/{model:path}", models)]
    metering = Metering(board, [route.path for route in routes], {PATH: "chat"})
    return Door(Router(routes), Authenticator(store), meter=metering)


def lines(board: Board) -> dict[str, float]:
    text = render(merge(board.read()))
    pairs = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {series: float(number) for series, _, number in pairs if float(number)}


OPERATION = (
    'gen_ai_operation_name="chat",gen_ai_provider_name="readstone",'
    'gen_ai_request_model="readstone-ocr"'
)
CHAT = 'http_route="/v1/chat/completions",gen_ai_request_model="readstone-ocr"'


async def test_an_answer_is_counted_with_its_tokens_pages_and_times(
    door: Door, board: Board
) -> None:
    for _ in range(2):
        assert (await ask(door, PATH, method="POST", headers=BEARER)).status == 200

    told = lines(board)
    usage = f"gen_ai_client_token_usage_sum{{{OPERATION},gen_ai_token_type="
    assert (
        told[f'readstone_requests_total{{{CHAT},http_response_status_code="200",error_type=""}}']
        == 2
    )
    assert told[f'{usage}"input"}}'] == 1400
    assert told[f'{usage}"output"}}'] == 62
    assert told['readstone_pages_total{gen_ai_request_model="readstone-ocr"}'] == 4
    assert told[f"gen_ai_server_time_to_first_token_seconds_sum{{{OPERATION}}}"] == pytest.approx(
        0.06
    )
    assert told[f"gen_ai_server_time_per_output_token_seconds_count{{{OPERATION}}}"] == 2
    assert told[f'gen_ai_server_request_duration_seconds_count{{{OPERATION},error_type=""}}'] == 2
    assert told['readstone_queue_duration_seconds_count{gen_ai_request_model="readstone-ocr"}'] == 2
    assert (
        told[
            'http_server_request_duration_seconds_count{http_request_method="POST",'
            'http_route="/v1/chat/completions",http_response_status_code="200"}'
        ]
        == 2
    )
    assert "readstone_requests_active" not in told


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RateLimited(limit="pages"), "429", "rate_limit_exceeded"),
        (ClientClosed(), "499", "client_closed"),
        (ValueError("secret"), "500", "internal_error"),
    ],
)
async def test_a_failure_is_counted_by_its_code(
    door: Door, board: Board, answers: Answers, error: Exception, status: str, code: str
) -> None:
    answers.error = error

    await ask(door, PATH, method="POST", headers=BEARER)

    told = lines(board)
    sort = f'{CHAT},http_response_status_code="{status}",error_type="{code}"'
    assert told[f"readstone_requests_total{{{sort}}}"] == 1
    assert (
        told[f'gen_ai_server_request_duration_seconds_count{{{OPERATION},error_type="{code}"}}']
        == 1
    )
    refusals = [series for series in told if series.startswith("readstone_limit_refusals_total")]
    assert bool(refusals) == isinstance(error, RateLimited)
    assert all('readstone_limit="pages"' in series for series in refusals)
    assert not [series for series in told if "token" in series]


async def test_what_clients_write_becomes_no_label(door: Door, board: Board) -> None:
    await ask(door, "/v1/models/some/model", headers=BEARER)
    await ask(door, "/v1/models/other", headers=BEARER)
    await ask(door, "/v1/forged", headers=BEARER)
    await ask(door, "/v1/forged/again", method="FORGE", headers=BEARER)

    told = lines(board)

    counted = {series: number for series, number in told.items() if "_seconds_count" in series}
    assert counted == {
        'http_server_request_duration_seconds_count{http_request_method="GET",'
        'http_route="/v1/models/{model:path}",http_response_status_code="200"}': 2,
        'http_server_request_duration_seconds_count{http_request_method="GET",'
        'http_route="",http_response_status_code="404"}': 1,
        'http_server_request_duration_seconds_count{http_request_method="_OTHER",'
        'http_route="",http_response_status_code="404"}': 1,
    }


async def test_wrong_keys_are_counted(door: Door, board: Board) -> None:
    await ask(door, PATH, method="POST", headers={"authorization": f"Bearer {WRITTEN[:-1]}x"})
    await ask(door, PATH, method="POST")

    assert lines(board)['readstone_key_failures_total{error_type="invalid_api_key"}'] == 2


async def test_a_request_is_active_until_it_ends(
    door: Door, board: Board, answers: Answers
) -> None:
    answers.look = lambda: lines(board)["readstone_requests_active"]

    await ask(door, PATH, method="POST", headers=BEARER)

    assert answers.seen == 1
    assert "readstone_requests_active" not in lines(board)
