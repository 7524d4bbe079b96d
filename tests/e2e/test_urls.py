"""Images and PDFs by URL through the official SDK, from a site on this machine that the server may reach."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest

import pdfs
from e2e.pages import MODEL, ask, body, document, drawn, image_part, text_part, truth, word_f1
from e2e.server import Server
from e2e.site import Site, Stand, site
from pdfs import LETTER, OTHER, Sheet

pytestmark = pytest.mark.e2e

SETTINGS = """
[fetch]
allowed_hosts = ["127.0.0.1"]
total_seconds = 1.0

[limits]
image_bytes = 2_000_000
document_bytes = 2_000_000
"""
PDF = pdfs.pdf(Sheet(pdfs.text(LETTER)), Sheet(pdfs.text(OTHER)))


@pytest.fixture(scope="module")
def reaching(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """A server that may fetch from this machine."""
    folder = tmp_path_factory.mktemp("reaching")
    (folder / "readstone.toml").write_text(SETTINGS, encoding="utf-8")
    started = Server(folder)
    yield started
    assert started.stop() == 0
    assert [line for line in started.log if "exception" in line] == []


@pytest.fixture
def reader(reaching: Server) -> Generator[openai.OpenAI]:
    http_client = openai.DefaultHttpxClient(trust_env=False)
    with openai.OpenAI(
        base_url=f"{reaching.address}/v1", api_key=reaching.key, http_client=http_client
    ) as client:
        yield client


@pytest.fixture
def web() -> Generator[Site]:
    with site(
        receipt=Stand(document("receipt.jpg"), headers={"Content-Type": "text/plain"}),
        one=Stand(drawn(1, "One")),
        three=Stand(drawn(1, "Three")),
        fresh=Stand(drawn(1, "Fresh"), headers={"Cache-Control": "no-store"}),
        moved=Stand(status=302, headers={"Location": "/one"}),
        away=Stand(status=302, headers={"Location": "http://localhost:9/secret-place"}),
        secret=Stand(b"<html>secret words</html>", headers={"Content-Type": "image/png"}),
        large=Stand(drawn(1, "Large") + b"\0" * 2_000_000),
        slow=Stand(silent=True),
        paper=Stand(PDF),
    ) as opened:
        yield opened


def url_part(url: str) -> Any:
    return {"type": "image_url", "image_url": {"url": url}}


def read(client: openai.OpenAI, *parts: Any, **properties: Any) -> Any:
    create: Any = client.chat.completions.create
    return create(model=MODEL, messages=ask(*parts), **properties)


def text_of(answer: Any) -> str:
    return str(answer.choices[0].message.content)


def test_an_image_by_url_is_read_whatever_type_its_server_names(
    reader: openai.OpenAI, web: Site
) -> None:
    answer = read(reader, text_part("Extract all text."), url_part(web.url("/receipt")))
    assert word_f1(text_of(answer), truth("receipt.jpg")) >= 0.9
    assert answer.usage.prompt_tokens_details.model_dump()["image_tokens"] > 0


def test_an_image_by_url_is_streamed(reader: openai.OpenAI, web: Site) -> None:
    stream = read(reader, url_part(web.url("/receipt")), stream=True)
    pieces = [chunk.choices[0].delta.content or "" for chunk in stream]
    assert len(pieces) > 10
    assert word_f1("".join(pieces), truth("receipt.jpg")) >= 0.9


def test_images_by_url_and_inline_are_read_in_their_order(reader: openai.OpenAI, web: Site) -> None:
    inline = [image_part(drawn(1, word)) for word in ("Two", "Four")]
    parts = [url_part(web.url("/one")), inline[0], url_part(web.url("/three")), inline[1]]
    texts = text_of(read(reader, *parts)).split("\n\f")
    assert [text.split()[0] for text in texts] == ["One", "Two", "Three", "Four"]


def test_requests_for_one_url_fetch_it_once(reader: openai.OpenAI, web: Site) -> None:
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(read, reader, url_part(web.url("/one"))) for _ in range(4)]
        answers = [text_of(call.result()) for call in calls]
    answers.append(text_of(read(reader, url_part(web.url("/one")))))
    assert set(answers) == {"One number 0 of many"}
    assert web.asked == {"/one": 1}


def test_what_a_server_asks_not_to_keep_is_fetched_again(reader: openai.OpenAI, web: Site) -> None:
    for _ in range(2):
        assert text_of(read(reader, url_part(web.url("/fresh")))).startswith("Fresh")
    assert web.asked == {"/fresh": 2}


def test_a_redirect_is_followed(reader: openai.OpenAI, web: Site) -> None:
    assert text_of(read(reader, url_part(web.url("/moved")))).startswith("One")
    assert web.asked == {"/moved": 1, "/one": 1}


def test_a_pdf_by_url_is_read_page_by_page(reader: openai.OpenAI, web: Site) -> None:
    assert text_of(read(reader, url_part(web.url("/paper")))) == f"{LETTER}\n\f{OTHER}"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("path", "status", "code", "says"),
    [
        ("/nothing", 400, "image_fetch_failed", "answered with status 404"),
        ("/secret", 400, "image_fetch_failed", "what it leads to is"),
        ("/large", 413, "request_too_large", "more than 2000000 bytes"),
        ("/slow", 400, "image_fetch_failed", "did not answer in time"),
        ("/away", 400, "unsupported_image_url", "redirects to a URL that is not allowed"),
    ],
)
def test_what_cannot_be_fetched_is_refused_with_the_name_of_its_host_only(
    *,
    reader: openai.OpenAI,
    web: Site,
    path: str,
    status: int,
    code: str,
    says: str,
    stream: bool,
) -> None:
    url = web.url(path)
    with pytest.raises(openai.APIStatusError, match=says) as caught:
        read(reader, text_part("Read."), url_part(url), stream=stream)
    error = caught.value
    assert (error.status_code, error.code) == (status, code)
    assert error.param == "messages[0].content[1].image_url.url"
    told = error.response.json()["error"]["message"]
    assert "'127.0.0.1'" in told
    assert not any(word in told for word in (path, str(web.server_port), "secret", "localhost"))
    assert web.asked == {path: 1}


def test_a_slow_site_is_left(reader: openai.OpenAI, web: Site) -> None:
    with pytest.raises(openai.BadRequestError):
        read(reader, url_part(web.url("/slow")))
    assert web.left.wait(30)


def test_without_the_setting_nothing_is_connected_to(server: Server, web: Site) -> None:
    reply = server.chat(body(url_part(web.url("/one"))))
    assert (reply.status, reply.error["code"]) == (400, "unsupported_image_url")
    assert reply.error["param"] == "messages[0].content[0].image_url.url"
    assert web.connections == 0
