"""How far a plan is: what of it is done, what moves, and what is otherwise than it says."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from ottla.clients.client import KafkaClient
from ottla.console.operations.partition_files import Assignment
from ottla.console.operations.reassignments import (
    Progress,
    current_assignments,
    ongoing_reassignments,
    reassignment_progress,
)
from ottla.console.operations.replica_directories import MISSING, MOVING, DirectoryMove, directory_moves

DONE, DIFFERENT = "done", "different"
SETTLE_TIMEOUT_S = 3.0
"""How long a broker may take to hear of what the controller says is done."""
SETTLE_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class PartitionState:
    """`DONE`, `MOVING`, or `DIFFERENT`: nothing moves it, and its replicas are not those of the plan."""

    topic: str
    partition: int
    state: str
    replicas: tuple[int, ...]
    target: tuple[int, ...]
    bytes_left: int | None


@dataclass(frozen=True, slots=True)
class PlanStatus:
    partitions: list[PartitionState]
    directories: list[DirectoryMove]

    @property
    def is_moving(self) -> bool:
        return self.moving > 0

    @property
    def is_done(self) -> bool:
        return {*self._states} == {DONE}

    @property
    def moving(self) -> int:
        return sum(state in (MOVING, MISSING) for state in self._states)

    @property
    def _states(self) -> list[str]:
        return [*(each.state for each in self.partitions), *(each.state for each in self.directories)]


async def plan_status(client: KafkaClient, plan: Sequence[Assignment]) -> PlanStatus:
    """Partitions in the order of the plan."""
    moving = {each.where: each for each in await ongoing_reassignments(client)}
    planned = {each.where for each in plan}
    progress = await reassignment_progress(client, [moving[where] for where in planned if where in moving])
    left = {each.reassignment.where: each.bytes_left for each in progress}
    there = {each.where: each.replicas for each in await current_assignments(client, {each.topic for each in plan})}
    states: list[PartitionState] = []
    for each in plan:
        replicas = there.get(each.where, ())
        state = MOVING if each.where in moving else DONE if replicas == each.replicas else DIFFERENT
        states.append(PartitionState(each.topic, each.partition, state, replicas, each.replicas, left.get(each.where)))
    return PlanStatus(states, await directory_moves(client, plan))


async def settled_status(client: KafkaClient, plan: Sequence[Assignment]) -> PlanStatus:
    """As `plan_status`, but "different" is said only when it stays so: brokers hear later what the controller knows."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + SETTLE_TIMEOUT_S
    while True:
        status = await plan_status(client, plan)
        if status.is_done or status.is_moving or loop.time() > deadline:
            return status
        await asyncio.sleep(SETTLE_POLL_S)


def bytes_left(progress: Sequence[Progress] | Sequence[PartitionState]) -> int:
    """Of all of them, as far as it is known."""
    return sum(each.bytes_left or 0 for each in progress)
