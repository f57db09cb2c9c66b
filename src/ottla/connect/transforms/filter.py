"""`Filter`: drops every record that comes to it; with a predicate, those of which it holds. KIP-585"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from ottla.connect.api.transformation import Transformation

if TYPE_CHECKING:
    from ottla.connect.api.record import ConnectRecord

RecordT = TypeVar("RecordT", bound="ConnectRecord")


class Filter(Transformation):
    def apply(self, record: RecordT) -> RecordT | None:
        return None
