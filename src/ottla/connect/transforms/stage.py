"""A step of a connector's chain (`TransformationStage`): a transformation of the records of which a predicate holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from ottla.connect.api.record import ConnectRecord
    from ottla.connect.api.transformation import Predicate, Transformation

RecordT = TypeVar("RecordT", bound="ConnectRecord")


class TransformationStage:
    """`negate`: for those of which it does not hold. Without a predicate, for all."""

    def __init__(
        self, transformation: Transformation, predicate: Predicate | None = None, *, negate: bool = False
    ) -> None:
        self.transformation = transformation
        self.predicate = predicate
        self.negate = negate

    def apply(self, record: RecordT) -> RecordT | None:
        """The record to go on with, or `None`."""
        if self.predicate is None or self.predicate.test(record) is not self.negate:
            return self.transformation.apply(record)
        return record

    def close(self) -> None:
        try:
            self.transformation.close()
        finally:
            if self.predicate is not None:
                self.predicate.close()
