"""Records of a store, each write a transaction (KIP-618): whoever begins with the same id ends what others write.

So the topic of configurations has one writer even while two workers think that they lead, and nobody overwrites the
offsets that a task wrote meanwhile.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from ottla.clients.batch_sender import BatchSender
from ottla.clients.errors import ClientError
from ottla.clients.transaction import Transaction
from ottla.connect.api.errors import ConnectError
from ottla.connect.store.topic_log import WRITE_TIMEOUT_S, send_records
from ottla.protocol.errors import KafkaError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.clients.client import KafkaClient
    from ottla.connect.store.state_log import KeyValue

TRANSACTION_TIMEOUT_MS: Final = 15_000
"""A write takes milliseconds; what a worker that died has left open holds up who reads for no longer."""


class PrivilegedWriteError(ConnectError):
    """Nothing was written, or nobody knows: the writer has to begin again, if it still may."""


class TransactionalWriter:
    """`await begin()`, and then `await write(records)` as often as it succeeds."""

    def __init__(self, client: KafkaClient, topic: str, transactional_id: str) -> None:
        self._client = client
        self._topic = topic
        self._transaction = Transaction(client, transactional_id, timeout_ms=TRANSACTION_TIMEOUT_MS)
        self._sender = BatchSender(client, transaction=self._transaction)
        self._writing = asyncio.Lock()
        self.has_begun = False

    async def begin(self) -> None:
        """From now on nobody else writes under the id. `ConnectError`."""
        async with self._writing:
            self._sender.forget()
            try:
                await self._transaction.begin_again()
            except (KafkaError, ClientError) as error:
                text = f"the right to write to topic '{self._topic}' cannot be claimed: {error}"
                raise ConnectError(text) from error
            self.has_begun = True

    def give_up(self) -> None:
        """A write that is under way ends as it ends; the next one needs another beginning."""
        self.has_begun = False

    async def write(self, records: Sequence[KeyValue]) -> None:
        """Returns when they are committed. `PrivilegedWriteError`."""
        async with self._writing:
            if not self.has_begun:
                raise PrivilegedWriteError(f"topic '{self._topic}' is written to by who leads, and has claimed it")
            try:
                async with asyncio.timeout(WRITE_TIMEOUT_S):
                    await self._write(records)
            except (KafkaError, ClientError, TimeoutError) as error:
                self.give_up()
                reason = "there was no answer in time" if isinstance(error, TimeoutError) else str(error)
                raise PrivilegedWriteError(f"a write to topic '{self._topic}' failed: {reason}") from error
            except BaseException:
                self.give_up()
                raise

    async def _write(self, records: Sequence[KeyValue]) -> None:
        await send_records(self._client, self._sender, self._topic, records)
        await self._transaction.commit()

    def close(self) -> None:
        self.has_begun = False
        self._sender.close()
