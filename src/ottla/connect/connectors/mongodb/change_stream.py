"""A change stream that is read on and on: opened at a token, a time or now, and again where it was when it closes.

What no driver can do is to go on behind a token that the server has forgotten: `ConnectError` says so, or, where errors
are tolerated, it begins anew, and what was between is not read.
"""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.mongodb.driver import Collation, OperationFailure, PyMongoError, Timestamp
from ottla.connect.connectors.mongodb.pipelines import pipeline
from ottla.connect.connectors.mongodb.source_config import (
    AWAIT_TIME_MS,
    BATCH_SIZE,
    BEFORE_CHANGE,
    COLLATION,
    COLLECTION,
    DATABASE,
    DEFAULT,
    EXPANDED_EVENTS,
    FULL_DOCUMENT,
    FULL_DOCUMENT_ONLY,
    LOOKUP,
    MAX_BATCH_SIZE,
    PIPELINE,
    START_AT,
    TIMESTAMP,
    operation_time,
    startup_mode,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.connectors.mongodb.documents import Document

_log = logging.getLogger("ottla.connect.mongodb")
MAX_AWAIT_MS: Final = 1000
"""So long a source may wait in one poll."""
EMPTY_PAUSE_S: Final = 0.05
"""After an empty answer of a server that does not wait for events."""
ABSENT_PAUSE_S: Final = 1.0
"""Until one looks again for what is not there to be watched."""
_NAMESPACE_NOT_FOUND: Final = 26
_ILLEGAL_OPERATION: Final = 20
_UNKNOWN_FIELD: Final = 40415
_LOST: Final = (260, 280, 286, 10334)
"""Invalid resume token, fatal error, history lost, an event that is too large."""
_TOKEN_WORDS: Final = ("resume token", "resume point")
_LOST_WORDS: Final = ("not found", "does not exist", "invalid resume token", "no longer be in the oplog")


class ChangeStream:
    def __init__(self, client: Any, config: Mapping[str, Any], token: Document | None, *, tolerates: bool) -> None:
        self._config = config
        self._target = client
        if config[DATABASE]:
            self._target = self._target[config[DATABASE]]
        if config[COLLECTION]:
            self._target = self._target[config[COLLECTION]]
        self._tolerates = tolerates
        self._most: int = config[MAX_BATCH_SIZE]
        self._options = _options(config)
        self._token = token
        """Of what was read last."""
        self._stream: Any = None

    @property
    def token(self) -> Document | None:
        """What to go on behind, as the server says it."""
        told: Document | None = self._stream.resume_token if self._stream is not None else None
        return told or self._token

    def open(self) -> None:
        """If it is not; a namespace that is not there yet leaves it closed, to be opened later."""
        if self._stream is None:
            self._stream = self._opened()

    def batch(self) -> list[Document]:
        """The next events, waiting a little for the first; `PyMongoError` as it comes, after which it can go on."""
        began_s = time.monotonic()
        self.open()
        events: list[Document] = []
        try:
            while self._stream is not None and len(events) < self._most:
                event = self._stream.try_next()
                if event is None:
                    break
                events.append(event)
                self._token = event["_id"]
                if not self._stream.alive:  # it was invalidated: its collection is gone, or has another name
                    self.close()
                elif not _has_more(self._stream):
                    break
        except PyMongoError as error:
            self.close()
            if not events:
                self._give_up_token(error)
        pause_s = EMPTY_PAUSE_S if self._stream is not None else ABSENT_PAUSE_S
        if not events and time.monotonic() - began_s < pause_s:
            time.sleep(pause_s)
        return events

    def close(self) -> None:
        """What is read next goes on where this was, which a server says even where nothing happened."""
        stream, self._stream = self._stream, None
        if stream is not None:
            self._token = stream.resume_token or self._token
            try:
                stream.close()
            except PyMongoError as error:
                _log.debug("a change stream that is given up cannot be closed: %s", error)

    def _opened(self) -> Any:
        where: dict[str, Any] = {}
        if self._token is not None:
            where["start_after"] = self._token
        elif startup_mode(self._config) == TIMESTAMP and (at := operation_time(self._config[START_AT])) is not None:
            where["start_at_operation_time"] = Timestamp(at.seconds, at.increment)
        try:
            return self._target.watch(pipeline(self._config[PIPELINE]), **self._options, **where)
        except OperationFailure as error:
            if error.code == _NAMESPACE_NOT_FOUND:
                _log.info("there is nothing to watch yet: %s", error)
                return None
            self._give_up_token(error)
            return None

    def _give_up_token(self, error: PyMongoError) -> None:
        """Raises the error unless it is about the token, and that may be forgotten."""
        code = error.code if isinstance(error, OperationFailure) else None
        if code == _ILLEGAL_OPERATION:
            raise ConnectError(f"A change stream cannot have this pipeline, or not on this server: {error}") from error
        if code == _UNKNOWN_FIELD:
            raise ConnectError(f"The server does not know all that is asked of the change stream: {error}") from error
        if not _is_about_token(error, code):
            raise error
        if not self._tolerates:
            raise ConnectError(
                f"The server cannot go on behind the stored resume token: {error}. What happened since may be lost. "
                "Forget the offset (DELETE …/offsets), or set offset.partition.name, to begin anew, with "
                "startup.mode=copy_existing from all that there is; errors.tolerance=all does so by itself"
            ) from error
        _log.error("the resume token is given up, what happened since may be lost: %s", error)
        self._token = None


def _options(config: Mapping[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {"max_await_time_ms": min(config[AWAIT_TIME_MS], MAX_AWAIT_MS)}
    full_document = LOOKUP if config[FULL_DOCUMENT_ONLY] else config[FULL_DOCUMENT]
    if full_document and full_document != DEFAULT:
        options["full_document"] = full_document
    if config[BEFORE_CHANGE] and config[BEFORE_CHANGE] != DEFAULT:
        options["full_document_before_change"] = config[BEFORE_CHANGE]
    if config[BATCH_SIZE]:
        options["batch_size"] = config[BATCH_SIZE]
    if config[EXPANDED_EVENTS]:
        options["show_expanded_events"] = True
    if config[COLLATION].strip():
        options["collation"] = Collation(**json.loads(config[COLLATION]))
    return options


def _is_about_token(error: PyMongoError, code: int | None) -> bool:
    text = str(error).lower()
    of_words = any(word in text for word in _TOKEN_WORDS) and any(word in text for word in _LOST_WORDS)
    return code in _LOST or of_words


def _has_more(stream: Any) -> bool:
    """Whether it has another event without asking the server; the driver has no public word for it."""
    has_next = getattr(getattr(stream, "_cursor", None), "_has_next", None)
    return has_next is not None and bool(has_next())
