"""The stream of changes: a connection of PostgreSQL's protocol of replication (COPY in both directions), by libpq.

    server ─► client   w  place, end, time, a message of pgoutput        k  end, time, whether to answer at once
    client ─► server   r  written, flushed, applied, time, 0             how far the server may forget its log

`receive` is called by one thread; `confirm` and `send_status` may be by another.
"""

from __future__ import annotations

import select
import struct
import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.postgres.failures import ConnectionLostError, explained
from ottla.connect.connectors.postgres.lsn import format_lsn, parse_lsn
from ottla.connect.connectors.postgres.pgoutput import EPOCH_US
from ottla.connect.connectors.postgres.session import (
    connection_parameters,
    import_psycopg,
    quoted,
    result_failure,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg.pq.abc import PGresult

    from ottla.connect.connectors.postgres.config import PostgresConfig

MESSAGES_AT_ONCE: Final = 4096
"""So many are taken before somebody looks what else is to do."""
_DATA: Final = struct.Struct(">QQq")
_KEEPALIVE: Final = struct.Struct(">QqB")
_STATUS: Final = struct.Struct(">cQQQqB")
_COPY_ENDED: Final = -1


class NewSlot(NamedTuple):
    consistent_lsn: int
    """Changes from there on come through the slot."""
    snapshot: str
    """The name under which another transaction sees what was before; as long as this connection does nothing else."""


class Change(NamedTuple):
    lsn: int
    data: bytes


class Keepalive(NamedTuple):
    lsn: int
    """All that was committed before has been sent."""


class Replication:
    def __init__(self, config: PostgresConfig) -> None:
        psycopg = import_psycopg()
        self._config = config
        self._error: type[Exception] = psycopg.Error
        self._lock = threading.Lock()
        self.confirmed_lsn = 0
        self._received_lsn = 0
        parameters = connection_parameters(config, f"ottla {config.prefix} stream") | {"replication": "database"}
        conninfo = psycopg.conninfo.make_conninfo(**parameters)
        self._pgconn = psycopg.pq.PGconn.connect(conninfo.encode())
        if self._pgconn.status != psycopg.pq.ConnStatus.OK:
            text = self._pgconn.error_message.decode("utf-8", "replace")
            self._pgconn.finish()
            raise explained(None, text, "connecting for replication", config)

    def close(self) -> None:
        with self._lock:
            self._pgconn.finish()

    def create_slot(self) -> NewSlot:
        doing = f"creating the replication slot {self._config.slot_name}"
        result = self._exec(
            f"CREATE_REPLICATION_SLOT {quoted(self._config.slot_name)} LOGICAL pgoutput EXPORT_SNAPSHOT", doing
        )
        cells = [result.get_value(0, column) for column in range(3)]
        assert cells[1] is not None
        assert cells[2] is not None
        return NewSlot(parse_lsn(cells[1].decode()), cells[2].decode())

    def start(self, lsn: int, *, with_messages: bool) -> None:
        """From now on `receive`. Raises `SlotInUseError`, `SlotLostError`, `ConnectError`."""
        from psycopg.pq import ExecStatus

        options = {"proto_version": "1", "publication_names": quoted(self._config.publication_name)}
        if with_messages:
            options["messages"] = "true"
        options |= self._config.stream_params
        shown = ", ".join(f"{quoted(key)} '{value.replace(chr(39), chr(39) * 2)}'" for key, value in options.items())
        slot = quoted(self._config.slot_name)
        doing = f"starting the stream of the slot {self._config.slot_name}"
        self._exec(
            f"START_REPLICATION SLOT {slot} LOGICAL {format_lsn(lsn)} ({shown})", doing, expected=ExecStatus.COPY_BOTH
        )
        self.confirmed_lsn = 0

    def receive(self, timeout_s: float) -> Iterator[Change | Keepalive]:
        """What is there, waiting a little for the first; at most `MESSAGES_AT_ONCE`."""
        for taken in range(MESSAGES_AT_ONCE):
            data = self._next()
            if data is None and taken == 0:
                select.select([self._pgconn.socket], [], [], timeout_s)
                data = self._next()
            if data is None:
                return
            yield self._message(data)

    def _next(self) -> bytes | None:
        with self._lock:
            try:
                length, data = self._pgconn.get_copy_data(1)
                if length == 0:
                    self._pgconn.consume_input()
                    length, data = self._pgconn.get_copy_data(1)
            except self._error as error:
                raise explained(None, str(error), "reading the stream", self._config) from error
            if length == _COPY_ENDED:
                raise self._ended()
            return bytes(data) if length > 0 else None

    def _ended(self) -> ConnectError:
        result = self._pgconn.get_result()
        if result is not None and result.error_message:
            return result_failure(result, "reading the stream", self._config)
        return ConnectionLostError(f"the server {self._config.hostname}:{self._config.port} ended the stream")

    def _message(self, data: bytes) -> Change | Keepalive:
        kind = data[:1]
        if kind == b"w" and len(data) > _DATA.size:
            lsn, _, _ = _DATA.unpack_from(data, 1)
            self._received_lsn = max(self._received_lsn, lsn)
            return Change(lsn, data[1 + _DATA.size :])
        if kind == b"k" and len(data) == 1 + _KEEPALIVE.size:
            lsn, _, wants_answer = _KEEPALIVE.unpack_from(data, 1)
            self._received_lsn = max(self._received_lsn, lsn)
            if wants_answer:
                self.send_status()
            return Keepalive(lsn)
        raise ConnectError(
            f"the stream holds a message of the kind {kind!r}, {len(data)} bytes, that nobody understands"
        )

    def confirm(self, lsn: int) -> None:
        """All before that place is stored: the server need not keep it."""
        self.confirmed_lsn = max(self.confirmed_lsn, lsn)
        self.send_status()

    def send_status(self) -> None:
        """That one is there, and what was confirmed. A lost connection is noticed by who receives."""
        lsn = self.confirmed_lsn
        now_us = time.time_ns() // 1000 - EPOCH_US
        with self._lock:
            try:
                self._pgconn.put_copy_data(_STATUS.pack(b"r", max(self._received_lsn, lsn), lsn, lsn, now_us, 0))
                self._pgconn.flush()
            except self._error:
                return

    def _exec(self, command: str, doing: str, expected: int | None = None) -> PGresult:
        from psycopg.pq import ExecStatus

        try:
            result: PGresult = self._pgconn.exec_(command.encode())
        except self._error as error:
            raise explained(None, str(error), doing, self._config) from error
        wanted = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK) if expected is None else (expected,)
        if result.status not in wanted:
            raise result_failure(result, doing, self._config)
        return result
