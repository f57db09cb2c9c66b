"""Which brokers get the replicas of new partitions. Kafka's `StripedReplicaPlacer`. KIP-455, 631.

Three rules, strongest first: replicas lie on as many racks as there are; first replicas (the leaders to be) lie on
brokers that are not fenced; and brokers get equally many. Racks take turns in being first, and so do the brokers of a
rack; the lists are shuffled so that small topics do not all land on the first broker.
"""

from collections.abc import Iterable, Sequence
from random import Random

from ottla.metadata.registration import BrokerRegistration
from ottla.protocol.errors import ErrorCode, KafkaError


class _Brokers:
    """The brokers of a rack that take turns; each placement (an epoch) starts one further."""

    def __init__(self, ids: list[int]) -> None:
        self._ids = ids
        self._epoch = 0
        self._index = 0
        self._offset = 0

    def __len__(self) -> int:
        return len(self._ids)

    def shuffle(self, random: Random) -> None:
        """And begin again with epoch 0."""
        random.shuffle(self._ids)
        self._epoch = self._index = self._offset = 0

    def next(self, epoch: int) -> int | None:
        """`None`: each was given in this epoch."""
        if not self._ids:
            return None
        if self._epoch != epoch:
            self._epoch = epoch
            self._index = 0
            self._offset = (self._offset + 1) % len(self._ids)
        if self._index >= len(self._ids):
            return None
        chosen = self._ids[(self._index + self._offset) % len(self._ids)]
        self._index += 1
        return chosen


class _Rack:
    def __init__(self, brokers: Iterable[BrokerRegistration]) -> None:
        usable = sorted(brokers, key=lambda broker: broker.broker_id)
        self.unfenced = _Brokers([broker.broker_id for broker in usable if not broker.fenced])
        self.fenced = _Brokers([broker.broker_id for broker in usable if broker.fenced])

    def shuffle(self, random: Random) -> None:
        self.fenced.shuffle(random)
        self.unfenced.shuffle(random)

    def next(self, epoch: int) -> int | None:
        chosen = self.unfenced.next(epoch)
        return self.fenced.next(epoch) if chosen is None else chosen


class _Racks:
    def __init__(self, brokers: Sequence[BrokerRegistration], random: Random) -> None:
        names = sorted({broker.rack or "" for broker in brokers})
        self._racks = [_Rack(broker for broker in brokers if (broker.rack or "") == name) for name in names]
        self._random = random
        self._unfenced = sum(len(rack.unfenced) for rack in self._racks)
        self._epoch = 0
        self._offset = 0
        self._shuffle()

    @property
    def unfenced_count(self) -> int:
        return self._unfenced

    def _shuffle(self) -> None:
        for rack in self._racks:
            rack.shuffle(self._random)

    def place(self, replication_factor: int) -> list[int]:
        if self._epoch == self._unfenced:
            self._shuffle()
            self._epoch = 0
        if self._offset == len(self._racks):
            self._offset = 0
        first = self._offset
        chosen = None
        while chosen is None:  # there is an unfenced broker somewhere
            chosen = self._racks[first].unfenced.next(self._epoch)
            if chosen is None:
                first = (first + 1) % len(self._racks)
        replicas = [chosen]
        skip_first: int | None = first
        index = self._offset
        while len(replicas) < replication_factor:  # there are as many brokers
            if index == skip_first:
                skip_first = None  # the first rack's turn comes again only after the others'
            elif (chosen := self._racks[index].next(self._epoch)) is not None:
                replicas.append(chosen)
            index = (index + 1) % len(self._racks)
        self._epoch += 1
        self._offset += 1
        return replicas


def place_replicas(
    brokers: Sequence[BrokerRegistration], partitions: int, replication_factor: int, random: Random
) -> list[list[int]]:
    """The replicas of each of `partitions` new partitions. Raises `KafkaError` INVALID_REPLICATION_FACTOR."""
    if replication_factor <= 0:
        raise _invalid(f"a replication factor of {replication_factor} is not positive")
    racks = _Racks(brokers, random)
    if not racks.unfenced_count:
        raise _invalid("all brokers are fenced")
    if replication_factor > len(brokers):
        raise _invalid(
            f"a replication factor of {replication_factor} cannot be reached: {len(brokers)} broker(s) are registered"
        )
    return [racks.place(replication_factor) for _ in range(partitions)]


def _invalid(why: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REPLICATION_FACTOR, f"Unable to place replicas: {why}")
