"""What is said about the log and the metrics is so."""

import ast
import re
from pathlib import Path

from readstone.telemetry.metrics.families import FAMILIES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/monitoring.md").read_text(encoding="utf-8")
LOG, METRICS = PAGE.split("## The log")[1].split("\n## Metrics")
NOTES = {"model", "stream", "scene", "replayed", "error", "limit"}
"""Fields of a request's line that only some routes have: `exchange.notes`."""


def _rows(text: str, heading: str) -> list[list[str]]:
    table = text.split(heading)[1].split("\n\n", maxsplit=1)[0]
    return [row.strip("|").split("|") for row in table.strip().splitlines()]


def _function(path: str, name: str) -> ast.FunctionDef:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return next(
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name
    )


def _keys(function: ast.FunctionDef) -> list[str]:
    dictionary = next(node for node in ast.walk(function) if isinstance(node, ast.Dict))
    return [key.value for key in dictionary.keys if isinstance(key, ast.Constant)]  # pyright: ignore[reportReturnType]


def test_every_field_of_a_requests_line_is_documented_and_no_other() -> None:
    source = "src/readstone/api/exchange.py"
    written = [*_keys(_function(source, "log")), *_keys(_function(source, "_told"))]

    documented = [row[0].strip(" `") for row in _rows(LOG, "| field | |\n|---|---|\n")]

    assert sorted(documented) == sorted({*written, *NOTES})


def test_every_note_of_a_request_is_documented() -> None:
    source = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "src/readstone/api").rglob("*.py")
    )
    updates = re.findall(r"\.notes\.update\((.*?)\)\n", source, re.DOTALL)
    names = {name for update in updates for name in re.findall(r"(\w+)=", update)}
    names |= set(re.findall(r"\.notes\[\"(\w+)\"\]", source))

    assert names == NOTES


def test_every_event_that_is_documented_is_logged() -> None:
    source = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "src/readstone").rglob("*.py")
    )
    rows = _rows(LOG, "| event | |\n|---|---|\n")

    events = [event for row in rows for event in re.findall(r"`([^`]+)`", row[0])]

    assert [event for event in events if f'"{event}"' not in source] == []


def test_every_metric_is_documented_as_the_code_has_it() -> None:
    rows = [
        "| "
        + " | ".join([f"`{family.prometheus_name}`", family.kind])
        + " |"
        + (
            f" {labels} "
            if (labels := ", ".join(f"`{name}`" for name in family.prometheus_labels))
            else " "
        )
        + f"| {family.help} |"
        for family in FAMILIES
    ]

    documented = METRICS.split("| metric | | labels | |\n|---|---|---|---|\n")[1].split("\n\n")[0]

    assert documented.splitlines() == rows
