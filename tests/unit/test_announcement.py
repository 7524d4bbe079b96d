"""What is printed about models while a server runs."""

from pathlib import Path

import pytest
from starlette.routing import Router

from readstone.announcement import Announcement
from readstone.app import Running
from readstone.config import Config
from readstone.core.model import Offer
from readstone.engines.fake import FakeEngine
from readstone.serving.catalogue import build_catalogue


@pytest.fixture
def engines() -> dict[str, FakeEngine]:
    return {name: FakeEngine(name=name) for name in ("reader", "llm")}


@pytest.fixture
def troubles() -> dict[str, str]:
    return {}


@pytest.fixture
def run(engines: dict[str, FakeEngine], troubles: dict[str, str], tmp_path: Path) -> Running:
    catalogue = build_catalogue({}, engines)

    async def apply(config: Config) -> None:
        raise AssertionError(f"nobody sent a signal to reload, and yet: {config}")

    logs = {"llm": tmp_path / "llm.log"}
    return Running(Router(), catalogue, engines, troubles, logs, apply)


def test_each_change_of_a_model_is_told_once(run: Running, engines: dict[str, FakeEngine]) -> None:
    announcement = Announcement(run)
    assert list(announcement.look(0)) == [
        "  starting  readstone-ocr (ocr, engine reader)",
        "  starting  u1-ocr-extract (extract, engine reader)",
    ]
    assert list(announcement.look(1)) == []
    engines["reader"].become("ready")
    run.catalogue.offer("llm", [Offer("llama", "chat")])
    assert list(announcement.look(2)) == [
        "  ready     readstone-ocr (ocr, engine reader)",
        "  ready     u1-ocr-extract (extract, engine reader)",
        "  starting  llama (chat, engine llm)",
    ]
    run.catalogue.offer("llm", [])
    assert list(announcement.look(3)) == ["  gone      llama"]


def test_an_engine_that_takes_long_gives_signs_of_life(
    run: Running, engines: dict[str, FakeEngine]
) -> None:
    announcement = Announcement(run)
    engines["reader"].become("ready")
    list(announcement.look(0))
    told = [line for second in range(1, 15) for line in announcement.look(second)]
    assert told == ["  starting  engine llm, for 10 s so far"]
    run.logs["llm"].touch()
    told = [line for second in range(15, 25) for line in announcement.look(second)]
    assert told == [f"  starting  engine llm, for 20 s so far; its log: {run.logs['llm']}"]
    engines["llm"].become("ready")
    assert [line for second in range(25, 50) for line in announcement.look(second)] == []


def test_an_engine_that_does_not_list_its_models_is_told_with_the_reason(
    run: Running, troubles: dict[str, str]
) -> None:
    announcement = Announcement(run)
    list(announcement.look(0))
    troubles["llm"] = "It does not answer: Connection refused."
    (line,) = announcement.look(1)
    assert line.startswith("  waiting   for llm, ")
    assert line.endswith("Connection refused.")
    assert list(announcement.look(2)) == []
