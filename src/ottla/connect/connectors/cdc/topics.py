"""Which topic a record goes to (`topic.naming.strategy`, under the names of Debezium's classes).

| strategy | PostgreSQL | MySQL, MariaDB |
|---|---|---|
| `SchemaTopicNamingStrategy` | prefix.schema.table | prefix.table |
| `DefaultTopicNamingStrategy` | prefix.table | prefix.database.table |

Each is the default where it names schema or database. With `Unicode` in the name (`SchemaUnicodeTopicNamingStrategy`)
what a topic cannot have, and the underscore, becomes its code: `_u005f`. Otherwise it becomes an underscore.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.config_def import LOW, STRING, ConfigDef
from ottla.connect.api.errors import ConfigError
from ottla.connect.api.validators import LambdaValidator, ValidString
from ottla.connect.connectors.cdc.names import code_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PREFIX: Final = "topic.prefix"
NAME_LENGTH_MAX: Final = 249
HEARTBEATS: Final = "__debezium-heartbeat"
_PACKAGE: Final = "io.debezium.schema."
DEFAULT: Final = _PACKAGE + "DefaultTopicNamingStrategy"
SCHEMA: Final = _PACKAGE + "SchemaTopicNamingStrategy"
_DEFAULT_UNICODE: Final = _PACKAGE + "DefaultUnicodeTopicNamingStrategy"
_SCHEMA_UNICODE: Final = _PACKAGE + "SchemaUnicodeTopicNamingStrategy"
_WRONG: Final = re.compile(r"[^A-Za-z0-9._-]")
_WRONG_OR_UNDERSCORE: Final = re.compile(r"[^A-Za-z0-9.-]")


def valid_part(name: str, value: Any) -> None:
    wrong = sorted(set(_WRONG.findall(value or "")))
    if wrong:
        raise ConfigError.of(name, value, "names of topics have letters, digits, dots, hyphens and underscores only")


VALID_PART: Final = LambdaValidator(valid_part, "letters, digits, dots, hyphens, underscores")


def define_topics(definition: ConfigDef, strategy: str) -> ConfigDef:
    return (
        definition.define("topic.naming.strategy", STRING, strategy, LOW, "How topics of tables are named: by schema "
                "and table, or by database and table.",
                validator=ValidString(DEFAULT, SCHEMA, _DEFAULT_UNICODE, _SCHEMA_UNICODE))
        .define("topic.delimiter", STRING, ".", LOW, "What stands between the parts of a topic's name.",
                validator=VALID_PART)
        .define("topic.heartbeat.prefix", STRING, None, LOW, f"Begins the name of the topic of heartbeats; by default "
                f"{HEARTBEATS}.", validator=VALID_PART)
        .define("heartbeat.topics.prefix", STRING, HEARTBEATS, LOW, "The same, under its name of before.",
                validator=VALID_PART)
        .define("topic.heartbeat.name", STRING, None, LOW, "The whole name of the topic of heartbeats, instead.",
                validator=VALID_PART)
        .define("topic.transaction", STRING, "transaction", LOW, "Ends the name of the topic of transactions.",
                validator=VALID_PART)
    )  # fmt: skip


def _underscore(_match: re.Match[str]) -> str:
    return "_"


class TopicNames:
    """`table` takes (schema, table), or (database, table); names are those of Kafka's topics, or a `ConfigError`."""

    def __init__(self, parsed: Mapping[str, Any], own_strategy: str) -> None:
        """`own_strategy` names schema, or database, with this connector."""
        self.prefix: str = parsed[PREFIX]
        strategy: str = parsed["topic.naming.strategy"]
        self._delimiter: str = parsed["topic.delimiter"]
        is_unicode = "Unicode" in strategy
        self._wrong = _WRONG_OR_UNDERSCORE if is_unicode else _WRONG
        self._write: Callable[[re.Match[str]], str] = code_of if is_unicode else _underscore
        self._with_schema = strategy.replace("Unicode", "") == own_strategy
        self.schema_changes = self._checked(self.prefix)
        self.transactions = self._joined(self.prefix, parsed["topic.transaction"])
        self.messages = self._checked(f"{self.prefix}.message")
        """Of PostgreSQL's logical messages; no delimiter changes it."""
        beats = parsed["topic.heartbeat.prefix"] or parsed["heartbeat.topics.prefix"]
        self.heartbeats: str = parsed["topic.heartbeat.name"] or self._joined(beats, self.prefix)

    def table(self, path: tuple[str, str]) -> str:
        name = self._delimiter.join((self.prefix, *path) if self._with_schema else (self.prefix, path[1]))
        return self._checked(self._wrong.sub(self._write, name))

    def _joined(self, *parts: str) -> str:
        return self._checked(self._delimiter.join(parts))

    def _checked(self, name: str) -> str:
        if len(name) > NAME_LENGTH_MAX:
            raise ConfigError(f"the topic {name} would have {len(name)} characters; Kafka allows {NAME_LENGTH_MAX}")
        return name
