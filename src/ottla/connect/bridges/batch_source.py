"""A source whose program reads it once and ends, and its task: what those have in common, whatever language it speaks.

With `exactly.once.source.support` and `transaction.boundary=connector` there is one transaction a state.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from ottla.connect.api.connector import ExactlyOnceSupport, SourceConnector
from ottla.connect.api.task import SourceTask
from ottla.connect.bridges.batch_config import IDLE_TIMEOUT, POLL_INTERVAL
from ottla.connect.bridges.batch_runs import BatchRuns
from ottla.connect.bridges.installed import require_valid
from ottla.connect.bridges.transactions import Transactions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.record import SourceRecord
    from ottla.connect.bridges.checkpoints import Checkpoints
    from ottla.connect.bridges.installed import Installed
    from ottla.connect.bridges.plugin_process import PluginProcess
    from ottla.connect.bridges.private_folder import PrivateFolder


class Messages(Protocol):
    """What knows the lines of a program."""

    misfits: int
    """Records that did not fit their schema."""

    def take(self, line: bytes) -> list[SourceRecord]:
        """What may go on after this line."""
        ...


class BatchSourceConnector(SourceConnector):
    installed: ClassVar[Installed | None] = None
    """Of a connector that is installed: each is a class."""

    def start(self, props: Mapping[str, str]) -> None:
        require_valid(self.validate(props))
        self._props = dict(props)

    def exactly_once_support(self, props: Mapping[str, str]) -> ExactlyOnceSupport:
        by_state = props.get("transaction.boundary", "").strip().lower() == "connector"
        return ExactlyOnceSupport.SUPPORTED if by_state else ExactlyOnceSupport.UNSUPPORTED

    def can_define_transaction_boundaries(self, _props: Mapping[str, str]) -> bool:
        return True


class BatchSourceTask(SourceTask):
    """`start` of a subclass makes `_files`, and ends with `_run`; it is the `Conversation` of its `BatchRuns`."""

    _files: PrivateFolder | None = None
    _runs: BatchRuns | None = None

    def _run(self, messages: Messages, checkpoints: Checkpoints, values: Mapping[str, Any]) -> None:
        self._messages = messages
        self._checkpoints = checkpoints
        self._transactions = Transactions(self.context, checkpoints)
        self._runs = BatchRuns(self, values[POLL_INTERVAL], values[IDLE_TIMEOUT])

    def poll(self) -> list[SourceRecord] | None:
        assert self._runs is not None, "the task is not started"
        return self._transactions.mark(self._runs.poll())

    def stop(self) -> None:
        if self._runs is not None:
            self._runs.stop()
        if self._files is not None:
            self._files.close()

    def metrics(self) -> Mapping[str, float]:
        if self._runs is None:
            return {}
        return self._runs.metrics() | {"plugin-misfits-total": self._messages.misfits}

    @abstractmethod
    def begin(self) -> PluginProcess: ...

    def hear(self, line: bytes) -> list[SourceRecord]:
        return self._messages.take(line)

    def quiet(self) -> list[SourceRecord]:
        return self._checkpoints.release_covered()

    def end(self) -> list[SourceRecord]:
        return self._checkpoints.release_covered() or self._checkpoints.release()

    def reason(self) -> str:
        return ""
