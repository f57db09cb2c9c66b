"""Elections of leaders: who leads and should not, elect the preferred one, or an unclean one (KIP-460)."""

from collections.abc import Iterable
from dataclasses import dataclass

from ottla.clients.client import KafkaClient
from ottla.clients.consumer import TopicPartition
from ottla.console.operations.topics import unknown_topic
from ottla.protocol.api.elect_leaders import ElectLeadersRequest, ElectLeadersResponse, TopicPartitions
from ottla.protocol.errors import ErrorCode, KafkaError, error_code

PREFERRED, UNCLEAN = 0, 1
_NO_CHANGE = (ErrorCode.NONE, ErrorCode.ELECTION_NOT_NEEDED)


@dataclass(frozen=True, slots=True)
class Leadership:
    """Who leads a partition, and who is its preferred leader."""

    topic: str
    partition: int
    leader: int | None
    preferred: int
    replicas: tuple[int, ...]
    isr: tuple[int, ...]

    def needs_election(self, *, unclean: bool) -> bool:
        """Whether one of that kind would change who leads."""
        if unclean:
            return self.leader is None
        return self.leader != self.preferred and self.preferred in self.isr


@dataclass(frozen=True, slots=True)
class Election:
    topic: str
    partition: int
    error: str | None
    """The name of an error code, if no leader could be elected."""
    message: str | None
    elected: bool
    """False where the leader was the right one already."""
    leader: int | None
    """Who leads now; where it is not the preferred replica, as far as the broker that was asked knows."""


async def leaderships(client: KafkaClient, topics: Iterable[str] | None = None) -> list[Leadership]:
    """Of all partitions, or of those of these topics. `KafkaError` names a topic that is not there."""
    wanted = None if topics is None else list(topics)
    metadata = await client.refresh_metadata(wanted)
    for name in wanted or ():
        if name not in metadata.topics:
            raise await unknown_topic(client, name)
    names = sorted(metadata.topics) if wanted is None else wanted
    return [
        Leadership(
            name,
            each.index,
            each.leader if each.leader >= 0 else None,
            each.replicas[0],
            each.replicas,
            each.isr,
        )
        for name in names
        for each in metadata.topics[name].partitions.values()
    ]


async def elect_leaders(
    client: KafkaClient, partitions: Iterable[TopicPartition] | None, *, unclean: bool = False
) -> list[Election]:
    """Elect in these partitions, or in all that need it. What failed is in the list, with its error."""
    by_topic: dict[str, list[int]] = {}
    for topic, partition in partitions or ():
        by_topic.setdefault(topic, []).append(partition)
    request = ElectLeadersRequest(
        election_type=UNCLEAN if unclean else PREFERRED,
        topic_partitions=None
        if partitions is None
        else [TopicPartitions(topic=topic, partitions=indexes) for topic, indexes in by_topic.items()],
        timeout_ms=int(client.request_timeout_ms),
    )

    async def ask() -> ElectLeadersResponse:
        response = await client.send_any(request, ElectLeadersResponse)
        if response.error_code != ErrorCode.NONE:
            raise KafkaError(error_code(response.error_code))
        return response

    response = await client.retry(ask)
    await client.refresh_metadata(None)
    return sorted(
        (
            Election(
                result.topic,
                each.partition_id,
                None if each.error_code in _NO_CHANGE else error_code(each.error_code).name,
                each.error_message if each.error_code not in _NO_CHANGE else None,
                each.error_code == ErrorCode.NONE,
                _leader(
                    client,
                    TopicPartition(result.topic, each.partition_id),
                    is_preferred=not unclean and each.error_code in _NO_CHANGE,
                ),
            )
            for result in response.replica_election_results
            for each in result.partition_result
        ),
        key=lambda election: (election.topic, election.partition),
    )


def _leader(client: KafkaClient, where: TopicPartition, *, is_preferred: bool) -> int | None:
    """The broker that was asked may not have heard yet who was elected; that it is the preferred one is known."""
    topic = client.metadata.topics.get(where.topic)
    known = topic.partitions.get(where.partition) if topic is not None else None
    if known is None:
        return None
    leader = known.replicas[0] if is_preferred and known.replicas else known.leader
    return leader if leader >= 0 else None
