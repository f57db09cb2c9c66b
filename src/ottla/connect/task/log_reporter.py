"""Errors in the log (`errors.log.enable`, `LogReporter`)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ottla.connect.task.errors import Failure

_log = logging.getLogger("ottla.connect.errors")


class LogReporter:
    def __init__(self, task_id: str, *, with_messages: bool) -> None:
        self._task_id = task_id
        self._with_messages = with_messages
        self.logged = 0

    def report(self, failure: Failure) -> None:
        what = f"Error encountered in task {self._task_id}. Executing stage '{failure.stage.value}' with class "
        record = f", where record is {failure.original}" if self._with_messages else ""
        self.logged += 1
        _log.error("%s'%s'%s.", what, failure.class_name, record, exc_info=failure.error)
