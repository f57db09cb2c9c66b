"""Every route, in two tables: those for administrators may be served elsewhere (`admin.listeners`).

`{name}` stands for one segment of the path.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from ottla.connect.rest import about, connectors, plugins

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ottla.connect.rest.message import Request, Response
    from ottla.connect.runtime.herder import Herder

Handler: TypeAlias = "Callable[[Herder, Request], Awaitable[Response]]"


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    handler: Handler


_ONE: Final = "/connectors/{connector}"

ADMIN_ROUTES: Final = (
    Route("GET", "/admin/loggers", about.list_loggers),
    Route("GET", "/admin/loggers/{logger}", about.get_logger),
    Route("PUT", "/admin/loggers/{logger}", about.put_logger),
)
ROUTES: Final = (
    Route("GET", "/", about.root),
    Route("GET", "/health", about.health),
    Route("GET", "/connectors", connectors.list_connectors),
    Route("POST", "/connectors", connectors.create),
    Route("GET", _ONE, connectors.get),
    Route("DELETE", _ONE, connectors.delete),
    Route("GET", f"{_ONE}/config", connectors.get_config),
    Route("PUT", f"{_ONE}/config", connectors.put_config),
    Route("PATCH", f"{_ONE}/config", connectors.patch_config),
    Route("GET", f"{_ONE}/status", connectors.status),
    Route("POST", f"{_ONE}/restart", connectors.restart),
    Route("PUT", f"{_ONE}/pause", connectors.pause),
    Route("PUT", f"{_ONE}/resume", connectors.resume),
    Route("PUT", f"{_ONE}/stop", connectors.stop),
    Route("GET", f"{_ONE}/tasks", connectors.tasks),
    Route("POST", f"{_ONE}/tasks", connectors.put_task_configs),
    Route("PUT", f"{_ONE}/fence", connectors.fence_zombies),
    Route("GET", f"{_ONE}/tasks/{{task}}/status", connectors.task_status),
    Route("POST", f"{_ONE}/tasks/{{task}}/restart", connectors.restart_task),
    Route("GET", f"{_ONE}/logs", connectors.logs),
    Route("GET", f"{_ONE}/topics", connectors.topics),
    Route("PUT", f"{_ONE}/topics/reset", connectors.reset_topics),
    Route("GET", f"{_ONE}/offsets", connectors.get_offsets),
    Route("PATCH", f"{_ONE}/offsets", connectors.alter_offsets),
    Route("DELETE", f"{_ONE}/offsets", connectors.reset_offsets),
    Route("GET", "/connector-plugins", plugins.list_plugins),
    Route("GET", "/connector-plugins/{plugin}/config", plugins.get_config),
    Route("PUT", "/connector-plugins/{plugin}/config/validate", plugins.validate),
)
