"""An extractor to be asked, and what it is asked."""

import json
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from readstone.core.chat import ChatRequest, Image, ImagePart, Message, TextDelta, TextPart
from readstone.core.limit import Limits
from readstone.core.model import KIND_DEFAULTS, Model
from readstone.engines.fake import FakeEngine
from readstone.serving.admission import Admission
from readstone.serving.catalogue import EMBEDDED, EXTRACT, Catalogue
from readstone.serving.extraction import Extractor
from readstone.serving.gateway import Backend, Gateway, GatewayEvent, Served
from readstone.serving.limits.limiter import Limiter, Terms
from readstone.serving.limits.memory import MemoryCounters
from readstone.store.memory import MemoryStore
from unit.serving.paging import PageEngine

LINES = ("ACME Ltd", "Invoice No: A-17", "Total: 12.50")
PROMPT = 'Fill in {"no": "Invoice No", "total": "Total"}.'
TALKER = Model("talker", "chat", "gpu", KIND_DEFAULTS["chat"], 2)
ASKING = replace(EXTRACT, id="asking", language_model="talker")
SEER = Model("seer", "vision", "gpu", KIND_DEFAULTS["vision"], 2)
FORMAT = json.dumps(
    {
        "type": "json_schema",
        "json_schema": {
            "name": "Bill",
            "schema": {"type": "object", "properties": {"total": {"type": "number"}}},
        },
    }
).encode()
OBJECT = b'{"type": "json_object"}'


class Office:
    """An extractor over an engine of pages and a language model that follows a script."""

    def __init__(self, *pages: Sequence[str], limits: Limits | None = None) -> None:
        counters = MemoryCounters(lambda: 1_795_262_400.0)
        self.limiter = (
            Limiter(counters, MemoryStore(), Terms(limits, 600, fail_open=False))
            if limits
            else None
        )
        self.reader = PageEngine(*(pages or (LINES,)))
        self.talker = FakeEngine(name="gpu")
        self.talker.become("ready")
        catalogue = Catalogue([EMBEDDED, EXTRACT, TALKER, ASKING, SEER])
        gateway = Gateway(
            {
                "reader": Backend(self.reader, Admission(1, 0)),
                "gpu": Backend(self.talker, Admission(1, 0)),
            },
            limiter=self.limiter,
        )
        self.extractor = Extractor(gateway, catalogue.find)

    async def chat(self, request: ChatRequest) -> list[GatewayEvent]:
        wanted = await self.extractor.wanted(request)
        assert wanted is not None
        async with aclosing(self.extractor.chat(request, wanted)) as events:
            return [event async for event in events]

    async def answer(self, request: ChatRequest) -> tuple[Any, Served]:
        delta, served = await self.chat(request)
        assert isinstance(delta, TextDelta)
        assert isinstance(served, Served)
        return json.loads(delta.text), served


def asked(
    prompt: str, *, model: Model = EMBEDDED, most: int = 8192, **extras: bytes
) -> ChatRequest:
    image = ImagePart(Image(b"x", "png", 1000, 1000, "image"))
    return ChatRequest(
        id="req_1",
        key_id="tester",
        model=model,
        model_name=model.id,
        messages=(Message("user", (image, TextPart(prompt))),),
        max_tokens=most,
        temperature=0.1,
        top_p=1.0,
        arrived=0.0,
        extras=extras,
    )
