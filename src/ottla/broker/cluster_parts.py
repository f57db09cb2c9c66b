"""What the coordinators of a node need where partitions are led by other brokers, too. A node alone has none of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.coordinator.cluster_enrolment import ClusterEnrolment
from ottla.broker.coordinator.cluster_markers import ClusterMarkers
from ottla.broker.peer.peers import Peers

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.broker.coordinator.cluster_share_states import ClusterShareStates
    from ottla.broker.coordinator.share_coordinator import ShareCoordinator
    from ottla.broker.coordinator.transaction_coordinator import TransactionCoordinator
    from ottla.broker.coordinator.transaction_markers import TransactionMarkers
    from ottla.broker.peer.absences import Absences
    from ottla.broker.peer.peer import PeerContext
    from ottla.metadata.image import MetadataImage
    from ottla.runtime.config.server_config import ServerConfig


class ClusterParts:
    """Each is made once; `undo` is told what is to be done at the stop."""

    def __init__(
        self,
        config: ServerConfig,
        context: PeerContext,
        image: Callable[[], MetadataImage],
        undo: Callable[[Callable[[], object]], object],
        absences: Absences,
    ) -> None:
        self._config = config
        self._context = context
        self._image = image
        self._undo = undo
        self._timeout_ms = config.get_int("request.timeout.ms")
        self._peers = Peers(context, config.inter_broker_listener_name, image, absences.lost)
        undo(self._peers.close)

    def markers(self, local: TransactionMarkers) -> ClusterMarkers:
        markers = ClusterMarkers(
            local, self._peers, self._image, node_id=self._config.node_id, timeout_ms=self._timeout_ms
        )
        self._undo(markers.close)
        return markers

    def enrolment(self, local: TransactionCoordinator) -> ClusterEnrolment:
        enrolment = ClusterEnrolment(
            local, self._peers, self._image, node_id=self._config.node_id, timeout_ms=self._timeout_ms
        )
        self._undo(enrolment.close)
        return enrolment

    def share_states(self, local: ShareCoordinator) -> ClusterShareStates:
        from ottla.broker.coordinator.cluster_share_states import ClusterShareStates

        states = ClusterShareStates(
            local,
            self._peers,
            self._image,
            self._context.timers,
            node_id=self._config.node_id,
            timeout_ms=self._timeout_ms,
        )
        self._undo(states.close)
        return states
