"""Java's classes as settings: MongoDB's connector takes the names of classes where a word would do; so does ours.

`com.mongodb.kafka.connect.sink.processor.id.strategy.FullKeyStrategy` and `FullKeyStrategy` are the same here. Classes
of one's own are not taken: they would be Java's.
"""

from __future__ import annotations

from typing import Any, Final

from ottla.connect.api.errors import ConfigError

BSON_OID, KAFKA_META, FULL_KEY = "BsonOidStrategy", "KafkaMetaDataStrategy", "FullKeyStrategy"
PARTIAL_KEY, PARTIAL_VALUE = "PartialKeyStrategy", "PartialValueStrategy"
IN_KEY, IN_VALUE = "ProvidedInKeyStrategy", "ProvidedInValueStrategy"
UUID_IN_KEY, UUID_IN_VALUE, UUID = "UuidProvidedInKeyStrategy", "UuidProvidedInValueStrategy", "UuidStrategy"
ID_STRATEGIES: Final = (
    BSON_OID, KAFKA_META, FULL_KEY, PARTIAL_KEY, PARTIAL_VALUE, IN_KEY, IN_VALUE, UUID_IN_KEY, UUID_IN_VALUE, UUID
)  # fmt: skip
OF_PLACE: Final = (BSON_OID, KAFKA_META, UUID)
"""Each record has its own `_id`, and always the same."""
OF_KEY: Final = (FULL_KEY, PARTIAL_KEY, IN_KEY, UUID_IN_KEY)
"""Those that need no value, so that a record without one can delete."""
PARTIAL: Final = (PARTIAL_KEY, PARTIAL_VALUE)

ID_ADDER, META_ADDER, NULL_REMOVER = "DocumentIdAdder", "KafkaMetaAdder", "NullFieldValueRemover"
BY_MAPPING, BY_REGEXP = "RenameByMapping", "RenameByRegExp"
PROJECTORS: Final = tuple(
    f"{kind}{part}Projector"
    for kind in ("AllowList", "BlockList", "Whitelist", "Blacklist")
    for part in ("Key", "Value")
)
PROCESSORS: Final = (ID_ADDER, META_ADDER, NULL_REMOVER, BY_MAPPING, BY_REGEXP, *PROJECTORS)

WRITE_DEFAULT, DELETE_DEFAULT = "DefaultWriteModelStrategy", "DeleteOneDefaultStrategy"
REPLACE, REPLACE_BY_BUSINESS_KEY = "ReplaceOneDefaultStrategy", "ReplaceOneBusinessKeyStrategy"
INSERT, UPDATE, UPDATE_TIMES = "InsertOneDefaultStrategy", "UpdateOneDefaultStrategy", "UpdateOneTimestampsStrategy"
UPDATE_BY_BUSINESS_KEY = "UpdateOneBusinessKeyTimestampStrategy"
DELETE_BY_BUSINESS_KEY = "DeleteOneBusinessKeyStrategy"
DELETE_BY_PARTIAL_KEY = "DeleteOneTombstoneBusinessKeyStrategy"
WRITE_STRATEGIES: Final = (
    WRITE_DEFAULT, REPLACE, REPLACE_BY_BUSINESS_KEY, INSERT, UPDATE, UPDATE_TIMES, UPDATE_BY_BUSINESS_KEY,
    DELETE_DEFAULT, DELETE_BY_BUSINESS_KEY,
)  # fmt: skip
DELETE_STRATEGIES: Final = (DELETE_DEFAULT, DELETE_BY_PARTIAL_KEY)

RDBMS, POSTGRES, MYSQL, MONGODB = "RdbmsHandler", "PostgresHandler", "MysqlHandler", "MongoDbHandler"
CHANGE_STREAM: Final = "ChangeStreamHandler"
HANDLERS: Final = (RDBMS, POSTGRES, MYSQL, MONGODB, CHANGE_STREAM)
DEBEZIUM_CHANGE_STREAM: Final = "debezium.mongodb.ChangeStreamHandler"
"""How the name of the one for Debezium's records ends; the other one's is for MongoDB's own events."""

DEFAULT_MAPPER, FIELD_PATH_MAPPER = "DefaultNamespaceMapper", "FieldPathNamespaceMapper"


def short_name(name: str) -> str:
    return name.strip().rpartition(".")[2]


class OneOfClasses:
    """Validates a class's name, or a list of them; nothing is a valid name if `empty_allowed`."""

    def __init__(self, *names: str, empty_allowed: bool = False) -> None:
        self._names = names
        self._empty_allowed = empty_allowed

    def ensure_valid(self, name: str, value: Any) -> None:
        for each in value if isinstance(value, list) else [value]:
            if not (each or "").strip() and self._empty_allowed:
                continue
            if short_name(each or "") not in self._names:
                raise ConfigError.of(name, value, f"it is one of: {', '.join(self._names)}")

    def __str__(self) -> str:
        return "[" + ", ".join(self._names) + "]"
