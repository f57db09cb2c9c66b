"""The states of a transaction: names, ids in the log, and which may follow which (KIP-98, KIP-588, KIP-890).

    Empty ──► Ongoing ──► PrepareCommit ──► CompleteCommit ─┐
      │          └──────► PrepareAbort ───► CompleteAbort ──┼─► Ongoing, Empty (InitProducerId), PrepareAbort (v2), Dead
      └─────────────────────────┘ (v2: an empty abort)      │
      ▲─────────────────────────────────────────────────────┘

`PrepareEpochFence` and `Dead` are never written: the one is a step of fencing, the other an id that is being forgotten.
"""

from enum import Enum


class TransactionState(Enum):
    EMPTY = 0, "Empty"
    ONGOING = 1, "Ongoing"
    PREPARE_COMMIT = 2, "PrepareCommit"
    PREPARE_ABORT = 3, "PrepareAbort"
    COMPLETE_COMMIT = 4, "CompleteCommit"
    COMPLETE_ABORT = 5, "CompleteAbort"
    DEAD = 6, "Dead"
    PREPARE_EPOCH_FENCE = 7, "PrepareEpochFence"

    id: int
    text: str

    def __init__(self, state_id: int, text: str) -> None:
        self.id = state_id
        self.text = text


EMPTY = TransactionState.EMPTY
ONGOING = TransactionState.ONGOING
PREPARE_COMMIT = TransactionState.PREPARE_COMMIT
PREPARE_ABORT = TransactionState.PREPARE_ABORT
COMPLETE_COMMIT = TransactionState.COMPLETE_COMMIT
COMPLETE_ABORT = TransactionState.COMPLETE_ABORT
DEAD = TransactionState.DEAD
PREPARE_EPOCH_FENCE = TransactionState.PREPARE_EPOCH_FENCE

STATE_BY_ID = {state.id: state for state in TransactionState}
STATE_BY_NAME = {state.text: state for state in TransactionState}

AT_REST = frozenset((EMPTY, COMPLETE_COMMIT, COMPLETE_ABORT))
"""No transaction is open: a new one may begin, and the transactional id may expire."""

PREPARED = frozenset((PREPARE_COMMIT, PREPARE_ABORT))
"""Decided: the markers have to be written, whatever happens."""

VALID_PREVIOUS_STATES = {
    EMPTY: AT_REST,
    ONGOING: AT_REST | {ONGOING},
    PREPARE_COMMIT: frozenset((ONGOING,)),
    PREPARE_ABORT: AT_REST | {ONGOING, PREPARE_EPOCH_FENCE},
    COMPLETE_COMMIT: frozenset((PREPARE_COMMIT,)),
    COMPLETE_ABORT: frozenset((PREPARE_ABORT,)),
    DEAD: AT_REST,
    PREPARE_EPOCH_FENCE: frozenset((ONGOING,)),
}
