"""What a leader does: appends, and moves the high watermark. KIP-595.

The high watermark is the highest offset that a majority has on disk, once that lies beyond the epoch's first record.
A single voter is its own majority, so it is the end of what was synced.
"""

from collections.abc import Sequence

from ottla.raft.batches import data_batch
from ottla.raft.effects import AdvanceHighWatermark, AppendBatch, Effect
from ottla.raft.state import Leader, QuorumState, RaftError


def append_records(state: QuorumState, values: Sequence[bytes], now_ms: int) -> list[Effect]:
    """One batch. `RaftError` unless this replica leads; `ValueError` if the records do not fit into one batch."""
    if not isinstance(state.role, Leader):
        raise RaftError(f"node {state.local.node_id} does not lead epoch {state.epoch}")
    base_offset = state.log_end_offset
    batch = data_batch(base_offset, state.epoch, values, now_ms)
    state.log_end_offset = base_offset + len(values)
    return [AppendBatch(batch, base_offset, state.log_end_offset - 1, state.epoch, now_ms)]


def local_log_synced(state: QuorumState, end_offset: int) -> list[Effect]:
    """Everything below `end_offset` is on our disk."""
    role = state.role
    if not isinstance(role, Leader) or end_offset <= role.synced_offset:
        return []
    assert end_offset <= state.log_end_offset, f"synced {end_offset} of {state.log_end_offset}"
    role.synced_offset = end_offset
    if end_offset <= role.epoch_start_offset or end_offset <= state.high_watermark:
        return []
    state.high_watermark = end_offset
    return [AdvanceHighWatermark(end_offset)]
