"""BrokerHeartbeat, API 63: versions 0 to 2.

KIP-631 (0), KIP-858 (1).
"""

from ottla.protocol.message import Request, Response, field
from ottla.protocol.types import Int16, Int32, Int64, Uuid


class BrokerHeartbeatRequest(Request, api=63, versions="0-2", flexible="0+"):
    """A broker stays registered, and asks to be unfenced or to shut down."""

    broker_id: Int32
    broker_epoch: Int64 = field(default=-1)
    current_metadata_offset: Int64
    want_fence: bool
    want_shut_down: bool
    offline_log_dirs: list[Uuid] = field("1+", default_factory=list, tag=0)
    cordoned_log_dirs: list[Uuid] | None = field("2+", default=None, nullable="2+", tag=1)


class BrokerHeartbeatResponse(Response, api=63, versions="0-2", flexible="0+"):
    """What state the controller has the broker in."""

    throttle_time_ms: Int32 = field(default=0)
    error_code: Int16
    is_caught_up: bool = field(default=False)
    is_fenced: bool = field(default=True)
    should_shut_down: bool
