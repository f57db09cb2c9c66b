"""Who may do what, by ACLs; and how ACLs are made, found and removed."""

from __future__ import annotations

from random import Random

import pytest

from ottla.metadata.acls import AclFilter, AclOperation, AclsImage, PatternType, PermissionType, ResourceType
from ottla.metadata.authorizer import AclRules
from ottla.metadata.controller.acls import create_acls, delete_acls
from ottla.metadata.controller.result import ControllerResult, ControllerView
from ottla.metadata.delta import MetadataDelta
from ottla.metadata.image import EMPTY_IMAGE, MetadataImage
from ottla.protocol.api.create_acls import AclCreation, CreateAclsRequest, CreateAclsResponse
from ottla.protocol.api.delete_acls import DeleteAclsFilter, DeleteAclsRequest
from ottla.protocol.errors import ErrorCode
from ottla.protocol.metadata_record.access_control_entry_record import AccessControlEntryRecord

Op = AclOperation
ALLOW, DENY = PermissionType.ALLOW, PermissionType.DENY
LITERAL, PREFIXED = PatternType.LITERAL, PatternType.PREFIXED
TOPIC = ResourceType.TOPIC


def entry(
    operation: int,
    name: str = "t",
    *,
    principal: str = "User:alice",
    host: str = "*",
    permission: int = ALLOW,
    pattern: int = LITERAL,
    resource_type: int = TOPIC,
) -> AccessControlEntryRecord:
    return AccessControlEntryRecord(
        id=bytes(16),
        resource_type=resource_type,
        resource_name=name,
        pattern_type=pattern,
        principal=principal,
        host=host,
        operation=operation,
        permission_type=permission,
    )


def rules(*entries: AccessControlEntryRecord, allow_if_no_acl: bool = False) -> AclRules:
    image = AclsImage({number.to_bytes(16, "big"): one for number, one in enumerate(entries)})
    return AclRules(image, super_users=frozenset({"User:root"}), allow_if_no_acl=allow_if_no_acl)


def may(
    found: AclRules, operation: int, name: str = "t", principal: str = "User:alice", host: str = "10.0.0.1"
) -> bool:
    return found.allows(principal, host, operation, TOPIC, name)


def test_nobody_may_without_an_acl_but_super_users() -> None:
    assert not may(rules(), Op.READ)
    assert may(rules(), Op.READ, principal="User:root")
    assert may(rules(allow_if_no_acl=True), Op.READ)
    assert not may(rules(entry(Op.READ, principal="User:bob"), allow_if_no_acl=True), Op.READ)


def test_a_deny_beats_every_allow() -> None:
    found = rules(entry(Op.ALL), entry(Op.READ, "*", permission=DENY, principal="User:*"))
    assert not may(found, Op.READ)
    assert may(found, Op.WRITE)
    assert may(found, Op.READ, principal="User:root")
    denied_all = rules(entry(Op.READ), entry(Op.ALL, "t", permission=DENY, pattern=PREFIXED))
    assert not may(denied_all, Op.READ)


def test_a_deny_implies_nothing() -> None:
    found = rules(entry(Op.DESCRIBE), entry(Op.READ, permission=DENY))
    assert may(found, Op.DESCRIBE)
    assert not may(found, Op.READ)


@pytest.mark.parametrize("allowed", [Op.READ, Op.WRITE, Op.DELETE, Op.ALTER, Op.DESCRIBE, Op.ALL])
def test_what_implies_describe(allowed: Op) -> None:
    assert may(rules(entry(allowed)), Op.DESCRIBE)


@pytest.mark.parametrize("allowed", [Op.CREATE, Op.ALTER_CONFIGS, Op.DESCRIBE_CONFIGS, Op.CLUSTER_ACTION])
def test_what_does_not_imply_describe(allowed: Op) -> None:
    assert not may(rules(entry(allowed)), Op.DESCRIBE)


def test_altering_configs_implies_describing_them() -> None:
    assert may(rules(entry(Op.ALTER_CONFIGS)), Op.DESCRIBE_CONFIGS)
    assert not may(rules(entry(Op.DESCRIBE_CONFIGS)), Op.ALTER_CONFIGS)


def test_patterns() -> None:
    found = rules(entry(Op.READ, "orders-", pattern=PREFIXED), entry(Op.WRITE, "*"))
    assert may(found, Op.READ, "orders-")
    assert may(found, Op.READ, "orders-2026")
    assert not may(found, Op.READ, "orders")
    assert may(found, Op.WRITE, "anything")
    assert not found.allows("User:alice", "h", Op.WRITE, ResourceType.GROUP, "anything")


def test_hosts_and_principals() -> None:
    found = rules(entry(Op.READ, host="10.0.0.1"), entry(Op.WRITE, principal="User:*"))
    assert may(found, Op.READ)
    assert not may(found, Op.READ, host="10.0.0.2")
    assert may(found, Op.WRITE, principal="User:nobody")
    assert not may(found, Op.READ, principal="Group:alice")


def test_any_resource_of_a_type() -> None:
    def any_topic(*entries: AccessControlEntryRecord) -> bool:
        return rules(*entries).allows_any("User:alice", "h", Op.WRITE, TOPIC)

    assert not any_topic()
    assert any_topic(entry(Op.WRITE, "one"))
    assert any_topic(entry(Op.ALL, "one"))
    assert not any_topic(entry(Op.READ, "one"))
    assert not any_topic(entry(Op.WRITE, "one", host="other"))
    assert not any_topic(entry(Op.WRITE, "one"), entry(Op.WRITE, "one", permission=DENY))
    assert not any_topic(entry(Op.WRITE, "one"), entry(Op.WRITE, "on", permission=DENY, pattern=PREFIXED))
    assert any_topic(entry(Op.WRITE, "one", pattern=PREFIXED), entry(Op.WRITE, "one", permission=DENY))
    assert not any_topic(entry(Op.WRITE, "*"), entry(Op.ALL, "*", permission=DENY))
    assert any_topic(entry(Op.WRITE, "*"), entry(Op.WRITE, "hardcode", permission=DENY))


def by_the_book(entries: list[AccessControlEntryRecord], principal: str, operation: int, name: str) -> bool:
    """The rules as the documentation tells them, one entry at a time."""
    about = [
        one
        for one in entries
        if (one.pattern_type == LITERAL and one.resource_name in (name, "*"))
        or (one.pattern_type == PREFIXED and name.startswith(one.resource_name))
    ]
    mine = [one for one in about if one.principal in (principal, "User:*")]
    if any(one.permission_type == DENY and one.operation in (Op.ALL, operation) for one in mine):
        return False
    implying = {Op.ALL, operation}
    if operation == Op.DESCRIBE:
        implying |= {Op.READ, Op.WRITE, Op.DELETE, Op.ALTER}
    if operation == Op.DESCRIBE_CONFIGS:
        implying.add(Op.ALTER_CONFIGS)
    return any(one.permission_type == ALLOW and one.operation in implying for one in mine)


def test_random_rules_agree_with_the_book() -> None:
    random = Random(4)
    operations = [Op.ALL, Op.READ, Op.WRITE, Op.DESCRIBE, Op.ALTER_CONFIGS, Op.DESCRIBE_CONFIGS]
    names = ["a", "ab", "abc", "b", "*"]
    allowed = 0
    for _ in range(2000):
        entries = [
            entry(
                random.choice(operations),
                random.choice(names),
                principal=random.choice(["User:alice", "User:bob", "User:*"]),
                permission=random.choice([ALLOW, ALLOW, DENY]),
                pattern=random.choice([LITERAL, PREFIXED]),
            )
            for _ in range(random.randrange(6))
        ]
        operation, name = random.choice(operations[1:]), random.choice(names[:4])
        expected = by_the_book(entries, "User:alice", operation, name)
        assert may(rules(*entries), operation, name) is expected
        allowed += expected
    assert 100 < allowed < 1900


# --- making and removing


def creation(name: str = "t", **fields: int | str) -> AclCreation:
    made = AclCreation(
        resource_type=TOPIC,
        resource_name=name,
        resource_pattern_type=LITERAL,
        principal="User:alice",
        host="*",
        operation=Op.READ,
        permission_type=ALLOW,
    )
    for key, value in fields.items():
        setattr(made, key, value)
    return made


def create(image: MetadataImage, *creations: AclCreation) -> tuple[ControllerResult[CreateAclsResponse], MetadataImage]:
    view = ControllerView(image=image, next_offset=5, now_ms=0, monotonic_ms=0, random=Random(1))
    result = create_acls(view, CreateAclsRequest(creations=list(creations)))
    delta = MetadataDelta(image)
    for versioned in result.records:
        delta.replay(versioned.record)
    return result, delta.apply(offset=9, epoch=1, timestamp_ms=0)


def test_the_same_entry_is_made_once() -> None:
    first, image = create(EMPTY_IMAGE, creation(), creation(), creation("u"))
    assert [one.error_code for one in first.response.results] == [0, 0, 0]
    assert len(first.records) == 2
    again, _ = create(image, creation())
    assert [one.error_code for one in again.response.results] == [0]
    assert again.records == []


@pytest.mark.parametrize(
    "fields",
    [
        {"resource_name": ""},
        {"resource_type": ResourceType.CLUSTER},
        {"resource_type": ResourceType.ANY},
        {"resource_type": 99},
        {"resource_pattern_type": PatternType.MATCH},
        {"operation": Op.ANY},
        {"operation": 77},
        {"permission_type": PermissionType.ANY},
        {"principal": "alice"},
    ],
)
def test_what_cannot_be_made_is_refused_alone(fields: dict[str, int | str]) -> None:
    result, image = create(EMPTY_IMAGE, creation("good"), creation(**fields))  # type: ignore[arg-type]  # any field
    assert [one.error_code for one in result.response.results] == [0, ErrorCode.INVALID_REQUEST]
    assert [one.resource_name for one in image.acls.by_id.values()] == ["good"]


def test_filters_find_and_remove() -> None:
    _, image = create(
        EMPTY_IMAGE, creation("orders"), creation("ord", resource_pattern_type=PREFIXED), creation("*"), creation("x")
    )

    def names(**fields: int | str) -> set[str]:
        wanted = AclFilter(**fields)  # type: ignore[arg-type]  # any field
        return {one.resource_name for one in image.acls.by_id.values() if wanted.matches(one)}

    assert names() == {"orders", "ord", "*", "x"}
    assert names(resource_name="orders", pattern_type=PatternType.MATCH) == {"orders", "ord", "*"}
    assert names(resource_name="orders", pattern_type=PatternType.ANY) == {"orders"}
    assert names(pattern_type=PREFIXED) == {"ord"}
    assert names(operation=Op.WRITE) == set()
    assert AclFilter(resource_type=99).unknown_part == "patternFilter"
    assert AclFilter(operation=0).unknown_part == "entryFilter"
    view = ControllerView(image=image, next_offset=5, now_ms=0, monotonic_ms=0, random=Random(1))
    filters = [
        DeleteAclsFilter(
            resource_type_filter=TOPIC,
            resource_name_filter=name,
            pattern_type_filter=PatternType.MATCH,
            principal_filter=None,
            host_filter=None,
            operation=Op.ANY,
            permission_type=PermissionType.ANY,
        )
        for name in ("orders", "x")
    ]
    result = delete_acls(view, DeleteAclsRequest(filters=filters))
    assert [len(one.matching_acls) for one in result.response.filter_results] == [3, 2]
    assert len(result.records) == 4
