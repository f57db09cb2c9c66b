"""ACLs by name: what can be protected, what may be done there, and the sets that producers and consumers need."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ottla.clients import acls as wire
from ottla.clients.client import KafkaClient
from ottla.console.operations.near_names import did_you_mean
from ottla.protocol.errors import ErrorCode, KafkaError

RESOURCE_TYPES: Mapping[str, int] = {
    "TOPIC": 2,
    "GROUP": 3,
    "CLUSTER": 4,
    "TRANSACTIONAL_ID": 5,
    "DELEGATION_TOKEN": 6,
    "USER": 7,
}
PATTERN_TYPES: Mapping[str, int] = {"LITERAL": 3, "PREFIXED": 4}
MATCH = 2
"""The pattern type of a filter: whatever applies to a name, by itself, as a prefix or as a wildcard."""
OPERATIONS: Mapping[str, int] = {
    "ALL": 2,
    "READ": 3,
    "WRITE": 4,
    "CREATE": 5,
    "DELETE": 6,
    "ALTER": 7,
    "DESCRIBE": 8,
    "CLUSTER_ACTION": 9,
    "DESCRIBE_CONFIGS": 10,
    "ALTER_CONFIGS": 11,
    "IDEMPOTENT_WRITE": 12,
    "CREATE_TOKENS": 13,
    "DESCRIBE_TOKENS": 14,
    "TWO_PHASE_COMMIT": 15,
}
PERMISSIONS: Mapping[str, int] = {"DENY": 2, "ALLOW": 3}
CLUSTER_NAME = "kafka-cluster"
"""The one name of the resource CLUSTER."""
WILDCARD = "*"

PRODUCER_OPERATIONS = ("WRITE", "DESCRIBE", "CREATE")
CONSUMER_OPERATIONS = ("READ", "DESCRIBE")
GROUP_OPERATIONS = ("READ",)
TRANSACTIONAL_OPERATIONS = ("WRITE", "DESCRIBE")


@dataclass(frozen=True, slots=True, order=True)
class Acl:
    """One rule, under Kafka's names."""

    resource_type: str
    resource_name: str
    pattern_type: str
    principal: str
    host: str
    operation: str
    permission: str


def known_name(kind: str, word: str, names: Iterable[str]) -> str:
    """`describe-configs`, `DescribeConfigs` and `DESCRIBE_CONFIGS` are one. `ValueError` names the near ones."""
    wanted = _folded(word)
    for name in names:
        if _folded(name) == wanted:
            return name
    there = ", ".join(names)
    raise ValueError(f"there is no {kind} '{word}'; there are {there}.{did_you_mean(word, names)}")


def _folded(name: str) -> str:
    return name.replace("-", "").replace("_", "").casefold()


def check_principal(principal: str) -> str:
    """`User:alice`. `ValueError` for a name without its kind, which would never match anybody."""
    kind, colon, name = principal.partition(":")
    if not colon or not kind or not name:
        raise ValueError(f"'{principal}' is no principal: write User:{principal or 'NAME'}")
    return principal


async def list_acls(client: KafkaClient, wanted: wire.AclFilter) -> list[Acl]:
    """In order of resource and principal."""
    try:
        return sorted(map(named, await wire.find_acls(client, wanted)))
    except KafkaError as error:
        raise _told(error) from None


async def create_acls(client: KafkaClient, acls: Sequence[Acl]) -> None:
    """Those that are there already stay. The first that is refused is raised; the others are made all the same."""
    try:
        errors = await wire.create_acls(client, [_numbered(each) for each in acls])
    except KafkaError as error:
        raise _told(error) from None
    for refusal in errors:
        if refusal is not None:
            raise _told(refusal)


async def delete_acls(client: KafkaClient, filters: Sequence[wire.AclFilter]) -> list[Acl]:
    """What was deleted."""
    try:
        return sorted(set(map(named, await wire.delete_acls(client, filters))))
    except KafkaError as error:
        raise _told(error) from None


def only(acl: Acl) -> wire.AclFilter:
    """The filter that matches this one alone."""
    return wire.AclFilter(*_numbered(acl))


def named(binding: wire.AclBinding) -> Acl:
    return Acl(
        _name(RESOURCE_TYPES, binding.resource_type),
        binding.resource_name,
        _name(PATTERN_TYPES, binding.pattern_type),
        binding.principal,
        binding.host,
        _name(OPERATIONS, binding.operation),
        _name(PERMISSIONS, binding.permission_type),
    )


def _numbered(acl: Acl) -> wire.AclBinding:
    return wire.AclBinding(
        RESOURCE_TYPES[acl.resource_type],
        acl.resource_name,
        PATTERN_TYPES[acl.pattern_type],
        acl.principal,
        acl.host,
        OPERATIONS[acl.operation],
        PERMISSIONS[acl.permission],
    )


def _name(names: Mapping[str, int], number: int) -> str:
    return next((name for name, each in names.items() if each == number), f"UNKNOWN_{number}")


def _told(error: KafkaError) -> KafkaError:
    if error.code is not ErrorCode.SECURITY_DISABLED:
        return error
    text = "the cluster has no authorizer: everybody may do everything. Set authorizer.class.name on every node"
    return KafkaError(error.code, text)
