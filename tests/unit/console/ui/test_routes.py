"""Every route that the pages ask for is one that the server has."""

from __future__ import annotations

from typing import Final

from tests.unit.console.ui.source import routes

from ottla.console.web.routes import ROUTES

_CLUSTER: Final = "/api/clusters/{cluster}"


def _matches(path: str, pattern: str) -> bool:
    """Whether the server's pattern takes the path, whose own placeholders may be called otherwise."""
    ours, theirs = path.split("/"), pattern.split("/")
    pairs = zip(ours, theirs, strict=False)
    return len(ours) == len(theirs) and all(other.startswith("{") or one == other for one, other in pairs)


def test_the_server_has_every_route_that_the_pages_ask() -> None:
    missing = []
    for name, (method, path) in routes().items():
        whole = path if path.startswith("/api/") else _CLUSTER + path
        if not any(route.method == method and _matches(whole, route.path) for route in ROUTES):
            missing.append(f"{name}: {method} {whole}")
    assert missing == []
