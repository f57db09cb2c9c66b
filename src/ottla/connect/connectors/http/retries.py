"""Requests that may pass later: how often and when they are tried again, by `max.retries` and `retry.backoff.ms`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from ottla.connect.api.errors import ConnectError, RetriableError

if TYPE_CHECKING:
    from ottla.connect.api.task import SinkTaskContext
    from ottla.connect.connectors.http.client import Answer, HttpClient


class Retries:
    def __init__(self, client: HttpClient, most: int) -> None:
        self._client = client
        self._most = most
        self._tried = 0

    @property
    def is_over(self) -> bool:
        return self._tried >= self._most

    def forget(self) -> None:
        """It has passed."""
        self._tried = 0

    def pause_ms(self, answer: Answer | None, error: ConnectError) -> int:
        """Until the next try; `ConnectError` if there is none left."""
        if self.is_over:
            raise ConnectError(f"{error}, after {self._tried} more tries") from error
        pause_ms = self._client.retry_after_ms(answer, self._tried)
        self._tried += 1
        return pause_ms

    def put_again(self, context: SinkTaskContext, answer: Answer | None, error: ConnectError) -> NoReturn:
        """Have the worker put the same records again; `RetriableError`, or `pause_ms`'s."""
        context.timeout(self.pause_ms(answer, error))
        raise RetriableError(str(error)) from error
