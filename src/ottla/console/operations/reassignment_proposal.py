"""A plan for topics of a cluster: how it is now, how it could be; and whether a plan fits the cluster at all."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ottla.console.operations.brokers import not_registered, registered_brokers
from ottla.console.operations.reassignment_plan import PlanError, propose
from ottla.console.operations.reassignments import current_assignments

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ottla.clients.client import KafkaClient
    from ottla.console.operations.partition_files import Assignment


@dataclass(frozen=True, slots=True)
class Proposal:
    current: list[Assignment]
    proposed: list[Assignment]
    """Partition by partition as `current`."""

    @property
    def changed(self) -> list[tuple[Assignment, Assignment]]:
        """Before and after, of the partitions that change."""
        return [(before, after) for before, after in zip(self.current, self.proposed, strict=True) if before != after]

    @property
    def copied_replicas(self) -> int:
        return sum(len(set(after.replicas) - set(before.replicas)) for before, after in self.changed)


async def propose_for(
    client: KafkaClient,
    topics: Iterable[str],
    *,
    brokers: Sequence[int] | None = None,
    replication_factor: int | None = None,
    racks: bool = True,
) -> Proposal:
    """On these brokers, or on all that are active. `KafkaError` names what is not there, `PlanError` what cannot be."""
    current = await current_assignments(client, topics)
    registered = await registered_brokers(client)
    if brokers is None:
        brokers = [broker_id for broker_id, broker in registered.items() if not broker.fenced]
    for broker_id in brokers:
        if broker_id not in registered:
            raise not_registered(broker_id, registered)
    proposed = await asyncio.to_thread(
        propose,
        {each.where: each.replicas for each in current},
        brokers,
        racks={each: registered[each].rack for each in brokers} if racks else None,
        replication_factor=replication_factor,
    )
    return Proposal(current, proposed)


async def replaced_by(client: KafkaClient, plan: Sequence[Assignment]) -> list[Assignment]:
    """How the partitions of a plan are now. `KafkaError` names a broker that is not there, `PlanError` a partition."""
    registered = await registered_brokers(client)
    for broker_id in sorted({broker_id for each in plan for broker_id in each.replicas}):
        if broker_id not in registered:
            raise not_registered(broker_id, registered)
    planned = {each.where for each in plan}
    current = await current_assignments(client, {each.topic for each in plan})
    unknown = sorted(planned - {each.where for each in current})
    if unknown:
        raise PlanError(f"there is no partition {unknown[0].topic}-{unknown[0].partition}")
    return [each for each in current if each.where in planned]
