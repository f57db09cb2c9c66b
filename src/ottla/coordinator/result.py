"""What a decision of a coordinator hands to the shell: records to append, and the answer once they are committed.

A coordinator is a replicated state machine over one partition of an internal topic. *Deciding* looks at the state and
returns a `CoordinatorResult`; the shell appends its records as one batch, *replays* them into the state, and gives the
answer when the batch is committed. Nothing here knows of sockets, tasks or files.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeAlias, TypeVar

from ottla.protocol.errors import ErrorCode
from ottla.protocol.message import CoordinatorKey, CoordinatorValue

T = TypeVar("T")
TimerKey: TypeAlias = tuple[str, ...]


@dataclass(slots=True)
class CoordinatorRecord:
    """One record of an internal topic, before it is bytes; never changed. A `value` of `None` is a tombstone."""

    key: CoordinatorKey
    value: CoordinatorValue | None
    value_version: int = 0


@dataclass(slots=True)
class CoordinatorResult(Generic[T]):
    """The outcome of a decision.

    `replay` is false for a classic group's metadata record: the live group already is in the state that the record
    describes, and only a load builds it from there. What is not `atomic` may be appended as several batches.
    `on_committed` is told `NONE` when the records are committed, or why they never will be; it runs before the answer
    leaves.
    """

    records: list[CoordinatorRecord]
    response: T
    replay: bool = True
    on_committed: Callable[[ErrorCode], None] | None = None
    atomic: bool = True


TimerResult: TypeAlias = CoordinatorResult[None]


def nothing() -> TimerResult:
    """No record and no answer: the decision changed volatile state at most."""
    return CoordinatorResult([], None)


class CoordinatorTimers(Protocol):
    """Timers of one coordinator, by key. The shell runs what an operation returns as it runs a request's decision."""

    def schedule(self, key: TimerKey, delay_ms: int, operation: Callable[[], TimerResult]) -> None:
        """Call `operation` after `delay_ms`, instead of what was scheduled under this key before."""
        ...

    def cancel(self, key: TimerKey) -> None:
        """Forget the key; nothing happens if there is none."""
        ...

    def is_scheduled(self, key: TimerKey) -> bool: ...


class RequestingClient(Protocol):
    """What a decision may know of who asks; the broker's request context has this shape."""

    @property
    def api_version(self) -> int: ...

    @property
    def client_id(self) -> str | None: ...

    @property
    def client_host(self) -> str: ...
