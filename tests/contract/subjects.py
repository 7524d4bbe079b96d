"""The engines that the contract suite is about: each with a request it answers, one it refuses, and one that is long."""

import io
import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from e2e.engines import CAPITAL
from engines.real import Elsewhere, Launch, RealEngine, elsewhere, seeing_llama, started
from models.tiny import SEER
from readstone.config import (
    READER,
    Config,
    HTTPConfig,
    LlamaCppConfig,
    ModelConfig,
    ReaderConfig,
)
from readstone.core.chat import ChatRequest, Image, ImagePart, Message, TextPart
from readstone.core.engine import Engine
from readstone.core.model import Model
from readstone.engines.assembly import build_engines
from readstone.engines.fake import HELLO, FakeEngine
from readstone.engines.pool.lane import Member
from readstone.engines.pool.pool import Pool
from readstone.serving.catalogue import EMBEDDED

TOOLS = b"[1]"
"""What is no list of tools."""
LONG = 1900
"""Tokens of an answer that is still written when its engine is stopped."""


@dataclass(frozen=True, slots=True)
class Subject:
    """An engine to hold to the contract, and what to ask it; `long` takes it a while, where it can be asked for that."""

    engine: Engine
    answered: ChatRequest
    refused: ChatRequest
    long: ChatRequest | None = None


class Grounds:
    """What subjects stand on: a folder, and engines that run elsewhere, started when one is first wanted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stack = ExitStack()
        self._running: dict[str, RealEngine] = {}

    def run(self, name: str, launch: Callable[[], Launch]) -> RealEngine:
        """The running engine of that name."""
        if name not in self._running:
            engine = started(launch(), self.folder / f"{name}.log")
            self._running[name] = self._stack.enter_context(engine)
        return self._running[name]

    def clear(self) -> None:
        """End every engine."""
        self._stack.close()


Make = Callable[[Grounds], Subject]


def request(
    *parts: TextPart | ImagePart, model: Model = EMBEDDED, most: int = 1000, **extras: bytes
) -> ChatRequest:
    return ChatRequest(
        key_id="tester",
        id="req_1",
        model=model,
        model_name=model.id,
        messages=(Message("user", parts),),
        max_tokens=most,
        temperature=0.0,
        top_p=1.0,
        arrived=0.0,
        extras=extras,
    )


def fake(_: Grounds) -> Subject:
    engine = FakeEngine(*HELLO, refused=frozenset({"tools"}))
    return Subject(engine, request(TextPart("Hi")), request(TextPart("Hi"), tools=TOOLS))


def pool(_: Grounds) -> Subject:
    refused = frozenset({"tools"})
    members = [Member(FakeEngine(name=name, refused=refused), 4) for name in ("one", "two")]
    asked = request(TextPart("Hi"))
    return Subject(Pool("pool", members), asked, request(TextPart("Hi"), tools=TOOLS))


def reader(_: Grounds) -> Subject:
    page = ImagePart(picture(lines=6))
    engine = build_engines(Config(reader=ReaderConfig(threads=1)), cores=1)[READER].engine
    return Subject(
        engine,
        request(page),
        request(page, tools=TOOLS),
        request(ImagePart(picture(lines=40))),
    )


def http(grounds: Grounds) -> Subject:
    """Our engine in front of llama.cpp's server."""
    return in_front_of(grounds.run("llama", seeing_llama))


def vllm(grounds: Grounds) -> Subject:
    """Our engine in front of vLLM."""
    return in_front_of(grounds.run("vllm", lambda: elsewhere("vllm")))


def transformers(grounds: Grounds) -> Subject:
    """Our engine in front of transformers' server, which ignores what it does not honour: so we refuse it."""
    return in_front_of(
        grounds.run("transformers", lambda: elsewhere("transformers")),
        refuses=("response_format", "tools"),
    )


def in_front_of(running: RealEngine, refuses: tuple[str, ...] = ()) -> Subject:
    section = HTTPConfig(url=running.url, refuses=refuses)
    return seeing("upstream", section, running.name, Config())


def llamacpp(grounds: Grounds) -> Subject:
    """llama.cpp's server as a child of our engine."""
    section = LlamaCppConfig(
        model=str(SEER / "seer.gguf"),
        mmproj=str(SEER / "seer-mmproj.gguf"),
        context=2048,
        threads=1,
    )
    return seeing("child", section, "seer", Config(data_dir=grounds.folder))


def seeing(
    name: str, section: HTTPConfig | LlamaCppConfig, upstream: str, config: Config
) -> Subject:
    entry = ModelConfig(kind="vision", engine=name, upstream=upstream)
    made = replace(config, engines={name: section}, models={"Tiny/Seer": entry})
    engine = build_engines(made, cores=1)[name].engine
    model = replace(EMBEDDED, id="Tiny/Seer", kind="vision", engine=name, upstream=upstream)
    # No image: what makes them ready is the reader's worker, which runs only where the reader does.
    question = TextPart(CAPITAL)
    sound = json.dumps({"type": "sound"}).encode()
    return Subject(
        engine,
        request(question, model=model),
        request(question, model=model, response_format=sound),
        request(question, model=model, most=LONG, ignore_eos=b"true"),
    )


MAKE: Mapping[str, Make] = {
    "fake": fake,
    "pool": pool,
    "reader": reader,
    "http": http,
    "llamacpp": llamacpp,
}
ELSEWHERE: Mapping[Elsewhere, Make] = {"vllm": vllm, "transformers": transformers}
"""Those that `./run engines` installs and holds to the contract."""


def picture(lines: int) -> Image:
    page = Pillow.new("L", (500, 40 + 44 * lines), 255)
    draw = ImageDraw.Draw(page)
    for line in range(lines):
        text = f"Line {line} of the page"
        draw.text((20, 20 + 44 * line), text, 0, font=ImageFont.load_default(size=28))
    stream = io.BytesIO()
    page.save(stream, "png")
    return Image(stream.getvalue(), "png", *page.size, "image")
