"""The bounds and delays of the transaction coordinator, under Kafka's defaults."""

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class TransactionCoordinatorConfig:
    transaction_max_timeout_ms: int = 900_000
    transactional_id_expiration_ms: int = 604_800_000
    abort_timed_out_interval_ms: int = 10_000
    remove_expired_interval_ms: int = 3_600_000
    # How long to wait before markers, or the record of a completed transaction, are tried again.
    retry_backoff_ms: int = 100
    write_timeout_ms: int = 30_000
    load_buffer_size: int = 5_242_880
