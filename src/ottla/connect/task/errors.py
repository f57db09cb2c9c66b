"""What becomes of a record that cannot be converted or transformed: tried again, left out, reported, or the task's end.

KIP-298 (`RetryWithToleranceOperator`), KIP-610. `errors.tolerance`, `errors.retry.…`, `errors.log.…`.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from ottla.connect.api.errors import ConnectError, RetriableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

    from ottla.connect.task.control import Control

T = TypeVar("T")
RETRY_DELAY_MIN_MS: Final = 300


class Stage(Enum):
    TASK_POLL = "TASK_POLL"
    TASK_PUT = "TASK_PUT"
    TRANSFORMATION = "TRANSFORMATION"
    KEY_CONVERTER = "KEY_CONVERTER"
    VALUE_CONVERTER = "VALUE_CONVERTER"
    HEADER_CONVERTER = "HEADER_CONVERTER"
    KAFKA_PRODUCE = "KAFKA_PRODUCE"
    KAFKA_CONSUME = "KAFKA_CONSUME"


@dataclass(slots=True)
class Failure:
    """`original` is the record as it came: the consumer's for a sink, `SourceRecord` for a source."""

    original: Any
    stage: Stage
    class_name: str
    error: BaseException
    attempts: int = 1


class Reporter(Protocol):
    logged: int
    """How many of them stand in the log."""

    def report(self, failure: Failure) -> Future[None] | None:
        """`None`: it is done already."""
        ...


@dataclass(frozen=True, slots=True)
class ErrorConfig:
    tolerates_all: bool
    retry_timeout_ms: int
    retry_delay_max_ms: int
    log: bool
    log_messages: bool

    @classmethod
    def of(cls, config: Mapping[str, str]) -> ErrorConfig:
        def flag(key: str) -> bool:
            return config.get(key, "false").strip().lower() == "true"

        return cls(
            config.get("errors.tolerance", "none").strip() == "all",
            int(config.get("errors.retry.timeout", "0")),
            int(config.get("errors.retry.delay.max.ms", "60000")),
            flag("errors.log.enable"),
            flag("errors.log.include.messages"),
        )


class ToleranceExceededError(ConnectError):
    """The task fails with it; what it was stands behind it."""


class RecordErrors:
    """`attempt` gives a result, or `SKIPPED` for a record that is left out."""

    def __init__(self, config: ErrorConfig, control: Control, reporters: list[Reporter]) -> None:
        self._config = config
        self._control = control
        self._reporters = reporters
        self.failures = 0
        self.retries = 0
        self.skipped = 0
        self.errors = 0
        """Records, or batches of them, with which it came to an end."""
        self.last_error_ms = 0
        """Since 1970; 0: there was none."""

    def attempt(
        self, original: Any, stage: Stage, class_name: str, work: Callable[..., T], *arguments: Any
    ) -> T | Skipped:
        try:
            return work(*arguments)
        except RetriableError as error:
            return self._again(original, stage, class_name, error, work, arguments)
        except Exception as error:
            return self._give_up(Failure(original, stage, class_name, error))

    def _again(
        self,
        original: Any,
        stage: Stage,
        class_name: str,
        error: Exception,
        work: Callable[..., T],
        arguments: tuple[Any, ...],
    ) -> T | Skipped:
        config = self._config
        began_ms = time.monotonic() * 1000
        attempts = 1
        while True:
            self.failures += 1
            elapsed_ms = time.monotonic() * 1000 - began_ms
            for_ever = config.retry_timeout_ms < 0
            if self._control.stopping or not (for_ever or elapsed_ms < config.retry_timeout_ms):
                return self._give_up(Failure(original, stage, class_name, error, attempts))
            delay_ms: float = RETRY_DELAY_MIN_MS << min(attempts - 1, 40)
            if delay_ms > config.retry_delay_max_ms:
                delay_ms = random.uniform(0, config.retry_delay_max_ms)
            if not for_ever:
                delay_ms = min(delay_ms, max(0.0, config.retry_timeout_ms - elapsed_ms))
            self._control.sleep(delay_ms / 1000)
            attempts += 1
            self.retries += 1
            try:
                return work(*arguments)
            except RetriableError as again:
                error = again
            except Exception as other:
                return self._give_up(Failure(original, stage, class_name, other, attempts))

    def values(self) -> dict[str, float]:
        """Under their names in `ConnectMetricsRegistry`."""
        return {
            "total-record-failures": self.failures,
            "total-record-errors": self.errors,
            "total-records-skipped": self.skipped,
            "total-retries": self.retries,
            "total-errors-logged": sum(reporter.logged for reporter in self._reporters),
            "last-error-timestamp": self.last_error_ms,
        }

    def _count(self) -> None:
        self.failures += 1
        self.errors += 1
        self.last_error_ms = int(time.time() * 1000)

    def _give_up(self, failure: Failure) -> Skipped:
        self._count()
        self.report(failure)
        if not self._config.tolerates_all:
            raise ToleranceExceededError("Tolerance exceeded in error handler") from failure.error
        self.skipped += 1
        return SKIPPED

    def report(self, failure: Failure) -> list[Future[None]]:
        """To whoever is to know; what is still under way."""
        done = [reporter.report(failure) for reporter in self._reporters]
        return [future for future in done if future is not None]

    def fail(self, failure: Failure) -> list[Future[None]]:
        """A record that the task itself reports (KIP-610). `ConnectError` where none is tolerated."""
        self._count()
        waiting = self.report(failure)
        if not self._config.tolerates_all:
            raise ToleranceExceededError("Tolerance exceeded in error handler") from failure.error
        self.skipped += 1
        return waiting


class Skipped:
    """What `attempt` gives for a record that is left out."""


SKIPPED: Final = Skipped()
