"""The dashboard, the scrape configuration and the alerts name what there is."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from readstone.telemetry.metrics.families import FAMILIES
from readstone.telemetry.metrics.metrics import EXPECTED

DEPLOY = Path(__file__).parents[2] / "deploy"
SOURCE = "".join(
    path.read_text(encoding="utf-8") for path in (DEPLOY.parent / "src/readstone").rglob("*.py")
)


def _series() -> Iterator[tuple[str, set[str]]]:
    """Every series with its labels."""
    for family in FAMILIES:
        name, labels = family.prometheus_name, {*family.prometheus_labels}
        if family.kind == "histogram":
            yield from ((f"{name}_sum", labels), (f"{name}_count", labels))
            yield f"{name}_bucket", {*labels, "le"}
        else:
            yield name, labels


LABELS = dict(_series())
OWN = {"job", "instance"}
"""Labels that Prometheus adds."""
WORDS = {"sum", "max", "by", "rate", "increase", "histogram_quantile", "up", "unless"}


def load(path: str) -> Any:
    return yaml.safe_load((DEPLOY / path).read_text(encoding="utf-8"))


def dashboard() -> Any:
    return json.loads((DEPLOY / "grafana/readstone.json").read_text(encoding="utf-8"))


def panel_expressions() -> Iterator[str]:
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"]


def alerts() -> list[dict[str, Any]]:
    return [rule for group in load("prometheus/alerts.yaml")["groups"] for rule in group["rules"]]


def check(expression: str) -> None:
    """Every name in an expression is a metric's or a word of the language, every label one of those metrics'."""
    assert expression.count("(") == expression.count(")")
    grouped = [
        name.strip()
        for names in re.findall(r"\bby \(([^)]*)\)", expression)
        for name in names.split(",")
    ]
    selected = re.findall(r"(\w+)(?:=~|!=|=)\"", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\bby \([^)]*\)", "", expression)
    names = set(re.findall(r"[a-z_][a-z0-9_]+", bare)) - WORDS
    assert names <= LABELS.keys(), names
    known = OWN.union(*(LABELS[name] for name in names))
    assert {*grouped, *selected} <= known


@pytest.mark.parametrize("expression", list(panel_expressions()))
def test_a_panel_names_metrics_that_there_are(expression: str) -> None:
    check(expression)
    assert '{job="$job"' in expression


def test_the_dashboard_takes_its_datasource_from_a_variable() -> None:
    board = dashboard()
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]
    variables = {variable["name"]: variable for variable in board["templating"]["list"]}

    assert variables["datasource"]["type"] == "datasource"
    assert {panel["datasource"]["uid"] for panel in panels} == {"${datasource}"}
    assert {target["datasource"]["uid"] for panel in panels for target in panel["targets"]} == {
        "${datasource}"
    }
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    for name, label in (("job", "job"), ("model", "gen_ai_request_model")):
        found = re.fullmatch(
            r"label_values\((\w+)(?:\{.*\})?, (\w+)\)", variables[name]["definition"]
        )
        assert found
        assert found[2] == label
        assert label in LABELS[found[1]] | OWN


def test_everything_that_is_counted_is_on_the_dashboard() -> None:
    shown = " ".join(panel_expressions())

    assert [family.name for family in FAMILIES if family.prometheus_name not in shown] == []


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_names_metrics_labels_and_events_that_there_are(rule: dict[str, Any]) -> None:
    check(rule["expr"])
    assert rule["labels"]["severity"] in {"critical", "warning"}
    for events in re.findall(r'readstone_event=~?"([^"]*)"', rule["expr"]):
        assert [event for event in events.split("|") if f'"{event}"' not in SOURCE] == []
        assert set(events.split("|")) <= {*EXPECTED}  # of others the first is not seen
    told = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    grouped = re.search(r"\bby \(([^)]*)\)", rule["expr"])
    assert told <= ({name.strip() for name in grouped[1].split(",")} if grouped else OWN)


def test_the_scrape_configuration_asks_for_the_metrics_with_a_key() -> None:
    configuration = load("prometheus/prometheus.yaml")
    (job,) = configuration["scrape_configs"]

    assert (job["job_name"], job["metrics_path"]) == ("readstone", "/metrics")
    assert job["authorization"] == {"type": "Bearer", "credentials_file": "readstone-key"}
    assert [(DEPLOY / "prometheus" / file).exists() for file in configuration["rule_files"]] == [
        True
    ]


def test_grafana_is_told_where_things_are() -> None:
    (source,) = load("grafana/datasource.yaml")["datasources"]
    (provider,) = load("grafana/dashboards.yaml")["providers"]

    assert source["type"] == "prometheus"
    assert provider["type"] == "file"
