import asyncio
import logging
from contextlib import aclosing
from dataclasses import replace

import pytest

from readstone.core.chat import (
    ChatRequest,
    Document,
    DocumentPart,
    Finish,
    Image,
    ImagePart,
    Message,
    TextDelta,
    TextPart,
)
from readstone.core.errors import (
    EngineCrashed,
    EngineFailed,
    EngineTimeout,
    EngineUnavailable,
    InvalidRequest,
    ModelNotFound,
    Overloaded,
    RateLimited,
    RequestError,
    UnsupportedParameter,
)
from readstone.core.model import KIND_DEFAULTS, Kind, Model
from readstone.engines.fake import HELLO, FakeEngine
from readstone.serving.admission import Admission
from readstone.serving.catalogue import Catalogue
from readstone.serving.gateway import Backend, Gateway, GatewayEvent, Served, StandIn

DOWN = (EngineUnavailable("Down.", retry_after=3),)


def model(name: str, engine: str, kind: Kind, *fallback: str) -> Model:
    return Model(name, kind, engine, KIND_DEFAULTS[kind], max_images=2, fallback=fallback)


VLM = model("vlm", "gpu", "vision", "small", "ocr")
MODELS = Catalogue([VLM, model("small", "cpu", "vision"), model("ocr", "reader", "ocr")])


class House:
    """A gateway to three engines, of which the first one's model falls back on the others'."""

    def __init__(self, *, running: int = 4, models: Catalogue = MODELS) -> None:
        self.gpu = FakeEngine(name="gpu")
        self.cpu = FakeEngine(name="cpu")
        self.reader = FakeEngine(name="reader", refused=frozenset({"tools"}))
        self.engines = (self.gpu, self.cpu, self.reader)
        for engine in self.engines:
            engine.become("ready")
        self.admissions = {engine.name: Admission(running, 0) for engine in self.engines}
        backends = {
            engine.name: Backend(engine, self.admissions[engine.name]) for engine in self.engines
        }
        self.gateway = Gateway(backends, models.find)

    async def ask(self, asked: ChatRequest | None = None) -> list[GatewayEvent]:
        async with aclosing(self.gateway.chat(asked or request())) as events:
            return [event async for event in events]

    async def served(self, asked: ChatRequest | None = None) -> Served:
        *_, last = await self.ask(asked)
        assert isinstance(last, Served)
        return last

    @property
    def asked(self) -> list[int]:
        return [len(engine.requests) for engine in self.engines]


def request(*parts: TextPart | ImagePart | DocumentPart, model: Model = VLM) -> ChatRequest:
    return ChatRequest(
        id="req_1",
        key_id="tester",
        model=model,
        model_name="the-vlm",
        messages=(Message("user", parts or (TextPart("Hi"),)),),
        max_tokens=16384,
        temperature=0.1,
        top_p=1.0,
        arrived=0.0,
        defaulted=frozenset({"max_tokens", "temperature", "top_p"}),
    )


def image() -> ImagePart:
    return ImagePart(Image(b"x", "png", 1, 1, "image"))


async def test_the_engine_of_the_model_answers_and_the_last_event_is_measured() -> None:
    house = House()

    *deltas, last = await house.ask()

    assert deltas == [*HELLO[:2]]
    assert isinstance(last, Served)
    assert last.finish == HELLO[2]
    assert last.metrics.engine == "gpu"
    assert last.metrics.notes == ()
    assert house.asked == [1, 0, 0]


async def test_a_stream_without_an_end_is_a_failure() -> None:
    house = House()
    house.gpu.scripts.append((HELLO[0],))

    with pytest.raises(EngineFailed):
        await house.ask()


@pytest.mark.parametrize("error", [*DOWN, EngineCrashed("x"), Overloaded("x")])
async def test_where_an_engine_cannot_take_it_the_next_model_answers(error: RequestError) -> None:
    house = House()
    house.gpu.scripts.append((error,))

    first, *deltas, last = await house.ask()

    assert first == StandIn("cpu-fingerprint")
    assert deltas == [*HELLO[:2]]
    assert isinstance(last, Served)
    assert last.finish.engine == last.metrics.engine == "cpu"
    assert last.finish.notes == last.metrics.notes
    assert last.metrics.notes == (
        "The engine of 'vlm' could not take the request; 'small' answered instead.",
    )
    assert house.asked == [1, 1, 0]


@pytest.mark.parametrize(
    "error", [EngineFailed("x"), EngineTimeout("x"), InvalidRequest("x"), RateLimited("x")]
)
async def test_no_other_error_leads_to_another_model(error: RequestError) -> None:
    house = House()
    house.gpu.scripts.append((error,))

    with pytest.raises(type(error)):
        await house.ask()

    assert house.asked == [1, 0, 0]


async def test_after_the_first_event_nobody_stands_in() -> None:
    house = House()
    house.gpu.scripts.append((HELLO[0], *DOWN))

    with pytest.raises(EngineUnavailable):
        await house.ask()

    assert house.asked == [1, 0, 0]


async def test_a_stand_in_that_breaks_off_tells_its_own_error() -> None:
    house = House()
    house.gpu.scripts.append(DOWN)
    house.cpu.scripts.append((HELLO[0], EngineCrashed("Mine.")))

    with pytest.raises(EngineCrashed, match="Mine"):
        await house.ask()

    assert house.asked == [1, 1, 0]


async def test_models_stand_in_by_turns_until_one_can() -> None:
    house = House()
    house.gpu.scripts.append(DOWN)
    house.cpu.scripts.append((EngineTimeout("x"),))

    last = await house.served()

    assert last.metrics.engine == "reader"
    assert house.asked == [1, 1, 1]


async def test_where_no_model_can_stand_in_the_first_error_is_told() -> None:
    house = House()
    house.gpu.scripts.append(DOWN)
    house.cpu.scripts.append((EngineCrashed("x"),))

    with pytest.raises(EngineUnavailable, match="Down") as failure:
        await house.ask(replace(request(), extras={"tools": b"[1]"}))

    assert failure.value.retry_after == 3
    assert house.asked == [1, 1, 0]


async def test_what_a_stand_in_would_refuse_alone_is_not_told_as_the_answer() -> None:
    house = House()
    house.gpu.become("failed")
    house.cpu.become("failed")

    with pytest.raises(EngineUnavailable, match="'vlm' is not up"):
        await house.ask(replace(request(), extras={"tools": b"[1]"}))
    with pytest.raises(UnsupportedParameter):
        await house.ask(replace(request(model=MODELS.find("ocr")), extras={"tools": b"[1]"}))


async def test_an_engine_that_is_not_ready_is_not_waited_for_where_another_is() -> None:
    house = House()
    house.gpu.become("starting")
    house.cpu.become("failed")

    last = await house.served()

    assert last.metrics.engine == "reader"
    assert house.asked == [0, 0, 1]


async def test_where_none_is_ready_all_are_asked_in_turn() -> None:
    house = House()
    for engine in house.engines:
        engine.become("failed")
    house.gpu.scripts.append(DOWN)

    last = await house.served()

    assert last.metrics.engine == "cpu"
    assert house.asked == [1, 1, 0]


async def test_a_stand_in_gets_its_own_model_and_defaults_but_what_the_client_set() -> None:
    house = House()
    house.gpu.scripts.append(DOWN)
    house.cpu.become("failed")
    asked = replace(request(), temperature=0.9, defaulted=frozenset({"max_tokens", "top_p"}))

    await house.ask(asked)

    (got,) = house.reader.requests
    assert got.model.id == "ocr"
    assert got.model_name == "the-vlm"
    assert (got.max_tokens, got.temperature, got.top_p) == (8192, 0.9, 1.0)


async def test_a_stand_in_holds_a_permit_of_its_own_engine() -> None:
    house = House(running=1)
    house.gpu.scripts.append(DOWN)
    async with house.admissions["cpu"].permit("somebody"):
        last = await house.served()

    assert last.metrics.engine == "reader"
    assert house.asked == [1, 0, 1]


async def test_a_full_queue_is_an_engine_that_cannot_take_it() -> None:
    house = House(running=1)
    async with house.admissions["gpu"].permit("somebody"):
        last = await house.served()

    assert last.metrics.engine == "cpu"
    assert house.asked == [0, 1, 0]


async def test_permits_are_given_back_by_all_that_were_asked() -> None:
    house = House(running=1)
    for _ in range(3):
        house.gpu.scripts.append(DOWN)
        house.cpu.scripts.append((EngineCrashed("x"),))
        await house.ask()

    assert house.asked == [3, 3, 3]


async def test_closing_an_answer_closes_the_stand_ins() -> None:
    house = House(running=1)
    house.gpu.scripts.append(DOWN)
    house.cpu.scripts.append((HELLO[0], asyncio.Event()))
    events = house.gateway.chat(request())
    assert [await anext(events), await anext(events)] == [StandIn("cpu-fingerprint"), HELLO[0]]
    assert house.cpu.running == 1

    await events.aclose()

    assert house.cpu.running == 0
    async with house.admissions["cpu"].permit("somebody"):
        pass


async def test_what_a_stand_ins_pool_says_of_who_answered_is_kept() -> None:
    house = House()
    house.gpu.scripts.append(DOWN)
    assert isinstance(HELLO[2], Finish)
    house.cpu.scripts.append((TextDelta("x", 1), replace(HELLO[2], engine="cpu/2", notes=("n",))))

    last = await house.served()

    assert last.metrics.engine == "cpu/2"
    assert last.metrics.notes[1:] == ("n",)


async def test_falling_back_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "readstone")
    house = House()
    house.gpu.scripts.append(DOWN)

    await house.ask()

    assert caplog.messages == ["fallback"]
    assert caplog.records[0].__dict__["fields"] == {
        "id": "req_1",
        "model": "vlm",
        "to": "small",
        "reason": "engine_unavailable",
    }


async def test_a_model_that_takes_no_images_or_not_so_many_does_not_stand_in() -> None:
    models = [VLM, model("small", "cpu", "chat"), model("ocr", "reader", "ocr")]
    house = House(models=Catalogue(models))
    document = DocumentPart(Document(b"x", 1, 1, "file"))

    for parts, counts in (
        ([image()], [1, 0, 1]),
        ([document], [2, 0, 2]),
        ([TextPart("Hi")], [3, 1, 2]),
    ):
        house.gpu.scripts.append(DOWN)
        await house.ask(request(*parts))
        assert house.asked == counts
    house.gpu.scripts.append(DOWN)
    with pytest.raises(EngineUnavailable):
        await house.ask(request(image(), image(), image()))


async def test_a_gateway_that_knows_no_models_has_no_fallback() -> None:
    house = House()
    gateway = Gateway({"gpu": Backend(house.gpu, Admission(1, 0))})

    with pytest.raises(ModelNotFound, match="small"):
        await anext(gateway.chat(request()))
