"""What became of an append: an error value, or the offsets that the records got."""

from dataclasses import dataclass
from enum import Enum

from ottla.protocol.errors import ErrorCode


class AppendOrigin(Enum):
    """Who appends, which decides what is checked and who assigns offsets (`AppendOrigin`).

    CLIENT: everything is checked, one batch a call, offsets are assigned here.
    COORDINATOR: our own records (`__consumer_offsets`, transaction markers); control batches allowed, offsets are
        assigned here.
    RAFT: the quorum's own batches, control batches allowed; their offsets stand already, and must follow the log's end.
    REPLICATION: a leader's bytes as they are; offsets and epochs stay, gaps (compaction) are allowed.
    """

    CLIENT = "client"
    COORDINATOR = "coordinator"
    RAFT = "raft"
    REPLICATION = "replication"


@dataclass(slots=True)
class RecordError:
    """One record that was the reason of a refusal: its index in the batch (KIP-467) and why."""

    batch_index: int
    message: str | None


@dataclass(slots=True)
class AppendResult:
    """`error` NONE: `base_offset … last_offset` are in the log (a duplicate: where they were before, `duplicate` True).

    `log_append_time_ms` is -1 unless the topic stamps records itself (of a duplicate it is the batch's timestamp, as in
    Kafka). With an error nothing was written, and the offsets are -1.
    """

    error: ErrorCode
    base_offset: int
    last_offset: int
    log_append_time_ms: int
    log_start_offset: int
    duplicate: bool = False
    record_errors: tuple[RecordError, ...] = ()
    error_message: str | None = None
