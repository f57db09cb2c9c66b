"""Every route, in one table, with what it needs: an action on a resource, which the path or the handler names.

`{name}` stands for one segment of the path. docs/reference/console-api.md says what each takes and gives.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from ottla.console.web.access.permissions import VIEW
from ottla.console.web.api import (
    brokers,
    configs,
    connect,
    connector_logs,
    elections,
    features,
    groups,
    messages,
    metrics,
    overview,
    quorum,
    reassignments,
    registry,
    security,
    session,
    sql,
    tokens,
    topics,
    transactions,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ottla.console.web.context import Context
    from ottla.console.web.message import Response

Handler: TypeAlias = "Callable[[Context], Awaitable[Response]]"


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    handler: Handler
    resource: str | None = None
    action: str = VIEW
    name: str | None = None
    """The part of the path that is the resource's name."""
    query: tuple[str, ...] = ()
    """The parameters that it knows."""
    changes: bool = False
    """Something, so that it is refused where all is read-only."""
    audited: bool = False
    public: bool = False
    """For whoever is not signed in, too."""
    of_cluster: bool = False
    navigated: bool = False
    """By following a link: another site may have made the browser ask."""


_CLUSTER: Final = "/api/clusters/{cluster}"


def _read(
    path: str,
    handler: Handler,
    resource: str,
    name: str | None = None,
    action: str = VIEW,
    query: tuple[str, ...] = (),
    *,
    method: str = "GET",
    audited: bool = False,
) -> Route:
    return Route(method, _CLUSTER + path, handler, resource, action, name, query, audited=audited, of_cluster=True)


def _change(
    method: str,
    path: str,
    handler: Handler,
    resource: str,
    action: str,
    name: str | None = None,
    query: tuple[str, ...] = (),
) -> Route:
    return Route(
        method, _CLUSTER + path, handler, resource, action, name, query, changes=True, audited=True, of_cluster=True
    )


_TOPIC: Final = "/topics/{topic}"
_GROUP: Final = "/groups/{group}"
_SUBJECT: Final = "/registry/subjects/{subject}"
_CONNECTOR: Final = "/connect/connectors/{connector}"

_SESSION: Final = (
    Route("GET", "/api/session", session.get_session, public=True),
    Route("POST", "/api/session", session.sign_in, action="sign_in", public=True, audited=True),
    Route("DELETE", "/api/session", session.sign_out, action="sign_out", audited=True),
    Route(
        "GET", "/api/oidc/login", session.oidc_login, action="sign_in", query=("return",), public=True, navigated=True
    ),
    Route(
        "GET",
        "/api/oidc/callback",
        session.oidc_callback,
        action="sign_in",
        query=(
            "code",
            "state",
            "error",
            "error_description",
            "error_uri",
            "iss",
            "session_state",
            "scope",
            "authuser",
            "prompt",
            "hd",
        ),
        public=True,
        audited=True,
        navigated=True,
    ),
    Route("GET", "/api/clusters", session.list_clusters),
    Route("GET", "/api/audit", session.get_audit, "audit", query=("limit",)),
)
_OF_CLUSTER: Final = (
    _read("/overview", overview.overview, "cluster"),
    _read("/brokers", brokers.list_all, "cluster"),
    _change("DELETE", "/brokers/{broker}", brokers.unregister, "cluster", "alter"),
    _read("/brokers/{broker}/configs", configs.get_of_broker, "cluster"),
    _change("PATCH", "/brokers/{broker}/configs", configs.patch_of_broker, "cluster", "alter"),
    _read("/quorum", quorum.get, "cluster"),
    _change("DELETE", "/quorum/voters/{node}", quorum.remove, "cluster", "alter", None, ("directory_id",)),
    _read("/features", features.get, "cluster"),
    _change("POST", "/features", features.update, "cluster", "alter"),
    _read("/elections", elections.list_needed, "cluster"),
    _change("POST", "/elections", elections.elect, "cluster", "alter"),
    _read("/reassignments", reassignments.list_all, "cluster"),
    _read("/reassignments/plan", reassignments.propose, "cluster", method="POST"),
    _change("POST", "/reassignments", reassignments.start, "cluster", "alter"),
    _change("POST", "/reassignments/cancel", reassignments.cancel, "cluster", "alter"),
    _change("DELETE", "/reassignments/throttles", reassignments.remove_all_throttles, "cluster", "alter"),
    _read("/log-directories", overview.list_log_directories, "cluster", query=("topic",)),
    _read("/metrics", metrics.get, "cluster", query=("topic", "group")),
    _read("/metrics/top", metrics.top, "cluster", query=("count",)),
)
_OF_TOPICS: Final = (
    _read("/topics", topics.list_all, "topic", query=("internal",)),
    _change("POST", "/topics", topics.create, "topic", "create"),
    _read(_TOPIC, topics.get, "topic", "topic"),
    _change("DELETE", _TOPIC, topics.delete, "topic", "delete", "topic"),
    _read(f"{_TOPIC}/configs", configs.get_of_topic, "topic", "topic"),
    _change("PATCH", f"{_TOPIC}/configs", configs.patch_of_topic, "topic", "alter", "topic"),
    _change("POST", f"{_TOPIC}/partitions", topics.add, "topic", "alter", "topic"),
    _change("POST", f"{_TOPIC}/delete-records", topics.delete_records, "topic", "delete_records", "topic"),
    _read(f"{_TOPIC}/groups", topics.groups, "topic", "topic"),
    _read(f"{_TOPIC}/producers", topics.producers, "topic", "topic"),
    _change("POST", f"{_TOPIC}/abort-transaction", topics.abort_transaction, "transaction", "abort"),
    _read(f"{_TOPIC}/messages", messages.get_page, "topic", "topic", "read", messages.PAGE_QUERY, audited=True),
    _change("POST", f"{_TOPIC}/messages", messages.produce, "topic", "write", "topic"),
    _read(
        f"{_TOPIC}/messages/{{partition}}/{{offset}}",
        messages.get_one,
        "topic",
        "topic",
        "read",
        ("key_format", "value_format"),
        audited=True,
    ),
    _read(f"{_TOPIC}/tail", messages.tail, "topic", "topic", "read", messages.TAIL_QUERY, audited=True),
    _read("/expression", messages.check_expression, "topic", query=("where",)),
)
_OF_GROUPS: Final = (
    _read("/groups", groups.list_all, "group"),
    _read(_GROUP, groups.get, "group", "group"),
    _change("DELETE", _GROUP, groups.delete, "group", "delete", "group"),
    _read(f"{_GROUP}/reset", groups.reset, "group", "group", "reset", method="POST", audited=True),
    _change("DELETE", f"{_GROUP}/offsets", groups.forget_offsets, "group", "reset", "group", ("topic",)),
    _read(f"{_GROUP}/lag", groups.lag, "group", "group"),
    _read(f"{_GROUP}/topology", groups.topology, "group", "group"),
)
_OF_SECURITY: Final = (
    _read("/acls", security.get_acls, "acl", query=("principal", "resource_type", "resource_name")),
    _change("POST", "/acls", security.post_acls, "acl", "alter"),
    _change("DELETE", "/acls", security.remove_acl, "acl", "alter", query=security.ACL_FIELDS),
    _read("/users", security.get_users, "user"),
    _change("PUT", "/users/{user}", security.put_user, "user", "alter", "user"),
    _change("DELETE", "/users/{user}", security.remove_user, "user", "alter", "user", ("mechanism",)),
    _read("/quotas", security.get_quotas, "quota"),
    _change("PUT", "/quotas", security.put_quotas, "quota", "alter"),
    _read("/tokens", tokens.list_all, "token"),
    _change("POST", "/tokens", tokens.create, "token", "create"),
    _change("POST", "/tokens/{token}/renew", tokens.renew, "token", "renew", "token"),
    _change("POST", "/tokens/{token}/expire", tokens.expire, "token", "expire", "token"),
    _read("/transactions", transactions.list_all, "transaction"),
    _read("/transactions/{transaction}", transactions.get, "transaction", "transaction"),
    _change("POST", "/transactions/{transaction}/abort", transactions.abort, "transaction", "abort", "transaction"),
    _read("/transactions-hanging", transactions.hanging, "transaction", query=("topic",)),
)
_OF_REGISTRY: Final = (
    _read("/registry", registry.about, "subject"),
    _change("PUT", "/registry/level", registry.put_level, "subject", "alter"),
    _read("/registry/subjects", registry.subjects, "subject", query=("deleted",)),
    _read(_SUBJECT, registry.get_subject, "subject", "subject"),
    _change("DELETE", _SUBJECT, registry.delete_subject, "subject", "delete", "subject", ("permanent",)),
    _change("PUT", f"{_SUBJECT}/level", registry.put_subject_level, "subject", "alter", "subject"),
    _read(f"{_SUBJECT}/versions/{{version}}", registry.get_version, "subject", "subject"),
    _change("POST", f"{_SUBJECT}/versions", registry.register, "subject", "register", "subject"),
    _change(
        "DELETE",
        f"{_SUBJECT}/versions/{{version}}",
        registry.delete_version,
        "subject",
        "delete",
        "subject",
        ("permanent",),
    ),
    _read(f"{_SUBJECT}/compatibility", registry.compatibility, "subject", "subject", method="POST"),
    _read("/registry/schemas/{id}", registry.get_schema, "subject"),
)
_WORKERS_GROUP: Final = "group"
_OF_ONE_GROUP: Final = (
    _read("/connect", connect.about, "connector"),
    _read("/connect/plugins", connect.plugins, "connector"),
    _read("/connect/plugins/{plugin}/validate", connect.validate, "connector", method="PUT"),
    _read("/connect/connectors", connect.list_all, "connector"),
    _change("POST", "/connect/connectors", connect.create, "connector", "create"),
    _read(_CONNECTOR, connect.get, "connector", "connector"),
    _change("PUT", f"{_CONNECTOR}/config", connect.put_config, "connector", "alter", "connector"),
    _change("DELETE", _CONNECTOR, connect.delete, "connector", "delete", "connector"),
    _change("POST", f"{_CONNECTOR}/pause", connect.pause, "connector", "operate", "connector"),
    _change("POST", f"{_CONNECTOR}/resume", connect.resume, "connector", "operate", "connector"),
    _change("POST", f"{_CONNECTOR}/stop", connect.stop, "connector", "operate", "connector"),
    _change("POST", f"{_CONNECTOR}/restart", connect.restart, "connector", "operate", "connector"),
    _change("POST", f"{_CONNECTOR}/tasks/{{task}}/restart", connect.restart_task, "connector", "operate", "connector"),
    _read(f"{_CONNECTOR}/logs", connector_logs.tail, "connector", "connector", "logs", audited=True),
    _read(f"{_CONNECTOR}/offsets", connect.get_offsets, "connector", "connector"),
    _change("PATCH", f"{_CONNECTOR}/offsets", connect.patch_offsets, "connector", "alter", "connector"),
    _change("DELETE", f"{_CONNECTOR}/offsets", connect.delete_offsets, "connector", "alter", "connector"),
)
_OF_CONNECT: Final = tuple(replace(route, query=(*route.query, _WORKERS_GROUP)) for route in _OF_ONE_GROUP)
_OF_SQL: Final = (
    _read("/sql", sql.run, "sql", None, "run", method="POST", audited=True),
    Route("POST", "/v1/sql", sql.run_as_lines, "sql", "run", query=("cluster",), audited=True, of_cluster=True),
)

ROUTES: Final[tuple[Route, ...]] = (
    *_SESSION,
    *_OF_CLUSTER,
    *_OF_TOPICS,
    *_OF_GROUPS,
    *_OF_SECURITY,
    *_OF_REGISTRY,
    *_OF_CONNECT,
    *_OF_SQL,
)
