"""What a handler is given: the request, who asks, the cluster, and what that role may do there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ottla.console.web.access.audit import now_ms
from ottla.console.web.access.masking import Mask
from ottla.console.web.access.permissions import VIEW
from ottla.console.web.message import ApiError

if TYPE_CHECKING:
    from ottla.clients.client import KafkaClient
    from ottla.console.operations.connectors import ConnectApi
    from ottla.console.web.access.permissions import Identity
    from ottla.console.web.cluster import Cluster
    from ottla.console.web.console import Console
    from ottla.console.web.message import Request


@dataclass(slots=True)
class Context:
    console: Console
    request: Request
    identity: Identity
    of: Cluster | None = None
    details: dict[str, Any] = field(default_factory=dict)
    """For the audit log: what the request is about, never secrets or messages."""
    resource_name: str | None = None
    """For the audit log, where the path does not say it."""

    @property
    def cluster(self) -> Cluster:
        assert self.of is not None, "the route is not one of a cluster"
        return self.of

    @property
    def client(self) -> KafkaClient:
        return self.cluster.client

    def parameter(self, name: str) -> str:
        return self.request.parameters[name]

    def may(self, resource: str, action: str, name: str | None = None) -> bool:
        return self.identity.may(self.cluster.name, resource, action, name)

    @property
    def connect_group(self) -> str:
        """Of Connect's workers: that which is asked for, or the first."""
        return self.request.text("group") or self.cluster.connect_group

    @property
    def connect(self) -> ConnectApi:
        """`ApiError(404)`: there is none."""
        group = self.connect_group
        if len(self.cluster.settings.connect) > 1:
            self.details["group"] = group
        return self.cluster.connect(group)

    @property
    def owner(self) -> str:
        """Whom tails are counted for."""
        return self.identity.user or self.request.address

    def over(self) -> str | None:
        """Why what goes on for whoever asked is to end now, if it is."""
        if self.console.is_stopping.is_set():
            return "shutdown"
        identity = self.identity
        ended = identity.session and self.console.sessions.is_over(identity.session)
        expired = identity.expires_ms is not None and identity.expires_ms <= now_ms()
        return "sign-in" if ended or expired else None

    def may_view(self, resource: str, name: str) -> bool:
        return self.may(resource, VIEW, name)

    def require(self, resource: str, action: str, name: str | None = None) -> None:
        """`ApiError(403)` names what is not allowed."""
        if self.may(resource, action, name):
            return
        what = resource if name is None else f"{resource} '{name}'"
        roles = ", ".join(self.identity.role_names) or "none"
        raise ApiError(403, "FORBIDDEN", f"you may not {action.replace('_', ' ')} {what}", f"your roles: {roles}")

    def require_writable(self) -> None:
        """`ApiError(403)`: the console, or the cluster, is read-only."""
        if self.console.settings.read_only:
            raise ApiError(
                403, "READ_ONLY", "this console is read-only", "start it without --read-only to change things"
            )
        if self.of is not None and self.of.settings.read_only:
            raise ApiError(403, "READ_ONLY", f"cluster {self.of.name} is read-only here", "its config says so")

    @property
    def mask(self) -> Mask:
        rules = [
            rule for rule in self.console.settings.masks if rule.holds(self.cluster.name, self.identity.role_names)
        ]
        return Mask(rules, self.console.mask_secret)
