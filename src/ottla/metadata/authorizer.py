"""May a principal, from a host, do this to that? The standard authorizer's answer over one image of the ACLs.

    super user ─► yes    a deny matches ─► no    an allow matches ─► yes    no ACL names the resource ─► the default
                                                                            otherwise ─► no

An allow of READ, WRITE, DELETE or ALTER implies DESCRIBE, one of ALTER_CONFIGS implies DESCRIBE_CONFIGS; a deny implies
nothing. KIP-801, KIP-290 (prefixes), KIP-679 (`allows_any`); Kafka's `StandardAuthorizerData`, `Authorizer`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from ottla.metadata.acls import (
    ANY_PRINCIPAL,
    WILDCARD,
    AclOperation,
    AclsImage,
    PatternType,
    PermissionType,
)
from ottla.protocol.metadata_record.access_control_entry_record import AccessControlEntryRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

Entries: TypeAlias = list[AccessControlEntryRecord]

IMPLIED_BY: Final[dict[int, frozenset[int]]] = {
    AclOperation.DESCRIBE: frozenset({AclOperation.READ, AclOperation.WRITE, AclOperation.DELETE, AclOperation.ALTER}),
    AclOperation.DESCRIBE_CONFIGS: frozenset({AclOperation.ALTER_CONFIGS}),
}
"""An allowed operation on the right allows the one on the left."""

_ANY_NAME: Final = "hardcode"  # Kafka asks for this name to find out whether a super user, or a wildcard, may


class AclRules:
    """The ACLs of one image, found by resource. Immutable."""

    __slots__ = ("_allow_if_no_acl", "_literal", "_prefix_lengths", "_prefixed", "_super_users")

    def __init__(self, image: AclsImage, *, super_users: frozenset[str], allow_if_no_acl: bool) -> None:
        """`super_users`: principals as "User:name"; `allow_if_no_acl`: `allow.everyone.if.no.acl.found`."""
        self._super_users = super_users
        self._allow_if_no_acl = allow_if_no_acl
        self._literal: dict[tuple[int, str], Entries] = {}
        self._prefixed: dict[tuple[int, str], Entries] = {}
        for entry in image.by_id.values():
            where = self._literal if entry.pattern_type == PatternType.LITERAL else self._prefixed
            where.setdefault((entry.resource_type, entry.resource_name), []).append(entry)
        self._prefix_lengths = sorted({len(prefix) for _, prefix in self._prefixed})

    def allows(self, principal: str, host: str, operation: int, resource_type: int, name: str) -> bool:
        if principal in self._super_users:
            return True
        allowed = found = False
        for entry in self._about(resource_type, name):
            found = True
            if not _is_meant(entry, principal, host):
                continue
            if entry.permission_type == PermissionType.DENY:
                if entry.operation in (operation, AclOperation.ALL):
                    return False
            elif _covers(entry.operation, operation):
                allowed = True
        return allowed or (not found and self._allow_if_no_acl)

    def allows_any(self, principal: str, host: str, operation: int, resource_type: int) -> bool:
        """Whether there is any resource of the type that the principal may do this to (KIP-679)."""
        if self.allows(principal, host, operation, resource_type, _ANY_NAME):
            return True
        denied_names: set[str] = set()
        denied_prefixes: set[str] = set()
        allowed: list[AccessControlEntryRecord] = []
        for (entry_type, name), entries in (*self._literal.items(), *self._prefixed.items()):
            if entry_type != resource_type:
                continue
            for entry in entries:
                if not _is_meant(entry, principal, host) or entry.operation not in (operation, AclOperation.ALL):
                    continue
                if entry.permission_type == PermissionType.ALLOW:
                    allowed.append(entry)
                elif entry.pattern_type == PatternType.PREFIXED:
                    denied_prefixes.add(name)
                elif name == WILDCARD:
                    return False
                else:
                    denied_names.add(name)
        return any(_survives(entry, denied_names, denied_prefixes) for entry in allowed)

    def _about(self, resource_type: int, name: str) -> Iterator[AccessControlEntryRecord]:
        """Every entry whose pattern covers the resource."""
        literal = self._literal
        yield from literal.get((resource_type, name), ())
        if name != WILDCARD:
            yield from literal.get((resource_type, WILDCARD), ())
        for length in self._prefix_lengths:
            if length > len(name):
                return
            yield from self._prefixed.get((resource_type, name[:length]), ())


def _is_meant(entry: AccessControlEntryRecord, principal: str, host: str) -> bool:
    return entry.principal in (principal, ANY_PRINCIPAL) and entry.host in (host, WILDCARD)


def _covers(allowed: int, operation: int) -> bool:
    return allowed in (operation, AclOperation.ALL) or allowed in IMPLIED_BY.get(operation, ())


def _survives(entry: AccessControlEntryRecord, denied_names: set[str], denied_prefixes: set[str]) -> bool:
    """Whether an allow is not denied again for all that it covers."""
    name = entry.resource_name
    if entry.pattern_type == PatternType.LITERAL:
        if name == WILDCARD:
            return True
        if name in denied_names:
            return False
    return not any(name[:length] in denied_prefixes for length in range(1, len(name) + 1))
