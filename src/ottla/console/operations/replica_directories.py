"""Replicas into the log directories that a plan names, each on its broker (KIP-113)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ottla.clients.client import KafkaClient
from ottla.clients.consumer import TopicPartition
from ottla.clients.errors import BrokerUnreachableError
from ottla.console.operations.brokers import log_directory_results
from ottla.console.operations.partition_files import Assignment
from ottla.console.operations.reassignments import Refusal
from ottla.protocol.api.alter_replica_log_dirs import (
    AlterReplicaLogDir,
    AlterReplicaLogDirsRequest,
    AlterReplicaLogDirsResponse,
    AlterReplicaLogDirTopic,
)
from ottla.protocol.errors import ErrorCode, KafkaError, error_code

DONE, MOVING, MISSING, ELSEWHERE, UNKNOWN = "done", "moving", "missing", "elsewhere", "unknown"


@dataclass(frozen=True, slots=True)
class DirectoryMove:
    """`ELSEWHERE`: it lies in another directory, and nothing moves it; `UNKNOWN`: its broker does not answer."""

    topic: str
    partition: int
    broker_id: int
    directory: str
    state: str


async def move_into_directories(client: KafkaClient, assignments: Iterable[Assignment]) -> list[Refusal]:
    """Ask each broker. Of a replica that it has not yet it remembers where it is to be made: that is no refusal."""
    refusals: list[Refusal] = []
    for broker_id, directories in sorted(_by_broker(assignments).items()):
        request = AlterReplicaLogDirsRequest(
            dirs=[
                AlterReplicaLogDir(
                    path=directory,
                    topics=[
                        AlterReplicaLogDirTopic(name=where.topic, partitions=[where.partition]) for where in wheres
                    ],
                )
                for directory, wheres in directories.items()
            ]
        )
        response = await client.send_to(broker_id, request, AlterReplicaLogDirsResponse)
        refusals += [
            Refusal(topic.topic_name, each.partition_index, error_code(each.error_code).name, f"broker {broker_id}")
            for topic in response.results
            for each in topic.partitions
            if each.error_code not in (ErrorCode.NONE, ErrorCode.REPLICA_NOT_AVAILABLE)
        ]
    return refusals


async def directory_moves(client: KafkaClient, assignments: Sequence[Assignment]) -> list[DirectoryMove]:
    """How far each is."""
    found: list[DirectoryMove] = []
    for broker_id, directories in sorted(_by_broker(assignments).items()):
        places = await _places(client, broker_id)
        for directory, wheres in directories.items():
            for where in wheres:
                if places is None:
                    state = UNKNOWN
                else:
                    now, future = places.get(where, (None, None))
                    state = _state(directory, now, future)
                found.append(DirectoryMove(where.topic, where.partition, broker_id, directory, state))
    return found


def _state(wanted: str, now: str | None, future: str | None) -> str:
    if now == wanted:
        return DONE
    if future == wanted:
        return MOVING
    return MISSING if now is None else ELSEWHERE


async def _places(client: KafkaClient, broker_id: int) -> dict[TopicPartition, tuple[str | None, str | None]] | None:
    """Where each replica of a broker lies, and where it is being copied to."""
    try:
        results = await log_directory_results(client, broker_id)
    except (BrokerUnreachableError, KafkaError):
        return None
    places: dict[TopicPartition, tuple[str | None, str | None]] = {}
    for result in results:
        for topic in result.topics:
            for each in topic.partitions:
                where = TopicPartition(topic.name, each.partition_index)
                now, future = places.get(where, (None, None))
                places[where] = (now, result.log_dir) if each.is_future_key else (result.log_dir, future)
    return places


def _by_broker(assignments: Iterable[Assignment]) -> dict[int, dict[str, list[TopicPartition]]]:
    by_broker: dict[int, dict[str, list[TopicPartition]]] = {}
    for assignment in assignments:
        for broker_id, directory in assignment.moves_into_directories().items():
            by_broker.setdefault(broker_id, {}).setdefault(directory, []).append(assignment.where)
    return by_broker
