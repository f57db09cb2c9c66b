"""What must hold of a cluster whatever the seed, judged in the end by what is in it and what clients were told."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from ottla.clients.consumer import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.simulation.cluster.audit import Found
    from tests.simulation.cluster.ledger import Ledger


class Invariant(Protocol):
    def check(self, found: Found, ledger: Ledger) -> None: ...


class NoAcknowledgedRecordLost:
    """What a producer was told is written is there, where it was told."""

    def check(self, found: Found, ledger: Ledger) -> None:
        for where, values in ledger.acknowledged.items():
            at = {value: offset for offset, value in found.records[where]}
            for value, offset in values.items():
                assert value in at, f"NoAcknowledgedRecordLost: {where}: {value!r}, which was at {offset}"
                assert offset in (-1, at[value]), f"NoAcknowledgedRecordLost: {where}: {value!r} was at {offset}"


class NothingTwice:
    """What idempotent producers wrote is there once at most, and only what they wrote."""

    def check(self, found: Found, ledger: Ledger) -> None:
        for where, attempted in ledger.attempted.items():
            values = [value for _, value in found.records[where]]
            strange = set(values) - attempted
            assert not strange, f"NothingTwice: {where}: nobody wrote {sorted(strange)[:3]}"
            twice = (
                sorted({value for value in values if values.count(value) > 1}) if len(set(values)) < len(values) else []
            )
            assert not twice, f"NothingTwice: {where}: {twice[:3]}"


class OrderOfEachProducer:
    """A producer's records are in a partition in the order in which it sent them."""

    def check(self, found: Found, ledger: Ledger) -> None:
        for where in ledger.attempted:
            last: dict[bytes, int] = {}
            for offset, value in found.records[where]:
                name, _, number = value.rpartition(b":")
                assert int(number) > last.get(name, -1), f"OrderOfEachProducer: {where} {offset}: {value!r}"
                last[name] = int(number)


class OffsetsNeverReused:
    """What a consumer was given at an offset is there for ever, and offsets only grow."""

    def check(self, found: Found, ledger: Ledger) -> None:
        for where, records in found.records.items():
            for (before, _), (after, _) in pairwise(records):
                assert before < after, f"OffsetsNeverReused: {where}: {after} after {before}"
        for (where, offset), value in ledger.seen.items():
            if where in found.records and offset >= found.starts[where]:
                now = next((each for at, each in found.records[where] if at == offset), None)
                assert now == value, f"OffsetsNeverReused: {where} {offset} was {value!r} and is {now!r}"


@dataclass(slots=True)
class NoCommitLost:
    """The position of a group is one that it committed: the last one, unless a commit may take long to arrive."""

    group: str
    is_prompt: bool = True

    def check(self, found: Found, ledger: Ledger) -> None:
        for (group, where), offset in ledger.commits.items():
            if group == self.group:
                now = found.commits.get((group, where), -1)
                asked = ledger.commits_asked.get((group, where), set()) | {offset}
                assert now in asked, f"NoCommitLost: {group} {where}: {now}, and {offset} was acknowledged"
                if self.is_prompt:
                    assert now >= offset, f"NoCommitLost: {group} {where}: {now}, and {offset} was acknowledged"


@dataclass(slots=True)
class NothingSkipped:
    """A group was given everything that lies before its position."""

    group: str

    def check(self, found: Found, ledger: Ledger) -> None:
        for (group, where), position in found.commits.items():
            if group == self.group and where in found.records:
                for offset, value in found.records[where]:
                    skipped = offset < position and (where, offset) not in ledger.seen
                    assert not skipped, f"NothingSkipped: {group} {where} {offset}: {value!r}"


class NothingSkippedByShareGroup:
    """What lies before the start of a share group was accepted or refused, or given out too often.

    It starts somewhere: at the end, where the broker did not know yet that it should at the beginning.
    """

    def check(self, found: Found, ledger: Ledger) -> None:
        for where, start in found.share_starts.items():
            first = min((offset for each, offset in ledger.share_given if each == where), default=start)
            for offset, value in found.records.get(where, ()):
                if first <= offset < start:
                    was_given = (where, offset) in ledger.share_asked or (where, offset) in ledger.share_given
                    assert was_given, f"NothingSkippedByShareGroup: {where} {offset}: {value!r}"


@dataclass(slots=True)
class ExactlyOnce:
    """Each record before the copiers' position has one committed copy, in order, and none after it has any."""

    source: str
    target: str
    group: str

    def check(self, found: Found, ledger: Ledger) -> None:
        copies: dict[TopicPartition, list[int]] = {}
        for where, records in found.committed.items():
            if where.topic == self.target:
                last: dict[int, int] = {}
                for _, value in records:
                    partition, _, offset = value.partition(b":")
                    copies.setdefault(TopicPartition(self.source, int(partition)), []).append(int(offset))
                    assert int(offset) > last.get(int(partition), -1), f"ExactlyOnce: {where}: {value!r} out of order"
                    last[int(partition)] = int(offset)
        for where, records in found.records.items():
            if where.topic == self.source:
                position = found.commits.get((self.group, where), 0)
                known = ledger.commits.get((self.group, where), 0)
                assert position >= known, f"ExactlyOnce: {where} stands at {position}, and {known} was acknowledged"
                wanted = [offset for offset, _ in records if offset < position]
                copied = sorted(copies.get(where, []))
                assert copied == wanted, f"ExactlyOnce: {where} to {position}: {_differ(copied, wanted)}"


class NothingHangs:
    """No transaction is open when time has passed: the last stable offset is the end."""

    def check(self, found: Found, ledger: Ledger) -> None:
        for where, end in found.ends.items():
            assert found.stable_ends[where] == end, f"NothingHangs: {where}: {found.stable_ends[where]} of {end}"


class TopicsAreWhatWasSaid:
    """A topic that was made is there, one that was removed is not."""

    def check(self, found: Found, ledger: Ledger) -> None:
        for name, state in ledger.topics.items():
            assert state == "unknown" or (name in found.topics) == (state == "there"), f"OneHistory: {name} is {state}"


def _differ(copied: Sequence[int], wanted: Sequence[int]) -> str:
    missing, twice = sorted(set(wanted) - set(copied)), sorted({one for one in copied if copied.count(one) > 1})
    return f"missing {missing[:5]}, too much {sorted(set(copied) - set(wanted))[:5]}, twice {twice[:5]}"
