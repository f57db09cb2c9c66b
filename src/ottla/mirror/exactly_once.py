"""Copies exactly once: records and the position behind them become visible in the target together, or not at all.

Transactions follow each other. To end one, sending pauses until all is acknowledged, the source offsets go into the
same transaction, and it is committed. After any failure it is ended, one way or the other, and the target is asked
where to go on: a commit without an answer may have taken place, and another process may have copied meanwhile. A
process that was killed leaves an open one, which the next process aborts before it looks where to go on.

Only readers of committed records see it; the others see what was aborted too. A second process that runs the same flow
fences the first, and is fenced by it again: they hold each other up, and still nothing comes twice.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ottla.clients.batch_sender import BatchSender
    from ottla.clients.transaction import Transaction
    from ottla.mirror.flow_config import FlowConfig
    from ottla.mirror.progress import FlowProgress
    from ottla.mirror.record_copy import RecordCopy
    from ottla.mirror.source_offsets import SourceOffsets

TRANSACTION_S: Final = 0.2
"""So long records wait to be seen."""


def transactional_id(flow: FlowConfig) -> str:
    """That of the first task of MirrorMaker 2 for this flow: each fences the other."""
    return f"{flow.source.alias}-mm2-MirrorSourceConnector-0"


class ExactlyOnce:
    def __init__(
        self,
        transaction: Transaction,
        sender: BatchSender,
        copy: RecordCopy,
        offsets: SourceOffsets,
        progress: FlowProgress,
    ) -> None:
        self._transaction = transaction
        self._sender = sender
        self._copy = copy
        self._offsets = offsets
        self._progress = progress
        self._has_begun = True
        """The flow began the first one, before it read the source offsets."""

    async def run(self) -> None:
        """Until cancelled; after a failure it begins again when it is run again."""
        while True:
            if not self._has_begun:
                self._sender.forget()
                await self._transaction.begin_again()
                await self._offsets.load()
                self._copy.roll_back()
                self._has_begun = True
                self._copy.resume()
            await asyncio.sleep(TRANSACTION_S)
            await self.commit()
            self._progress.troubles.pop("transactions", None)

    async def commit(self) -> None:
        """End the open transaction. Whatever this raises, `run` begins again."""
        if not self._has_begun:
            return
        self._has_begun = False
        self._copy.pause()
        await self._copy.drain()
        if self._copy.failure is not None:
            raise self._copy.failure
        if self._transaction.is_open:
            changed = await self._offsets.commit_with(self._sender)
            await self._transaction.commit()
            self._offsets.committed(changed)
            self._copy.committed()
        self._has_begun = True
        self._copy.resume()
