"""The acknowledgements of a request, checked before anything is looked at, and brought to their share partitions.

```
AcknowledgementBatch ::= first offset · last offset · types: one for all offsets, or one for each
type                 ::= 0 gap | 1 accept | 2 release | 3 reject | 4 renew (version 2, where the request says so)
```

Batches are in order and do not overlap. What is wrong with those of one partition is that partition's error.
Source: ShareFetchRequest, KafkaApis.validateAcknowledgementBatches.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Protocol, TypeAlias

from ottla.broker.share.in_flight import RENEW, Acknowledgement, Refused
from ottla.broker.share.share_partition import Life
from ottla.broker.share.share_partitions import SharePartitions
from ottla.broker.share.share_session import TopicPartition
from ottla.protocol.errors import ErrorCode

NO_RENEWAL = "Renewing acquisition locks is not enabled for the group."


class AcknowledgementBatch(Protocol):
    """Of a ShareFetch or ShareAcknowledge request."""

    @property
    def first_offset(self) -> int: ...

    @property
    def last_offset(self) -> int: ...

    @property
    def acknowledge_types(self) -> list[int]: ...


Acknowledged: TypeAlias = dict[TopicPartition, Refused | None]


def check(batches: Iterable[AcknowledgementBatch], *, is_renew: bool) -> list[Acknowledgement] | Refused:
    checked: list[Acknowledgement] = []
    previous_last = -1
    invalid = Refused(ErrorCode.INVALID_REQUEST)
    for batch in batches:
        first, last, types = batch.first_offset, batch.last_offset, batch.acknowledge_types
        if not 0 <= first <= last or first < previous_last:
            return invalid
        if len(types) not in (1, last - first + 1) or not all(0 <= kind <= RENEW for kind in types):
            return invalid
        if RENEW in types and not is_renew:
            return invalid
        checked.append(Acknowledgement(first, last, types))
        previous_last = last
    return checked


def acknowledge(
    shares: SharePartitions,
    group_id: str,
    member_id: str,
    wanted: Mapping[TopicPartition, Sequence[AcknowledgementBatch]],
    *,
    is_renew: bool,
) -> Acknowledged | Awaitable[Acknowledged]:
    """The outcome by partition: `None`, or why not. At once, unless something is still being persisted."""
    outcomes: Acknowledged = {}
    pending: dict[TopicPartition, Awaitable[Refused | None]] = {}
    may_renew = shares.config_of(group_id).renew_acknowledge_enable
    for where, batches in wanted.items():
        checked = check(batches, is_renew=is_renew)
        if isinstance(checked, Refused):
            outcomes[where] = checked
            continue
        if not may_renew and any(RENEW in each.types for each in checked):
            outcomes[where] = Refused(ErrorCode.INVALID_RECORD_STATE, NO_RENEWAL)
            continue
        share = shares.find(group_id, where)
        if isinstance(share, ErrorCode):
            outcomes[where] = Refused(share)
        elif share.life is not Life.ACTIVE:  # what was acquired before is not acquired any more
            error = ErrorCode.INVALID_RECORD_STATE
            outcomes[where] = Refused(error, error.message)
        else:
            outcome = share.acknowledge(member_id, checked)
            if outcome is None or isinstance(outcome, Refused):
                outcomes[where] = outcome
            else:
                pending[where] = outcome
    return _all(outcomes, pending) if pending else outcomes


async def _all(outcomes: Acknowledged, pending: Mapping[TopicPartition, Awaitable[Refused | None]]) -> Acknowledged:
    settled = await asyncio.gather(*pending.values())
    return outcomes | dict(zip(pending, settled, strict=True))
