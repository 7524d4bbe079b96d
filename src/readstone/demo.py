"""The first page: read a sample document through the running server, as any client would."""

import asyncio
import base64
import http.client
import json
import time
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from urllib.parse import urlsplit

import msgspec

from readstone.api.openai.schema import ChatCompletion
from readstone.core.key import mint
from readstone.store import Store

_KEY_NAME = "demo"
_MODEL = "readstone-ocr"
_POLL_SECONDS = 0.2
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer."""

    status: int
    content: bytes


async def show_first_page(address: str, store: Store) -> None:
    """Print a sample document's text as `POST /v1/chat/completions` gives it, and how to call it again.

    The call is made with a new key called `demo`; an earlier one is revoked, as its secret is not kept.
    """
    now = int(time.time())
    for old in await store.list_keys():
        if old.name == _KEY_NAME and old.revoked_at is None:
            await store.revoke_key(old.public_id, now)
    key, written = mint(_KEY_NAME, now)
    await store.add_key(key)
    try:
        reply = await asyncio.to_thread(_read_sample, address, written)
    except (OSError, http.client.HTTPException) as error:
        print(f"The sample page could not be read: {error}", flush=True)
        return
    if reply.status != http.client.OK:
        print(f"The sample page could not be read: {reply.content.decode()}", flush=True)
        return
    print(
        _report(address, written, msgspec.json.decode(reply.content, type=ChatCompletion)),
        flush=True,
    )


def _read_sample(address: str, key: str) -> Reply:
    print("Reading a sample page: the reader's models are being loaded …", flush=True)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while _call(address, "GET", "/ready").status != http.client.OK and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    image = base64.b64encode(_sample().read_bytes()).decode()
    part = {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{image}"}}
    body = {"model": _MODEL, "messages": [{"role": "user", "content": [part]}]}
    headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
    return _call(address, "POST", "/v1/chat/completions", json.dumps(body), headers)


def _call(
    address: str,
    method: str,
    path: str,
    body: str | None = None,
    headers: dict[str, str] | None = None,
) -> Reply:
    url = urlsplit(address)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=_PATIENCE_SECONDS)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return Reply(answer.status, answer.read())
    finally:
        connection.close()


def _sample() -> Traversable:
    return files("readstone").joinpath("assets/sample.jpg")


def _report(address: str, key: str, answer: ChatCompletion) -> str:
    text = answer.choices[0].message.content
    seconds = answer.x_metrics.total_time_seconds
    tokens = answer.usage.completion_tokens
    return f"""
--- {_sample()} ---
{text}
--- {tokens} tokens in {seconds:.2f} s ---

Read a page of your own (curl):

  printf '{{"model":"{_MODEL}","messages":[{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"data:image/jpeg;base64,%s"}}}}]}}]}}' \\
    "$(base64 -w0 page.jpg)" | curl {address}/v1/chat/completions -H 'Authorization: Bearer {key}' -d @-

or with the OpenAI SDK (pip install openai):

  import base64, openai
  client = openai.OpenAI(base_url="{address}/v1", api_key="{key}")
  image = base64.b64encode(open("page.jpg", "rb").read()).decode()
  answer = client.chat.completions.create(model="{_MODEL}", messages=[{{"role": "user", "content": [
      {{"type": "text", "text": "Extract all text as markdown."}},
      {{"type": "image_url", "image_url": {{"url": f"data:image/jpeg;base64,{{image}}"}}}}]}}])
  print(answer.choices[0].message.content)

The server goes on; stop it with Ctrl-C.
"""
