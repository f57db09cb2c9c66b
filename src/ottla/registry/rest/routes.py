"""Every route, in one table. `{name}` stands for one segment of the path; routes that write are the leader's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from ottla.registry.rest import about, compatibility, schemas, settings, subjects, versions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ottla.registry.rest.message import Request, Response
    from ottla.registry.rest.service import Service

Handler: TypeAlias = "Callable[[Service, Request], Awaitable[Response]]"
Shortcut: TypeAlias = "Callable[[Service, Request], Awaitable[Response | None]]"


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    handler: Handler
    writes: bool = False
    shortcut: Shortcut | None = None
    """What an instance that does not lead may try first."""


_VERSIONS: Final = "/subjects/{subject}/versions"

ROUTES: Final = (
    Route("GET", "/", about.root),
    Route("POST", "/", about.root),
    Route("GET", "/v1/metadata/id", about.metadata_id),
    Route("GET", "/v1/metadata/version", about.metadata_version),
    Route("GET", "/v1/metadata/deployment", about.metadata_deployment),
    Route("GET", "/contexts", about.list_contexts),
    Route("DELETE", "/contexts/{context}", about.remove_context, writes=True),
    Route("GET", "/schemas", schemas.list_schemas),
    Route("GET", "/schemas/types", schemas.types),
    Route("GET", "/schemas/ids/{id}", schemas.get),
    Route("GET", "/schemas/ids/{id}/schema", schemas.get_text),
    Route("GET", "/schemas/ids/{id}/subjects", schemas.subjects),
    Route("GET", "/schemas/ids/{id}/versions", schemas.versions),
    Route("GET", "/schemas/guids/{guid}", schemas.get_by_guid),
    Route("GET", "/schemas/guids/{guid}/ids", schemas.ids_by_guid),
    Route("GET", "/subjects", subjects.list_subjects),
    Route("POST", "/subjects/{subject}", subjects.look_up),
    Route("DELETE", "/subjects/{subject}", subjects.delete, writes=True),
    Route("GET", "/subjects/{subject}/metadata", subjects.latest_with_metadata),
    Route("GET", _VERSIONS, versions.list_versions),
    Route("POST", _VERSIONS, versions.post, writes=True, shortcut=versions.already_registered),
    Route("GET", f"{_VERSIONS}/{{version}}", versions.get),
    Route("DELETE", f"{_VERSIONS}/{{version}}", versions.delete, writes=True),
    Route("GET", f"{_VERSIONS}/{{version}}/schema", versions.get_text),
    Route("GET", f"{_VERSIONS}/{{version}}/referencedby", versions.referenced_by),
    Route("POST", f"/compatibility{_VERSIONS}", compatibility.with_all),
    Route("POST", f"/compatibility{_VERSIONS}/{{version}}", compatibility.with_version),
    Route("GET", "/config", settings.get_config),
    Route("PUT", "/config", settings.put_config, writes=True),
    Route("DELETE", "/config", settings.remove_config, writes=True),
    Route("GET", "/config/{subject}", settings.get_config),
    Route("PUT", "/config/{subject}", settings.put_config, writes=True),
    Route("DELETE", "/config/{subject}", settings.remove_config, writes=True),
    Route("GET", "/mode", settings.get_mode),
    Route("PUT", "/mode", settings.put_mode, writes=True),
    Route("DELETE", "/mode", settings.remove_mode, writes=True),
    Route("GET", "/mode/{subject}", settings.get_mode),
    Route("PUT", "/mode/{subject}", settings.put_mode, writes=True),
    Route("DELETE", "/mode/{subject}", settings.remove_mode, writes=True),
)
