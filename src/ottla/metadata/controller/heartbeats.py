"""Which brokers are alive, as the active controller sees it. KIP-631, 841; Kafka's `BrokerHeartbeatManager`.

    FENCED ──────────── caught up with its registration ──────────► UNFENCED
    UNFENCED ────────── wants to stop, and leads something ───────► CONTROLLED_SHUTDOWN
    CONTROLLED_SHUTDOWN leads nothing, and the others know ───────► SHUTDOWN_NOW

Nothing of this is in the log: a controller that becomes active begins anew, and gives every broker that is not fenced
a whole session. A session lasts `broker.session.timeout.ms` from the last contact; a broker that registered and never
said more has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.metadata.image import MetadataImage
    from ottla.protocol.api.broker_heartbeat import BrokerHeartbeatRequest

DEFAULT_SESSION_TIMEOUT_MS = 9_000
NO_OFFSET = -1


class BrokerControlState(Enum):
    FENCED = "may not lead"
    UNFENCED = "may lead"
    CONTROLLED_SHUTDOWN = "may not lead, and may not stop yet"
    SHUTDOWN_NOW = "may stop"

    @property
    def fenced(self) -> bool:
        return self in (BrokerControlState.FENCED, BrokerControlState.SHUTDOWN_NOW)


@dataclass(slots=True)
class BrokerHeartbeatState:
    """One registered broker."""

    epoch: int
    fenced: bool
    registration_offset: int
    """Of its registration, or behind it: a broker whose metadata reaches this offset knows that it is registered."""
    metadata_offset: int = NO_OFFSET
    """Up to where it has the metadata, by its last heartbeat."""
    controlled_shutdown_offset: int = NO_OFFSET
    """It may stop when every active broker has the metadata up to here."""
    last_contact_ms: float | None = None
    """`None`: it has no session."""

    @property
    def shutting_down(self) -> bool:
        return self.controlled_shutdown_offset != NO_OFFSET

    @property
    def state(self) -> BrokerControlState:
        if self.shutting_down:
            return BrokerControlState.CONTROLLED_SHUTDOWN
        return BrokerControlState.FENCED if self.fenced else BrokerControlState.UNFENCED


class BrokerHeartbeats:
    """As many states as there are registered brokers. Times are monotonic and given by the caller."""

    def __init__(self, session_timeout_ms: int = DEFAULT_SESSION_TIMEOUT_MS) -> None:
        self.session_timeout_ms = session_timeout_ms
        self._brokers: dict[int, BrokerHeartbeatState] = {}

    def activate(self, image: MetadataImage, now_ms: float) -> None:
        """This controller has become the active one, with `image` as everything that was appended."""
        self._brokers = {
            broker.broker_id: BrokerHeartbeatState(
                broker.epoch,
                broker.fenced,
                registration_offset=image.offset,
                last_contact_ms=None if broker.fenced else now_ms,
            )
            for broker in image.cluster.brokers.values()
        }

    def deactivate(self) -> None:
        self._brokers = {}

    def state(self, broker_id: int) -> BrokerHeartbeatState | None:
        return self._brokers.get(broker_id)

    # ── sessions ───────────────────────────────────────────────────────────────────────────────────────────────────

    def contact(self, broker_id: int, broker_epoch: int, now_ms: float) -> None:
        """A heartbeat has come. One of an earlier run of the broker says nothing."""
        broker = self._brokers.get(broker_id)
        if broker is not None and broker.epoch == broker_epoch:
            broker.last_contact_ms = now_ms

    def has_valid_session(self, broker_id: int, now_ms: float) -> bool:
        broker = self._brokers.get(broker_id)
        return broker is not None and broker.last_contact_ms is not None and not self._is_expired(broker, now_ms)

    def stale_broker(self, now_ms: float) -> int | None:
        """The broker that was silent for longest, if its session is over."""
        stale = [
            (broker.last_contact_ms, broker_id)
            for broker_id, broker in self._brokers.items()
            if broker.last_contact_ms is not None and self._is_expired(broker, now_ms)
        ]
        return min(stale)[1] if stale else None

    def next_deadline_ms(self) -> float | None:
        """When the next session is over, unless there is a contact before."""
        contacts = [one.last_contact_ms for one in self._brokers.values() if one.last_contact_ms is not None]
        return min(contacts) + self.session_timeout_ms if contacts else None

    def end_session(self, broker_id: int) -> None:
        """It is known to be gone, or about to go: another run of it may register at once."""
        broker = self._brokers.get(broker_id)
        if broker is not None:
            broker.last_contact_ms = None

    def _is_expired(self, broker: BrokerHeartbeatState, now_ms: float) -> bool:
        return broker.last_contact_ms is not None and broker.last_contact_ms + self.session_timeout_ms <= now_ms

    # ── states ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def register(self, broker_id: int, broker_epoch: int, *, fenced: bool, registration_offset: int) -> None:
        """It begins anew, whatever it was about to do; a run that registers again keeps its session."""
        before = self._brokers.get(broker_id)
        same_run = before is not None and before.epoch == broker_epoch
        contact_ms = before.last_contact_ms if before is not None and same_run else None
        self._brokers[broker_id] = BrokerHeartbeatState(
            broker_epoch, fenced, registration_offset, last_contact_ms=contact_ms
        )

    def touch(self, broker_id: int, *, fenced: bool, metadata_offset: int) -> None:
        """A fenced broker leaves its controlled shutdown: it stops at once when it asks again."""
        broker = self._brokers[broker_id]
        broker.fenced = fenced
        broker.metadata_offset = metadata_offset
        if fenced:
            broker.controlled_shutdown_offset = NO_OFFSET

    def fence(self, broker_id: int) -> None:
        broker = self._brokers.get(broker_id)
        if broker is not None:
            self.touch(broker_id, fenced=True, metadata_offset=broker.metadata_offset)
            broker.last_contact_ms = None

    def remove(self, broker_id: int) -> None:
        self._brokers.pop(broker_id, None)

    def begin_controlled_shutdown(self, broker_id: int, offset: int) -> None:
        """`offset`: of the last record that moves its leaders away. It stays what it was at first."""
        broker = self._brokers[broker_id]
        if not broker.shutting_down:
            broker.controlled_shutdown_offset = offset

    def lowest_active_offset(self) -> int | None:
        """Up to where every broker that may lead has the metadata; `None` when there is none."""
        return min(
            (one.metadata_offset for one in self._brokers.values() if not one.fenced and not one.shutting_down),
            default=None,
        )

    def next_state(
        self, broker_id: int, request: BrokerHeartbeatRequest, has_leaderships: Callable[[], bool]
    ) -> BrokerControlState:
        """What a heartbeat makes of a broker. Changes nothing."""
        broker = self._brokers[broker_id]
        match broker.state:
            case BrokerControlState.FENCED:
                if request.want_shut_down:
                    return BrokerControlState.SHUTDOWN_NOW
                caught_up = request.current_metadata_offset >= broker.registration_offset
                if caught_up and not request.want_fence:
                    return BrokerControlState.UNFENCED
                return BrokerControlState.FENCED
            case BrokerControlState.UNFENCED:
                if request.want_fence:
                    return BrokerControlState.SHUTDOWN_NOW if request.want_shut_down else BrokerControlState.FENCED
                if not request.want_shut_down:
                    return BrokerControlState.UNFENCED
                return BrokerControlState.CONTROLLED_SHUTDOWN if has_leaderships() else BrokerControlState.SHUTDOWN_NOW
            case _:
                lowest = self.lowest_active_offset()
                others_know = lowest is None or broker.controlled_shutdown_offset <= lowest
                if others_know and not has_leaderships():
                    return BrokerControlState.SHUTDOWN_NOW
                return BrokerControlState.CONTROLLED_SHUTDOWN
