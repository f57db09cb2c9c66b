"""What a Grafana dashboard consists of: rows of panels, each of a few queries. And how Grafana has them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

COLUMNS: Final = 24
HEIGHT: Final = 7
STAT_HEIGHT: Final = 4
SCHEMA_VERSION: Final = 39
DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True)
class Query:
    """`legend` may name labels: `{{topic}}`."""

    expression: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """A graph over time; with `stat` the last value as a number, red from `red` on."""

    title: str
    queries: tuple[Query, ...]
    unit: str = "short"
    stat: bool = False
    red: float | None = None
    """The number at which it is a trouble; `red_below`: below which."""
    red_below: bool = False
    stacked: bool = False
    text: str = ""
    """What it shows, where the title does not say it."""


@dataclass(frozen=True, slots=True)
class Variable:
    """Chosen above the dashboard; its values are those of a label."""

    name: str
    metric: str
    label: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    uid: str
    title: str
    text: str
    variables: tuple[Variable, ...]
    rows: tuple[tuple[str, tuple[Panel, ...]], ...] = field(default=())


def grafana_json(dashboard: Dashboard) -> dict[str, object]:
    """As Grafana imports it."""
    panels: list[dict[str, object]] = []
    top = 0
    for title, row in dashboard.rows:
        panels.append(_row(len(panels) + 1, title, top))
        top += 1
        height = STAT_HEIGHT if all(panel.stat for panel in row) else HEIGHT
        width = COLUMNS // min(len(row), 6 if height == STAT_HEIGHT else 3)
        left = 0
        for panel in row:
            if left + width > COLUMNS:
                left, top = 0, top + height
            place = {"h": height, "w": width, "x": left, "y": top}
            panels.append(_panel(len(panels) + 1, panel, place))
            left += width
        top += height
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.text,
        "tags": ["ottla", "kafka"],
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "schemaVersion": SCHEMA_VERSION,
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "",
        "templating": {"list": [_datasource_variable(), *map(_variable, dashboard.variables)]},
        "panels": panels,
    }


def _row(number: int, title: str, top: int) -> dict[str, object]:
    place = {"h": 1, "w": COLUMNS, "x": 0, "y": top}
    return {"id": number, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, object]:
    custom = {"fillOpacity": 10, "showPoints": "never", "lineWidth": 1}
    if panel.stacked:
        custom |= {"stacking": {"mode": "normal", "group": "A"}, "fillOpacity": 40}
    return {
        "id": number,
        "type": "stat" if panel.stat else "timeseries",
        "title": panel.title,
        "description": panel.text,
        "datasource": DATASOURCE,
        "gridPos": place,
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "min": 0,
                "thresholds": _thresholds(panel),
                "color": {"mode": "thresholds" if panel.stat else "palette-classic"},
                "custom": {} if panel.stat else custom,
            },
            "overrides": [],
        },
        "options": _options(panel),
        "targets": [
            {
                "refId": chr(ord("A") + place_of),
                "datasource": DATASOURCE,
                "expr": query.expression,
                "legendFormat": query.legend or "__auto",
                "range": not panel.stat,
                "instant": panel.stat,
            }
            for place_of, query in enumerate(panel.queries)
        ],
    }


def _thresholds(panel: Panel) -> dict[str, object]:
    if panel.red is None:
        steps: list[dict[str, object]] = [{"color": "green", "value": None}]
    elif panel.red_below:
        steps = [{"color": "red", "value": None}, {"color": "green", "value": panel.red}]
    else:
        steps = [{"color": "green", "value": None}, {"color": "red", "value": panel.red}]
    return {"mode": "absolute", "steps": steps}


def _options(panel: Panel) -> dict[str, object]:
    if panel.stat:
        calculation = {"calcs": ["lastNotNull"], "fields": "", "values": False}
        return {"reduceOptions": calculation, "colorMode": "background", "graphMode": "none", "textMode": "value"}
    legend = {"displayMode": "list", "placement": "bottom", "showLegend": True}
    return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}


def _datasource_variable() -> dict[str, object]:
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}


def _variable(variable: Variable) -> dict[str, object]:
    query = f"label_values({variable.metric}, {variable.label})"
    return {
        "name": variable.name,
        "label": variable.name,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": variable.name},
        "definition": query,
        "refresh": 2,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "sort": 1,
        "current": {"text": "All", "value": "$__all"},
    }
