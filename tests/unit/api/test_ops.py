import pytest
from starlette.routing import Router

from readstone.api.ops import Ops, Processes
from readstone.engines.fake import FakeEngine
from readstone.serving.admission import Admission
from readstone.serving.gateway import Backend, Gateway
from readstone.telemetry.metrics.metrics import Metrics
from unit.api.asgi import ask


@pytest.fixture
def engines() -> tuple[FakeEngine, FakeEngine]:
    return FakeEngine(name="one"), FakeEngine(name="two")


@pytest.fixture
def routes(engines: tuple[FakeEngine, FakeEngine]) -> Router:
    backends = {engine.name: Backend(engine, Admission(1, 0)) for engine in engines}
    return Router(Ops(Gateway(backends), Metrics("1.2.3")).routes())


async def test_a_process_that_answers_is_healthy_whatever_its_engines_do(routes: Router) -> None:
    call = await ask(routes, "/health")
    assert (call.status, call.json) == (200, {"status": "ok"})


async def test_it_is_ready_when_the_last_engine_is(
    routes: Router, engines: tuple[FakeEngine, FakeEngine]
) -> None:
    await engines[0].start()
    call = await ask(routes, "/ready")
    assert call.status == 503
    assert call.json == {"status": "not ready", "engines": {"one": "ready", "two": "starting"}}
    await engines[1].start()
    call = await ask(routes, "/ready")
    assert (call.status, call.json["status"]) == (200, "ready")


async def test_it_is_not_ready_any_more_once_an_engine_stopped(
    routes: Router, engines: tuple[FakeEngine, FakeEngine]
) -> None:
    for engine in engines:
        await engine.start()
    await engines[0].stop()
    assert (await ask(routes, "/ready")).json["engines"]["one"] == "stopped"


async def test_it_is_degraded_while_one_of_several_processes_is_missing(
    engines: tuple[FakeEngine, FakeEngine],
) -> None:
    for engine in engines:
        await engine.start()
    processes = Processes(2, 3)
    backends = {engine.name: Backend(engine, Admission(1, 0)) for engine in engines}
    ops = Ops(Gateway(backends), Metrics("1.2.3"), lambda: processes)
    call = await ask(Router(ops.routes()), "/ready")
    assert (call.status, call.json["status"]) == (200, "degraded")
    assert call.json["processes"] == {"up": 2, "of": 3}
    processes.up = 3
    assert (await ask(Router(ops.routes()), "/ready")).json["status"] == "ready"


async def test_an_engine_that_failed_or_starts_again_takes_no_other_out_of_service(
    routes: Router, engines: tuple[FakeEngine, FakeEngine]
) -> None:
    for engine in engines:
        await engine.start()
    assert (await ask(routes, "/ready")).json["status"] == "ready"
    for state in ("failed", "starting"):
        engines[1].become(state)
        call = await ask(routes, "/ready")
        assert (call.status, call.json["status"]) == (200, "degraded")
        assert call.json["engines"] == {"one": "ready", "two": state}
    engines[0].become("failed")
    assert (await ask(routes, "/ready")).status == 503


async def test_an_engine_that_cannot_start_is_not_waited_for(
    routes: Router, engines: tuple[FakeEngine, FakeEngine]
) -> None:
    await engines[0].start()
    engines[1].become("failed")
    call = await ask(routes, "/ready")
    assert (call.status, call.json["status"]) == (200, "degraded")
