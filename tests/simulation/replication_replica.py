"""One broker of a simulated cluster, as far as it replicates: real partitions, logs and fetchers; a disk of its own."""

from __future__ import annotations

import itertools
from pathlib import PurePath
from typing import TYPE_CHECKING

from tests.simulation.disk import SimulatedDisk
from tests.unit.broker.replicas import over_the_wire, readable

from ottla.broker.apis.fetch import FetchHandler
from ottla.broker.apis.list_offsets import ListOffsetsHandler
from ottla.broker.replica.fetch_session import FetchSessionCache
from ottla.broker.replica.fetcher.fetcher_state import FetcherSettings, FetcherState
from ottla.broker.replica.leadership import LeaderContext, Leadership
from ottla.broker.replica.partition import Partition
from ottla.broker.replica.replica_manager import ReplicaManager
from ottla.broker.request_context import ClientConnection, RequestContext
from ottla.log.config import LogConfig
from ottla.log.manager import LogManager
from ottla.metadata.loader import MetadataLoader
from ottla.protocol.api.fetch import FetchRequest, FetchResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.simulation.replication_world import ReplicationWorld

    from ottla.broker.replica.isr_changes import IsrAnswer, IsrChange
    from ottla.metadata.delta import MetadataDelta
    from ottla.metadata.image import MetadataImage
    from ottla.metadata.record_serde import VersionedRecord
    from ottla.protocol.api.list_offsets import ListOffsetsRequest, ListOffsetsResponse
    from ottla.protocol.message import Request

FETCH_VERSION = 17
LIST_OFFSETS_VERSION = 10
LAG_TIME_MAX_MS = 400
DIRECTORY = PurePath("/data")
SETTINGS = {"min_bytes": 1, "max_wait_ms": 0, "max_bytes": 4000, "partition_max_bytes": 400, "backoff_ms": 100.0}


class SimulatedReplica:
    """`run`: how often it was started. `seen`: how many records of the metadata it has replayed."""

    def __init__(self, world: ReplicationWorld, node_id: int, seed: int) -> None:
        self.world = world
        self.node_id = node_id
        self.disk = SimulatedDisk(seed)
        self.run = 0
        self.is_up = False
        self.broker_epoch = -1
        self.seen = 0
        self.clean = True

    # --- its life

    def start(self) -> None:
        world = self.world
        self.run += 1
        self.is_up = True
        self.seen = 0
        self._loader = MetadataLoader()
        names = itertools.count(1)
        self.logs = LogManager(self.disk, [DIRECTORY], world.clock, unique=lambda: next(names).to_bytes(16, "big"))
        self.logs.open_all(self.log_config)
        self.fetchers: dict[int, FetcherState] = {}
        self.asking: set[int] = set()
        self._leaders: dict[Partition, int] = {}
        self.manager = ReplicaManager(
            node_id=self.node_id,
            logs=self.logs,
            clock=world.clock,
            log_config=lambda image, topic: self.log_config(topic),
            report=world.reports.append,
            replication=lambda: self,
        )
        ids = itertools.count(self.run * 1000)
        self.sessions = FetchSessionCache(10, lambda: next(ids))
        self.fetch_handler = FetchHandler(self.manager, self.sessions, world.clock, world.timers, 10_000)
        self.list_offsets_handler = ListOffsetsHandler(self.manager)
        self._connection = ClientConnection(client_host="127.0.0.1", client_port=1, listener="PLAINTEXT")

    def crash(self, *, power: bool) -> None:
        """The process is gone, and with `power` what the disk was not told to keep."""
        self.is_up = False
        self.disk.crash(power=power)

    def wipe(self) -> None:
        """Its disk is replaced by an empty one."""
        self.disk = SimulatedDisk(self.world.random.randrange(1 << 30))

    def log_config(self, topic: str) -> LogConfig:
        return LogConfig(
            segment_bytes=600,
            index_interval_bytes=200,
            min_insync_replicas=self.world.min_insync_replicas,
            retention_ms=-1,
        )

    def take_metadata(self, records: Sequence[VersionedRecord]) -> None:
        self._loader.take([one.record for one in records], self._loader.offset + len(records))
        delta = self._loader.publish(epoch=1, timestamp_ms=self.world.clock.now_ms())
        if delta is not None:
            self.manager.on_metadata(delta, self._loader.image)

    @property
    def image(self) -> MetadataImage:
        return self.manager.image

    @property
    def partition(self) -> Partition | None:
        found = self.manager.find("t", 0)
        return found if isinstance(found, Partition) else None

    # --- as `Replication` of its manager

    def new_leadership(self, partition: Partition) -> Leadership:
        context = LeaderContext(
            node_id=self.node_id,
            clock=self.world.clock,
            cluster=lambda: self.manager.image.cluster,
            broker_epoch=lambda: self.broker_epoch,
            isr_changes=self,
            lag_time_max_ms=lambda: LAG_TIME_MAX_MS,
        )
        return Leadership(partition, context)

    def follow(self, partition: Partition) -> None:
        if self._leaders.get(partition, partition.leader) != partition.leader:
            self.unfollow(partition)
        self._leaders[partition] = partition.leader
        fetcher = self.fetchers.get(partition.leader)
        if fetcher is None:
            settings = FetcherSettings(self.node_id, **SETTINGS)  # type: ignore[arg-type]  # ints and one float
            fetcher = FetcherState(settings, follower=self.manager, report=self.world.reports.append)
            self.fetchers[partition.leader] = fetcher
        fetcher.follow(partition, self.world.clock.now_ms())

    def unfollow(self, partition: Partition) -> None:
        leader = self._leaders.pop(partition, None)
        if leader is not None:
            self.fetchers[leader].unfollow((partition.topic_id, partition.index))

    def on_metadata(self, delta: MetadataDelta, image: MetadataImage) -> None:
        if self.partition is not None and self.partition.leadership is not None:
            self.partition.leadership.expand()

    def propose(self, change: IsrChange, answered: Callable[[IsrAnswer], None]) -> None:
        self.world.alter_partition(self, change, answered)

    # --- requests

    def _context(self, request: Request, version: int) -> RequestContext:
        return RequestContext(request.api_key, version, 1, "simulated", self._connection)

    def serve_fetch(self, request: FetchRequest) -> FetchResponse:
        answer = self.fetch_handler(self._context(request, FETCH_VERSION), over_the_wire(request, FETCH_VERSION))
        assert isinstance(answer, FetchResponse)
        return readable(answer, FETCH_VERSION)

    def serve_list_offsets(self, request: ListOffsetsRequest) -> ListOffsetsResponse:
        request = over_the_wire(request, LIST_OFFSETS_VERSION)
        return self.list_offsets_handler(self._context(request, LIST_OFFSETS_VERSION), request)
