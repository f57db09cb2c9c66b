"""Records that a task was given and says that it cannot take (KIP-610, `WorkerErrantRecordReporter`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.connect.api.errors import ConnectError, IllegalWorkerStateError
from ottla.connect.task.errors import Failure, Stage

if TYPE_CHECKING:
    from concurrent.futures import Future

    from ottla.connect.api.record import SinkRecord
    from ottla.connect.api.task import SinkTask
    from ottla.connect.task.dead_letters import DeadLetterQueue
    from ottla.connect.task.errors import RecordErrors


class ErrantRecords:
    def __init__(
        self, task: SinkTask, errors: RecordErrors, dead_letters: DeadLetterQueue | None, flush_timeout_s: float
    ) -> None:
        self.originals: dict[int, Any] = {}
        """The consumer's record of each that the task has and has not dealt with, by its `id`."""
        self._task = task
        self._errors = errors
        self._dead_letters = dead_letters
        self._flush_timeout_s = flush_timeout_s
        self._waiting: list[Future[None]] = []

    def report(self, record: SinkRecord, error: BaseException) -> Future[None]:
        from concurrent.futures import Future as NewFuture

        original = self.originals.get(id(record))
        if original is None:
            raise IllegalWorkerStateError("only a record that was put and is not dealt with can be reported")
        class_name = f"{type(self._task).__module__}.{type(self._task).__qualname__}"
        waiting = self._errors.fail(Failure(original, Stage.TASK_PUT, class_name, error))
        self._waiting += waiting
        if waiting:
            return waiting[0]
        done: NewFuture[None] = NewFuture()
        done.set_result(None)
        return done

    def check(self) -> None:
        """Raises what a dead letter could not be written for."""
        for report in [each for each in self._waiting if each.done()]:
            self._waiting.remove(report)
            report.result()

    def wait_until_stored(self) -> None:
        """What was reported must be stored before offsets behind it are committed. `ConnectError`."""
        if self._dead_letters is not None and self._waiting:
            self._dead_letters.flush(self._flush_timeout_s)
            self.check()
            if self._waiting:
                raise ConnectError(f"{len(self._waiting)} dead letters could not be written in time")
