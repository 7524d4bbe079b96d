"""A started server in front of real engines, flat images whose colours one of them names, and questions."""

import io
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
from PIL import Image as Pillow

from e2e.pages import ask, image_part, text_part
from e2e.server import Server
from engines.real import SIGHTED, Launch, RealEngine, chunks, llama, seeing_llama, started
from models.tiny import ARCHITECTURES, write_tiny

SEER = "Tiny/Seer"
QUESTION = "What colours are the images?"
CAPITAL = "What is the capital of France?"

RGB = {
    "red": (230, 20, 20),
    "green": (20, 200, 40),
    "blue": (20, 40, 230),
    "yellow": (240, 230, 20),
    "black": (10, 10, 10),
    "white": (245, 245, 245),
}
"""The colours that seer knows."""

SIZE = (84, 56)
"""The size of image with which it tells three of them apart best."""

SETTINGS = """
[fetch]
allowed_hosts = ["127.0.0.1"]

[engines.seer]
type = "http"
url = "{seer}"

[models."Tiny/Seer"]
kind = "vision"
engine = "seer"
upstream = "{name}"
"""
TEXT_SETTINGS = """
[engines.{name}]
type = "http"
url = "{url}"

[models."Tiny/{name}"]
kind = "chat"
engine = "{name}"
upstream = "tiny"
"""


@dataclass(frozen=True, slots=True)
class Engines:
    """Our server, the engine that sees, and those that only write, by architecture."""

    server: Server
    seer: RealEngine
    tiny: Mapping[str, RealEngine]

    def client(self) -> openai.OpenAI:
        """The official SDK; the caller closes it."""
        http_client = openai.DefaultHttpxClient(trust_env=False)
        url = f"{self.server.address}/v1"
        return openai.OpenAI(base_url=url, api_key=self.server.key, http_client=http_client)


@contextmanager
def engines(folder: Path) -> Generator[Engines]:
    """A server in front of five engines for the length of a block; all of them must end well."""
    with ExitStack() as stack:
        seer = stack.enter_context(started(seeing_llama(), folder / "seer.log"))
        texts = {
            name: stack.enter_context(started(tiny(folder, name), folder / f"{name}.log"))
            for name in ARCHITECTURES
        }
        sections = [TEXT_SETTINGS.format(name=name, url=each.url) for name, each in texts.items()]
        settings = "".join([SETTINGS.format(seer=seer.url, name=SIGHTED), *sections])
        (folder / "readstone.toml").write_text(settings, encoding="utf-8")
        server = Server(folder)
        stack.callback(server.stop)
        yield Engines(server, seer, texts)
        assert server.stop() == 0
        assert [line for line in server.log if "exception" in line] == []


def tiny(folder: Path, architecture: str, slots: int = 4, context: int = 2048) -> Launch:
    """llama.cpp with a model of an architecture that only writes, made in the folder."""
    model = write_tiny(architecture, folder / f"{architecture}.gguf")
    return llama(model, "tiny", slots=slots, context=context)


def flat(colour: str, form: str = "png") -> bytes:
    """An image of one colour."""
    stream = io.BytesIO()
    Pillow.new("RGB", SIZE, RGB[colour]).save(stream, form)
    return stream.getvalue()


def shown(*colours: str) -> Any:
    """The messages of a request that shows images of these colours and asks for them."""
    return ask(*(image_part(flat(colour)) for colour in colours), text_part(QUESTION))


def read_stream(content: bytes) -> list[Any]:
    """The chunks of our stream, whose last event must be [DONE]."""
    assert content.endswith(b"\n\ndata: [DONE]\n\n")
    return list(chunks(content))


def joined(stream: list[Any], member: str = "content", index: int = 0) -> str:
    """What the deltas of a choice add up to."""
    deltas = [choice for chunk in stream for choice in chunk["choices"] if choice["index"] == index]
    return "".join(delta["delta"].get(member) or "" for delta in deltas)
