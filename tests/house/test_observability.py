"""Dashboards and alerts ask for metrics that are told, by labels that they have; the reference page is up to date.

That all that is declared is told by a node, `tests/conformance/test_metrics.py` says.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from observability.dashboards import DASHBOARDS, FOLDER, text_of
from tests.house.metrics_reference import METRICS_MD, render
from tests.house.source import REPOSITORY

from ottla.broker.metrics.observation import METRICS
from ottla.runtime.metrics.metric import Kind, Metric

if TYPE_CHECKING:
    from collections.abc import Iterator

ALERTS = REPOSITORY / "observability" / "prometheus" / "alerts.yml"
GUIDE = REPOSITORY / "docs" / "guide" / "observability.md"

DECLARED: dict[str, Metric] = {metric.name: metric for metrics in METRICS.values() for metric in metrics}
OF_PROMETHEUS = {"up": {"job", "instance"}}
EVERYWHERE = {"instance", "job"}

SELECTOR = re.compile(r"\b([a-z_]+[a-z0-9_]*)\s*(?:\{([^}]*)\})?(?![a-z0-9_(])")
LABEL = re.compile(r"([a-zA-Z_]+)\s*(?:=~|!~|!=|=)")
GROUPING = re.compile(r"\b(?:by|without)\s*\(([^)]*)\)")
WORDS = {"sum", "max", "min", "by", "and", "or", "unless", "on", "ignoring", "offset", "instance"}


def dashboard_queries() -> Iterator[tuple[str, str, str]]:
    """Where it stands, the expression, the legend."""
    for path in sorted(FOLDER.glob("*.json")):
        dashboard: dict[str, Any] = json.loads(path.read_text("utf-8"))
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                found = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"])
                assert found, variable
                yield f"{path.name} ${variable['name']}", f"sum by ({found[2]}) ({found[1]})", ""
        for panel in dashboard["panels"]:
            for target in panel.get("targets", ()):
                yield f"{path.name} {panel['title']}", target["expr"], target["legendFormat"]


def alerts() -> Iterator[tuple[str, str, str]]:
    for group in yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"], rule["annotations"]["summary"]


QUERIES = [*dashboard_queries(), *alerts()]


def test_there_are_queries() -> None:
    assert len(QUERIES) > 80


@pytest.mark.parametrize(("where", "expression", "text"), QUERIES, ids=[each[0] for each in QUERIES])
def test_what_is_asked_for_is_told(where: str, expression: str, text: str) -> None:
    labels = set(EVERYWHERE)
    asked = 0
    bare = GROUPING.sub(" ", expression)
    for name, selectors in selected(bare):
        known = OF_PROMETHEUS.get(name) or labels_of(name)
        assert known is not None, f"{where}: nothing tells {name}"
        asked += 1
        assert set(LABEL.findall(selectors)) <= known | EVERYWHERE, f"{where}: {name} has {sorted(known)}"
        labels |= known
    assert asked, where
    grouped = {label.strip() for group in GROUPING.findall(expression) for label in group.split(",")} - {""}
    assert grouped <= labels, where
    named = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", text)) | set(re.findall(r"\$labels\.(\w+)", text))
    assert named <= labels, where
    if grouped:
        assert named <= grouped, f"{where}: what is summed over has no {named - grouped}"


def selected(expression: str) -> Iterator[tuple[str, str]]:
    """Each metric that is asked for, and what its labels must be."""
    for found in SELECTOR.finditer(re.sub(r'"[^"]*"', '""', expression)):
        inside_braces = expression.count("{", 0, found.start()) > expression.count("}", 0, found.start())
        if not inside_braces and found[1] not in WORDS and not re.fullmatch(r"[smhd]", found[1]):
            yield found[1], found[2] or ""


def labels_of(name: str) -> set[str] | None:
    metric = DECLARED.get(name)
    if metric is not None:
        return {*metric.labels, *({"quantile"} if metric.kind is Kind.SUMMARY else ())}
    base = DECLARED.get(re.sub(r"_(sum|count)$", "", name))
    return set(base.labels) if base is not None and base.kind is Kind.SUMMARY else None


def test_the_check_sees_what_is_wrong() -> None:
    good = 'sum by (topic) (rate(kafka_log_log_size{instance=~"$instance",topic!=""}[5m])) / kafka_brokers > 0.1'
    assert list(selected(GROUPING.sub(" ", good))) == [
        ("kafka_log_log_size", 'instance=~"",topic!=""'),
        ("kafka_brokers", ""),
    ]
    for bad in (
        ("", "kafka_no_such_thing > 0", ""),
        ("", 'kafka_log_log_size{group="a"}', ""),
        ("", "sum by (broker) (kafka_log_log_size)", ""),
        ("", "kafka_log_log_size", "{{broker}}"),
        ("", "sum by (topic) (kafka_log_log_size)", "{{partition}}"),
        ("", "1", ""),
    ):
        with pytest.raises(AssertionError):
            test_what_is_asked_for_is_told(*bad)


def test_names_are_names() -> None:
    assert len(DECLARED) == sum(len(metrics) for metrics in METRICS.values())
    for name, metric in DECLARED.items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
        assert metric.help.endswith(".")
        assert "\n" not in metric.help


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)
def test_the_dashboards_are_up_to_date(dashboard: Any) -> None:
    assert (FOLDER / f"{dashboard.uid}.json").read_text("utf-8") == text_of(dashboard), "run `make docs`"
    assert {path.stem for path in FOLDER.glob("*.json")} == {each.uid for each in DASHBOARDS}


def test_panels_do_not_cover_each_other() -> None:
    for path in FOLDER.glob("*.json"):
        taken: set[tuple[int, int]] = set()
        for panel in json.loads(path.read_text("utf-8"))["panels"]:
            place = panel["gridPos"]
            cells = {
                (place["x"] + column, place["y"] + row) for column in range(place["w"]) for row in range(place["h"])
            }
            assert not cells & taken, f"{path.name}: {panel['title']}"
            assert all(column < 24 for column, _ in cells)
            taken |= cells


def test_the_page_of_metrics_is_up_to_date() -> None:
    assert METRICS_MD.read_text("utf-8") == render(), "run `make docs`"


def test_the_guide_has_a_word_on_every_alert() -> None:
    guide = GUIDE.read_text("utf-8")
    assert [name for name, _, _ in alerts() if f"`{name}`" not in guide] == []


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool (apt install prometheus)")
def test_prometheus_takes_the_alerts() -> None:
    for command in (["check", "rules", ALERTS.name], ["check", "config", "prometheus.yml"]):
        done = subprocess.run(["promtool", *command], cwd=ALERTS.parent, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
