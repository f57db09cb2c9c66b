"""The pages of the reference name every route and every key; every route says what it needs."""

from __future__ import annotations

import inspect
import re

from tests.house.source import REPOSITORY

from ottla.console.web import config
from ottla.console.web.access.permissions import ACTIONS
from ottla.console.web.routes import ROUTES

CLUSTER = "/api/clusters/{cluster}"
REFERENCE = REPOSITORY / "docs" / "reference"


def test_every_route_is_in_the_reference() -> None:
    text = re.sub(r"\{[^{}\s]*\}", "{}", (REFERENCE / "console-api.md").read_text("utf-8"))
    told = set(re.findall(r"\b(GET|POST|PUT|PATCH|DELETE) (/[^\s`?&]*)", text))
    routes = {(route.method, re.sub(r"\{[^}]*\}", "{}", route.path.removeprefix(CLUSTER))) for route in ROUTES}
    assert {f"{method} {path}" for method, path in routes - told} == set()
    assert {f"{method} {path}" for method, path in told - routes if path not in ("/x/y.js", "/")} == set()


def test_every_route_needs_an_action_that_there_is() -> None:
    for route in ROUTES:
        if route.resource is None:
            assert route.public or route.path in ("/api/session", "/api/clusters"), route.path
        else:
            assert route.action in ACTIONS[route.resource], route.path
        assert not (route.changes and not route.audited), route.path
        if route.name is not None:
            assert f"{{{route.name}}}" in route.path, route.path


def test_every_key_of_the_config_is_in_the_reference() -> None:
    text = (REFERENCE / "console.md").read_text("utf-8")
    keys = re.findall(
        r"\.(?:text|optional_text|texts|flag|number|choice|strings|section|sections)\(\s*\"(\w+)\"",
        inspect.getsource(config),
    )
    assert len(keys) > 30
    assert [key for key in keys if f"`{key}`" not in text and f"[{key}]" not in text] == []
