"""A node of Ottla on a simulated machine: the real `Node`, started, killed, stopped and started again."""

from __future__ import annotations

from contextvars import Context
from pathlib import PurePath
from typing import TYPE_CHECKING

from tests.simulation.cluster.layouts import CLUSTER_ID, DATA

from ottla.broker.node import Node, StartError
from ottla.broker.start import start_unless_stopped
from ottla.broker.storage_format import FormatRequest, format_storage
from ottla.runtime.config.static_config import server_config_of
from ottla.runtime.loop import StopRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.cluster.layouts import Layout, NodeLayout
    from tests.simulation.cluster.loop import SimulatedLoop
    from tests.simulation.cluster.machine import Machine
    from tests.simulation.cluster.process import Process

    from ottla.broker.controller.broker_losses import BrokerLosses
    from ottla.broker.controller.quorum_shell import QuorumShell
    from ottla.broker.coordinator.group_coordinator import GroupCoordinator
    from ottla.broker.replica.partition import Partition
    from ottla.broker.replica.replica_manager import ReplicaManager
    from ottla.log.manager import LogManager
    from ottla.raft.voter_set import VoterSet


class ObservedNode(Node):
    """Shows what it is made of."""

    logs: LogManager | None = None
    replicas: ReplicaManager | None = None

    def _make_replicas(self, logs: LogManager, cluster_id: str) -> tuple[ReplicaManager, GroupCoordinator]:
        made = super()._make_replicas(logs, cluster_id)
        self.logs, self.replicas = logs, made[0]
        return made


class SimulatedNode:
    """One node over all its lives; `node` is there while it serves."""

    def __init__(self, machine: Machine, node: NodeLayout, layout: Layout) -> None:
        self.machine = machine
        self.name = machine.host
        self.config = server_config_of({"log.dirs": DATA, **layout.settings, **node.settings})
        if layout.voters is not None:
            self._format(layout.voters)
        self.process: Process | None = None
        self.node: ObservedNode | None = None
        self.lives = 0
        self.directories_lost = 0
        """How often it ended without one of them."""
        self.last_words: list[str] = []
        """Why it ended by itself, life by life."""
        self.is_wanted = False
        """Started again when it ends by itself."""
        self._stop: StopRequest | None = None
        self._is_asked_to_stop = False

    def _format(self, voters: VoterSet) -> None:
        """As `ottla storage format`."""
        is_voter = self.config.node_id in voters.node_ids
        request = FormatRequest(
            log_directories=[PurePath(path) for path in self.config.get_list("log.dirs")],
            metadata_directory=PurePath(DATA),
            node_id=self.config.node_id,
            controller_endpoints=(),
            cluster_id=CLUSTER_ID,
            is_voter=False,
            voters=voters if is_voter else None,
        )
        machine = self.machine
        format_storage(
            machine.disk,
            request,
            ignore_formatted=False,
            now_ms=machine.clock.now_ms(),
            new_uuid=lambda: machine.random.randbytes(16),
        )

    @property
    def quorum(self) -> QuorumShell | None:
        """While it serves."""
        metadata = None if self.node is None else self.node._metadata
        return None if metadata is None else metadata.quorum

    @property
    def losses(self) -> BrokerLosses | None:
        """Of its controller, while it serves."""
        metadata = None if self.node is None else self.node._metadata
        return None if metadata is None else metadata._losses

    @property
    def broker_epoch(self) -> int:
        """Of this life, while it serves."""
        membership = None if self.node is None else self.node._membership
        return -1 if membership is None else membership.broker_epoch

    def partitions(self) -> Iterator[Partition]:
        """While it serves: those that it has a replica of."""
        if self.node is not None and self.node.replicas is not None:
            yield from self.node.replicas.partitions()

    @property
    def is_stopping(self) -> bool:
        """Asked to, or by itself, because a disk failed."""
        return self._is_asked_to_stop or (self._stop is not None and self._stop.requested)

    @property
    def has_failed_directory(self) -> bool:
        """It serves without it, until it is started again."""
        logs = None if self.node is None else self.node.logs
        return logs is not None and any(directory.failure is not None for directory in logs.directories)

    @property
    def loop(self) -> SimulatedLoop:
        return self.machine.loop

    @property
    def is_up(self) -> bool:
        """There is a process; it may still be starting, or be stopping."""
        return self.process is not None and self.process.is_alive

    def start(self) -> None:
        if self.is_up:
            return
        self.lives += 1
        self._stop = None
        self._is_asked_to_stop = False
        self.machine.power_on()
        self.process = self.machine.new_process(f"{self.name}/{self.lives}")
        self.loop.call_soon(self._spawn, context=self.process.context)

    def _spawn(self) -> None:
        self.loop.create_task(self._serve())

    async def _serve(self) -> None:
        assert self.process is not None
        stop = self._stop = StopRequest(self.loop)
        node = ObservedNode(self.config, stop, self.machine.world_of(self.process))
        try:
            is_up = await start_unless_stopped(node, stop)
        except (StartError, OSError) as error:
            self.last_words.append(f"cannot start: {error}")
            await node.stop()
        except Exception as error:
            self.loop.call_exception_handler({"message": f"{self.name} ends", "exception": error})
        else:
            if is_up:
                self.node = node
                await stop.wait()
            await node.stop()
            if stop.failure is not None:
                self.last_words.append(f"{stop.reason}: {stop.failure}")
        self._end()

    def _end(self) -> None:
        self.directories_lost += self.has_failed_directory
        self.node = None
        if self.process is not None:
            self.machine.kill(self.process)
        if self.is_wanted:
            self.loop.call_later(0.1, self.start, context=Context())

    # ── what is done to it ─────────────────────────────────────────────────────────────────────────────────────────

    def stop(self) -> None:
        """SIGTERM."""
        if self.is_up and self._stop is not None:
            assert self.process is not None
            self._is_asked_to_stop = True
            self.loop.call_soon(self._stop.stop, "SIGTERM", context=self.process.context)

    def kill(self) -> None:
        """SIGKILL."""
        self._end()

    def lose_power(self) -> None:
        self.node = None
        self.machine.lose_power()

    def pause(self) -> None:
        if self.process is not None:
            self.loop.pause(self.process)

    def resume(self) -> None:
        if self.process is not None:
            self.loop.resume(self.process)
