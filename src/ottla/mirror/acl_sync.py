"""Who may read a topic of the source may read its copy: topic ACLs, with the right to write left behind.

Literal ones only. `ALLOW ALL` becomes `ALLOW READ`, `ALLOW WRITE` is left out: only the mirror writes to a copy. What
is taken away in the source stays in the target, as with MirrorMaker 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.clients.acls import ALL, ALLOW, LITERAL, READ, TOPIC, WRITE, create_acls, describe_acls
from ottla.protocol.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from ottla.clients.acls import AclBinding
    from ottla.clients.client import KafkaClient
    from ottla.mirror.flow_config import FlowConfig


def target_acl(flow: FlowConfig, binding: AclBinding) -> AclBinding | None:
    """What an ACL of the source becomes in the target; `None` if it is not copied."""
    allows = binding.permission_type == ALLOW
    if (
        binding.resource_type != TOPIC
        or binding.pattern_type != LITERAL
        or (allows and binding.operation == WRITE)
        or not flow.copies_topic(binding.resource_name)
    ):
        return None
    operation = READ if allows and binding.operation == ALL else binding.operation
    return binding._replace(resource_name=flow.remote_topic(binding.resource_name), operation=operation)


class AclSync:
    def __init__(self, flow: FlowConfig, source: KafkaClient, target: KafkaClient) -> None:
        self._flow = flow
        self._source = source
        self._target = target

    async def sync(self) -> None:
        """A source without an authorizer has none to copy; a target without one raises `KafkaError`."""
        try:
            bindings = await describe_acls(self._source, TOPIC)
        except KafkaError as error:
            if error.code is ErrorCode.SECURITY_DISABLED:
                return
            raise
        copied = [copy for binding in bindings if (copy := target_acl(self._flow, binding)) is not None]
        for error_or_none in await create_acls(self._target, copied):
            if error_or_none is not None:
                raise error_or_none
