"""The authorizer of a node: the rules of the newest metadata, asked with a request's principal and host.

Decisions are remembered until an ACL changes. A node without `authorizer.class.name` has no authorizer at all.
KIP-801; Kafka's `StandardAuthorizer`, `AuthHelper`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.broker.authorized_operations import OPERATIONS_OF
from ottla.metadata.acls import CLUSTER_NAME, AclOperation, ResourceType
from ottla.metadata.authorizer import AclRules
from ottla.runtime.config.definition import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.broker.request_context import RequestContext
    from ottla.metadata.acls import AclsImage
    from ottla.metadata.image import MetadataImage
    from ottla.runtime.config.server_config import ServerConfig

STANDARD_AUTHORIZER: Final = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
MAX_REMEMBERED = 50_000
"""Decisions kept at most; then all are forgotten."""


class Authorizer:
    def __init__(
        self,
        image: Callable[[], MetadataImage],
        *,
        super_users: frozenset[str],
        allow_if_no_acl: bool,
        auto_create_topics: bool = True,
    ) -> None:
        """`auto_create_topics`: `auto.create.topics.enable`, so that Metadata asks for CREATE where topics are made."""
        self.image = image
        self.auto_create_topics = auto_create_topics
        self._super_users = super_users
        self._allow_if_no_acl = allow_if_no_acl
        self._acls: AclsImage | None = None
        self._rules: AclRules
        self._remembered: dict[tuple[str, str, int, int, str], bool] = {}

    @property
    def rules(self) -> AclRules:
        acls = self.image().acls
        if acls is not self._acls:
            self._rules = AclRules(acls, super_users=self._super_users, allow_if_no_acl=self._allow_if_no_acl)
            self._acls = acls
            self._remembered.clear()
        return self._rules

    def allows(self, context: RequestContext, operation: int, resource_type: int, name: str) -> bool:
        rules = self.rules
        connection = context.connection
        key = (connection.principal, connection.client_host, operation, resource_type, name)
        known = self._remembered.get(key)
        if known is None:
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            known = self._remembered[key] = rules.allows(*key)
        return known

    def allows_topic(self, context: RequestContext, operation: int, name: str) -> bool:
        return self.allows(context, operation, ResourceType.TOPIC, name)

    def allows_group(self, context: RequestContext, operation: int, group_id: str) -> bool:
        return self.allows(context, operation, ResourceType.GROUP, group_id)

    def allows_cluster(self, context: RequestContext, operation: int) -> bool:
        return self.allows(context, operation, ResourceType.CLUSTER, CLUSTER_NAME)

    def allows_any_topic(self, context: RequestContext, operation: int) -> bool:
        connection = context.connection
        return self.rules.allows_any(connection.principal, connection.client_host, operation, ResourceType.TOPIC)

    def operations(self, context: RequestContext, resource_type: int, name: str) -> int:
        """The bit field of what may be done to a resource (KIP-430)."""
        allowed = (one for one in OPERATIONS_OF[resource_type] if self.allows(context, one, resource_type, name))
        return sum(1 << operation for operation in allowed)

    def cluster_operations(self, context: RequestContext) -> int:
        """The bit field of the cluster; 0 for who may not describe it."""
        if not self.allows_cluster(context, AclOperation.DESCRIBE):
            return 0
        return self.operations(context, ResourceType.CLUSTER, CLUSTER_NAME)


def make_authorizer(config: ServerConfig, image: Callable[[], MetadataImage]) -> Authorizer | None:
    """By `authorizer.class.name`; `None`: everybody may do everything. Raises `ConfigError`."""
    name = config.get_str("authorizer.class.name")
    if not name:
        return None
    if name != STANDARD_AUTHORIZER:
        raise ConfigError("authorizer.class.name", name, f"Ottla has {STANDARD_AUTHORIZER} only")
    return Authorizer(
        image,
        super_users=parse_super_users(config.static.get("super.users", "")),
        allow_if_no_acl=config.static.get("allow.everyone.if.no.acl.found", "").strip().lower() == "true",
        auto_create_topics=config.get_bool("auto.create.topics.enable"),
    )


def parse_super_users(text: str) -> frozenset[str]:
    """`super.users`: TYPE:NAME;…"""
    users = frozenset(filter(None, (item.strip() for item in text.split(";"))))
    for user in users:
        if ":" not in user:
            raise ConfigError("super.users", text, f"{user} must be TYPE:NAME, as User:alice")
    return users
