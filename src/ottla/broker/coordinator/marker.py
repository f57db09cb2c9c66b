"""The marker that ends a producer's transaction, as it goes to partitions (KIP-98; KIP-1228: with the version)."""

from typing import NamedTuple

from ottla.protocol.control_batch import end_transaction_batch


class Marker(NamedTuple):
    """`coordinator_epoch`: the leader epoch of the partition of `__transaction_state` that decided."""

    producer_id: int
    producer_epoch: int
    coordinator_epoch: int
    commit: bool
    transaction_version: int

    def batch(self, now_ms: int) -> bytearray:
        return end_transaction_batch(
            commit=self.commit,
            producer_id=self.producer_id,
            producer_epoch=self.producer_epoch,
            coordinator_epoch=self.coordinator_epoch,
            timestamp_ms=now_ms,
        )
