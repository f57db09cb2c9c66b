"""What a client may do, as bit fields (KIP-430): without an authorizer, everything that the resource knows.

Bit n stands for the `AclOperation` with code n.
"""

from collections.abc import Mapping
from typing import Final

from ottla.metadata.acls import AclOperation as Op
from ottla.metadata.acls import ResourceType

NOT_ASKED = -(2**31)

OPERATIONS_OF: Final[Mapping[int, tuple[Op, ...]]] = {
    ResourceType.TOPIC: (
        Op.READ, Op.WRITE, Op.CREATE, Op.DELETE, Op.ALTER, Op.DESCRIBE, Op.DESCRIBE_CONFIGS, Op.ALTER_CONFIGS
    ),
    ResourceType.GROUP: (Op.READ, Op.DELETE, Op.DESCRIBE, Op.DESCRIBE_CONFIGS, Op.ALTER_CONFIGS),
    ResourceType.CLUSTER: (
        Op.CREATE, Op.ALTER, Op.DESCRIBE, Op.CLUSTER_ACTION, Op.DESCRIBE_CONFIGS, Op.ALTER_CONFIGS, Op.IDEMPOTENT_WRITE
    ),
    ResourceType.TRANSACTIONAL_ID: (Op.DESCRIBE, Op.WRITE, Op.TWO_PHASE_COMMIT),
    ResourceType.DELEGATION_TOKEN: (Op.DESCRIBE,),
    ResourceType.USER: (Op.CREATE_TOKENS, Op.DESCRIBE_TOKENS),
}  # fmt: skip
"""Kafka's `AclEntry.supportedOperations`."""


def _bits(resource_type: ResourceType) -> int:
    return sum(1 << operation for operation in OPERATIONS_OF[resource_type])


ALL_OF_TOPIC = _bits(ResourceType.TOPIC)
ALL_OF_CLUSTER = _bits(ResourceType.CLUSTER)
ALL_OF_GROUP = _bits(ResourceType.GROUP)
