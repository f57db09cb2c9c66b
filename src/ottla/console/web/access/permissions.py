"""Who may do what: roles are lists of actions on resources whose names match a pattern, in clusters that match another.

| resource    | actions                                              |
|-------------|------------------------------------------------------|
| cluster     | view alter                                           |
| topic       | view create delete alter read write delete_records   |
| group       | view reset delete                                    |
| acl         | view alter                                           |
| user        | view alter                                           |
| quota       | view alter                                           |
| token       | view create renew expire                             |
| transaction | view abort                                           |
| subject     | view register delete alter                           |
| connector   | view create alter operate delete logs                |
| sql         | run                                                  |
| audit       | view                                                 |

`*` is every action; any action includes `view`. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

VIEW: Final = "view"
ALL: Final = "*"
ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "cluster": (VIEW, "alter"),
    "topic": (VIEW, "create", "delete", "alter", "read", "write", "delete_records"),
    "group": (VIEW, "reset", "delete"),
    "acl": (VIEW, "alter"),
    "user": (VIEW, "alter"),
    "quota": (VIEW, "alter"),
    "token": (VIEW, "create", "renew", "expire"),
    "transaction": (VIEW, "abort"),
    "subject": (VIEW, "register", "delete", "alter"),
    "connector": (VIEW, "create", "alter", "operate", "delete", "logs"),
    "sql": (VIEW, "run"),
    "audit": (VIEW,),
}
RESOURCES: Final = tuple(ACTIONS)
NAMELESS: Final = ("cluster", "acl", "quota", "token", "sql", "audit")
"""Resources of which a cluster has one: their names are not looked at."""


@dataclass(frozen=True, slots=True)
class Permission:
    resource: str
    names: tuple[str, ...] = (ALL,)
    actions: tuple[str, ...] = (ALL,)

    def allows(self, resource: str, action: str, name: str | None) -> bool:
        """Without a name: whether it allows that for any name."""
        if self.resource not in (resource, ALL):
            return False
        if action != VIEW and action not in self.actions and ALL not in self.actions:
            return False
        return name is None or resource in NAMELESS or any(fnmatchcase(name, each) for each in self.names)

    def to_json(self) -> dict[str, object]:
        return {"resource": self.resource, "names": list(self.names), "actions": list(self.actions)}


EVERYTHING: Final = Permission(ALL)


@dataclass(frozen=True, slots=True)
class Role:
    name: str
    clusters: tuple[str, ...] = (ALL,)
    permissions: tuple[Permission, ...] = ()
    users: frozenset[str] = field(default_factory=frozenset)
    groups: frozenset[str] = field(default_factory=frozenset)
    """What an OpenID provider says that its users belong to."""

    def belongs_to(self, user: str, groups: frozenset[str]) -> bool:
        return user in self.users or ALL in self.users or bool(self.groups & groups)


ADMIN: Final = Role("admin", permissions=(EVERYTHING,))


@dataclass(frozen=True, slots=True)
class Identity:
    """Whoever asks, as far as it is known; `user` is `None` where nobody has to sign in."""

    user: str | None
    roles: tuple[Role, ...]
    method: str = "open"
    """`open`, `password`, `basic` or `oidc`."""
    session: str = ""
    """The id of the session."""
    expires_ms: int | None = None

    @property
    def role_names(self) -> list[str]:
        return [role.name for role in self.roles]

    def permissions(self, cluster: str) -> list[Permission]:
        return [
            permission
            for role in self.roles
            if any(fnmatchcase(cluster, each) for each in role.clusters)
            for permission in role.permissions
        ]

    def may(self, cluster: str, resource: str, action: str, name: str | None = None) -> bool:
        return any(permission.allows(resource, action, name) for permission in self.permissions(cluster))

    def may_somewhere(self, resource: str, action: str) -> bool:
        return any(permission.allows(resource, action, None) for role in self.roles for permission in role.permissions)
