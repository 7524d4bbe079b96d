from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import openai
import pytest

from e2e.engines import Engines
from e2e.engines import engines as started_engines
from e2e.pages import ALIAS
from e2e.server import Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """The server that most tests share; it must end well after all of them."""
    folder = tmp_path_factory.mktemp("server")
    settings = f'[models.readstone-ocr]\naliases = ["{ALIAS}"]\n'
    (folder / "readstone.toml").write_text(settings, encoding="utf-8")
    started = Server(folder)
    yield started
    assert started.stop() == 0
    assert [line for line in started.log if "exception" in line] == []


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Generator[Engines]:
    """A server in front of real engines, which the tests about engines share."""
    with started_engines(tmp_path_factory.mktemp("engines")) as started:
        yield started


@pytest.fixture
def own_server(tmp_path: Path) -> Generator[Server]:
    """A server of the test's own, to be ended by it."""
    started = Server(tmp_path)
    yield started
    if started.process.poll() is None:
        started.stop()


@pytest.fixture
def client(server: Server) -> Generator[openai.OpenAI]:
    """The official SDK as its users make it, but for the proxies of the machine."""
    http_client = openai.DefaultHttpxClient(trust_env=False)
    with openai.OpenAI(
        base_url=f"{server.address}/v1", api_key=server.key, http_client=http_client
    ) as client:
        yield client


@pytest.fixture
async def async_client(server: Server) -> AsyncGenerator[openai.AsyncOpenAI]:
    http_client = openai.DefaultAsyncHttpxClient(trust_env=False)
    async with openai.AsyncOpenAI(
        base_url=f"{server.address}/v1", api_key=server.key, http_client=http_client
    ) as client:
        yield client
