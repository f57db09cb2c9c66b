"""Which brokers get the replicas of new partitions. Kafka's `StripedReplicaPlacer`. KIP-455, 631, 1066.

Three rules, strongest first: replicas lie on as many racks as there are; first replicas (the leaders to be) lie on
brokers that are not fenced; and brokers get equally many. Racks take turns in being first, and so do the brokers of a
rack; where they begin is drawn, so that small topics do not all land on the first broker. Brokers that are shutting
down, or have every directory cordoned, get nothing.
"""

from collections.abc import Iterable
from random import Random

from ottla.metadata.registration import BrokerRegistration
from ottla.protocol.errors import ErrorCode, KafkaError


class _Brokers:
    """The brokers of a rack that take turns; each placement (an epoch) starts one further."""

    def __init__(self, ids: Iterable[int], random: Random) -> None:
        self._ids = sorted(ids)
        self._epoch = 0
        self._index = 0
        self._offset = random.randrange(len(self._ids)) if self._ids else 0

    def __len__(self) -> int:
        return len(self._ids)

    def shuffle(self, random: Random) -> None:
        random.shuffle(self._ids)
        self._epoch = -1  # epochs begin again: nobody was given yet

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
    def __init__(self, brokers: Iterable[BrokerRegistration], random: Random) -> None:
        members = list(brokers)
        self.fenced = _Brokers((broker.broker_id for broker in members if broker.fenced), random)
        self.unfenced = _Brokers((broker.broker_id for broker in members if not broker.fenced), random)

    def shuffle(self, random: Random) -> None:
        self.fenced.shuffle(random)
        self.unfenced.shuffle(random)

    def next(self, epoch: int) -> int | None:
        chosen = self.unfenced.next(epoch)
        return self.fenced.next(epoch) if chosen is None else chosen


class _Racks:
    def __init__(self, brokers: Iterable[BrokerRegistration], random: Random) -> None:
        by_name: dict[tuple[bool, str], list[BrokerRegistration]] = {}
        for broker in brokers:
            by_name.setdefault((broker.rack is not None, broker.rack or ""), []).append(broker)
        self._racks = [_Rack(by_name[name], random) for name in sorted(by_name)]  # those without a rack first
        self._random = random
        self.unfenced_count = sum(len(rack.unfenced) for rack in self._racks)
        self._epoch = 0
        self._offset = random.randrange(len(self._racks)) if self._racks else 0

    def _shuffle(self) -> None:
        self._random.shuffle(self._racks)
        for rack in self._racks:
            rack.shuffle(self._random)

    def place(self, replication_factor: int) -> list[int]:
        if self._epoch == self.unfenced_count and self.unfenced_count > 1:
            self._shuffle()
            self._epoch = 0
        if self._offset == len(self._racks):
            self._offset = 0
        first = self._offset
        chosen = self._racks[first].unfenced.next(self._epoch)
        while chosen is None:  # there is an unfenced broker somewhere
            first = (first + 1) % len(self._racks)
            chosen = self._racks[first].unfenced.next(self._epoch)
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
    brokers: Iterable[BrokerRegistration], partitions: int, replication_factor: int, random: Random
) -> list[list[int]]:
    """The replicas of each of `partitions` new partitions. Raises `KafkaError` INVALID_REPLICATION_FACTOR."""
    usable = [broker for broker in brokers if broker.usable]
    racks = _Racks(usable, random)
    if replication_factor <= 0:
        raise _invalid(f"a replication factor of {replication_factor} is not positive")
    if not racks.unfenced_count:
        raise _invalid("all brokers are fenced, or have all their log directories cordoned")
    if replication_factor > len(usable):
        raise _invalid(
            f"a replication factor of {replication_factor} cannot be reached: {len(usable)} broker(s) are registered "
            "that take replicas"
        )
    return [racks.place(replication_factor) for _ in range(partitions)]


def _invalid(why: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REPLICATION_FACTOR, f"Unable to place replicas: {why}")
