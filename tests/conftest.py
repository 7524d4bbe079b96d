"""What holds for every test: the same examples on every run, however slow the machine; engines elsewhere on demand."""

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "readstone",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("readstone")

ELSEWHERE = ("vllm", "transformers")
"""Markers of tests that need an engine which `./run engines` installs."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engine",
        action="append",
        choices=ELSEWHERE,
        default=[],
        help="run the tests of an engine that has an environment of its own",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of engines that were not asked for."""
    wanted: list[str] = config.getoption("--engine") or []
    away = [
        item
        for item in items
        if any(item.get_closest_marker(name) for name in ELSEWHERE if name not in wanted)
    ]
    if away:
        config.hook.pytest_deselected(items=away)
        items[:] = [item for item in items if item not in away]
