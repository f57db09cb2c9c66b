"""`DatagenConnector` (`io.confluent.kafka.connect.datagen`): made-up records, as many as one likes.

Each task makes records of its own: partition `{"task.id": n}`, offset `{"current.iteration": count, "random.seed": s}`.
Record number n of a seed is always the same, so that what comes after a crash is what was to come.
"""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.config_def import HIGH, INT, LONG, MEDIUM, NO_DEFAULT_VALUE, STRING, ConfigDef
from ottla.connect.api.connector import ExactlyOnceSupport
from ottla.connect.api.errors import ConfigError, ConnectError
from ottla.connect.api.record import SourceRecord
from ottla.connect.api.task import SourceTask
from ottla.connect.api.validators import NonEmptyString, Range
from ottla.connect.connectors.datagen.generator import Generator
from ottla.connect.connectors.datagen.quickstart import QUICKSTARTS
from ottla.connect.connectors.simple import SimpleSource
from ottla.connect.data.struct import Struct
from ottla.connect.data.type import Type

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TOPIC: Final = "kafka.topic"
MAX_INTERVAL: Final = "max.interval"
ITERATIONS: Final = "iterations"
SCHEMA_STRING: Final = "schema.string"
SCHEMA_FILENAME: Final = "schema.filename"
KEY_FIELD: Final = "schema.keyfield"
QUICKSTART: Final = "quickstart"
SEED: Final = "random.seed"
TASK_ID: Final = "task.id"
CURRENT: Final = "current.iteration"
BATCH: Final = 500
WAIT_S: Final = 0.2
_NAMES: Final = ", ".join(name.lower() for name in QUICKSTARTS)

CONFIG: Final = (
    ConfigDef()
    .define(TOPIC, STRING, NO_DEFAULT_VALUE, HIGH, "The topic to write to.", validator=NonEmptyString())
    .define(MAX_INTERVAL, LONG, 500, HIGH, "Records are up to so many ms apart; 0: as many as go.", validator=Range(0))
    .define(ITERATIONS, INT, -1, HIGH, "How many records each task makes; -1: without end.")
    .define(QUICKSTART, STRING, "", HIGH, f"A schema that is there: {_NAMES}.")
    .define(SCHEMA_STRING, STRING, "", HIGH, "An Avro schema whose arg.properties say how fields are made up.")
    .define(SCHEMA_FILENAME, STRING, "", HIGH, "The file of such a schema, on the worker's machine.")
    .define(KEY_FIELD, STRING, "", HIGH, "The field that is the key, too; by default the one of the quickstart.")
    .define(
        SEED, LONG, None, MEDIUM, "Where chance begins: the same seed, the same records. By default another each time."
    )
)


class DatagenConnector(SimpleSource):
    definition = CONFIG

    def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
        return [self._props | {TASK_ID: str(number)} for number in range(max_tasks)]

    @classmethod
    def problems(cls, config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        named = [key for key in (QUICKSTART, SCHEMA_STRING, SCHEMA_FILENAME) if config[key]]
        if len(named) != 1:
            why = f"exactly one of {QUICKSTART}, {SCHEMA_STRING} and {SCHEMA_FILENAME} must be set"
            yield (named[0] if named else QUICKSTART), why
            return
        try:
            make_generator(config, 0)
        except ConnectError as error:
            yield named[0], str(error)

    def exactly_once_support(self, _props: Mapping[str, str]) -> ExactlyOnceSupport:
        return ExactlyOnceSupport.SUPPORTED

    def alter_offsets(
        self, _props: Mapping[str, str], offsets: list[tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]]
    ) -> bool:
        for partition, offset in offsets:
            if partition is None or TASK_ID not in partition:
                raise ConnectError(f'A partition is {{"{TASK_ID}": number of the task}}')
            if offset is not None and not isinstance(offset.get(CURRENT), int):
                raise ConnectError(f'An offset is {{"{CURRENT}": number of records, "{SEED}": …}}')
        return True


def make_generator(config: Mapping[str, Any], seed: int) -> tuple[Generator, str]:
    """It, and the field that is the key ("" for none). `ConfigError`."""
    key_field = config[KEY_FIELD]
    if config[QUICKSTART]:
        found = QUICKSTARTS.get(config[QUICKSTART].upper())
        if found is None:
            raise ConfigError(f"there is no quickstart of that name; there are: {_NAMES}")
        text = found.schema
        key_field = key_field or found.key_field
    elif config[SCHEMA_STRING]:
        text = config[SCHEMA_STRING]
    else:
        try:
            text = Path(config[SCHEMA_FILENAME]).read_text("utf-8")
        except (OSError, ValueError) as error:
            raise ConfigError(f"the file cannot be read: {error}") from error
    generator = Generator(text, seed)
    schema = generator.schema
    if key_field and (schema.type is not Type.STRUCT or schema.field(key_field) is None):
        raise ConfigError(f"there is no field {key_field} in the schema, which is to be the key ({KEY_FIELD})")
    return generator, key_field


class DatagenTask(SourceTask):
    def start(self, props: Mapping[str, str]) -> None:
        config = CONFIG.parse(props)
        self._topic: str = config[TOPIC]
        self._interval_s: float = config[MAX_INTERVAL] / 1000
        self._iterations: int = config[ITERATIONS]
        task = int(props.get(TASK_ID, "0"))
        self._partition = {TASK_ID: task}
        stored = self.context.offset_storage_reader.offset(self._partition) or {}
        seed = config[SEED] if config[SEED] is not None else stored.get(SEED)
        self._seed = random.SystemRandom().randrange(1 << 53) if seed is None else int(seed)
        self._next = int(stored.get(CURRENT, 0))
        self._generator, self._key_field = make_generator(config, self._seed + task * 7919)
        self._pauses = random.Random()
        self._due = time.monotonic()

    def poll(self) -> list[SourceRecord] | None:
        left = BATCH if self._iterations < 0 else self._iterations - self._next
        if left <= 0:
            time.sleep(WAIT_S)
            return None
        if not self._interval_s:
            return [self._make() for _ in range(min(left, BATCH))]
        wait_s = self._due - time.monotonic()
        if wait_s > 0:
            time.sleep(min(wait_s, WAIT_S))
            if wait_s > WAIT_S:
                return None
        self._due = time.monotonic() + self._pauses.random() * self._interval_s
        return [self._make()]

    def _make(self) -> SourceRecord:
        schema, value = self._generator.schema, self._generator.value(self._next)
        self._next += 1
        key_schema = key = None
        if self._key_field:
            field = schema.field(self._key_field)
            assert field is not None
            assert isinstance(value, Struct)
            key_schema, key = field.schema, value.values[field.index]
        offset = {CURRENT: self._next, SEED: self._seed}
        now_ms = int(time.time() * 1000)
        return SourceRecord(self._partition, offset, self._topic, None, key_schema, key, schema, value, now_ms)


DatagenConnector.task = DatagenTask
