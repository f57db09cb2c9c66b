"""The predicates that Connect has (`org.apache.kafka.connect.transforms.predicates`). KIP-585"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.config_def import MEDIUM, NO_DEFAULT_VALUE, STRING, ConfigDef
from ottla.connect.api.transformation import Predicate
from ottla.connect.api.validators import CompositeValidator, NonEmptyString
from ottla.connect.transforms.java_pattern import JavaPattern, RegexValidator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.record import ConnectRecord

NAME: Final = "name"
PATTERN: Final = "pattern"


class HasHeaderKey(Predicate):
    def config(self) -> ConfigDef:
        return ConfigDef().define(
            NAME, STRING, NO_DEFAULT_VALUE, MEDIUM, "The header's name.", validator=NonEmptyString()
        )

    def configure(self, props: Mapping[str, Any]) -> None:
        self._name: str = self.config().parse(props)[NAME]

    def test(self, record: ConnectRecord) -> bool:
        return record.headers.last_with_name(self._name) is not None


class RecordIsTombstone(Predicate):
    def test(self, record: ConnectRecord) -> bool:
        return record.value is None


class TopicNameMatches(Predicate):
    def config(self) -> ConfigDef:
        return ConfigDef().define(
            PATTERN,
            STRING,
            NO_DEFAULT_VALUE,
            MEDIUM,
            "What the whole topic must match.",
            validator=CompositeValidator(NonEmptyString(), RegexValidator()),
        )

    def configure(self, props: Mapping[str, Any]) -> None:
        self._pattern = JavaPattern(self.config().parse(props)[PATTERN])

    def test(self, record: ConnectRecord) -> bool:
        return self._pattern.matches(record.topic)
