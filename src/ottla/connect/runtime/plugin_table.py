"""Every plugin of our own, under the name that Kafka Connect knows it by; nothing is loaded before it is asked for."""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple


class PluginKind(Enum):
    SINK = "sink"
    SOURCE = "source"
    TRANSFORMATION = "transformation"
    PREDICATE = "predicate"
    CONVERTER = "converter"
    HEADER_CONVERTER = "header_converter"


class PluginEntry(NamedTuple):
    kind: PluginKind
    name: str
    """Java's name of the class, or `module:Class` where there is none."""
    location: str
    """`module:Class`."""


_KAFKA: Final = "org.apache.kafka.connect."
_OTTLA: Final = "ottla.connect."


def _entries(kind: PluginKind, package: str, module: str, *names: str) -> list[PluginEntry]:
    return [PluginEntry(kind, f"{_KAFKA}{package}.{name}", f"{_OTTLA}{module}:{name}") for name in names]


def _converters(kind: PluginKind) -> list[PluginEntry]:
    """Each converter of keys and values converts headers, too."""
    numbers = ("Double", "Float", "Integer", "Long", "Short")
    return [
        *_entries(kind, "converters", "converters.primitive", "BooleanConverter", "ByteArrayConverter"),
        *_entries(kind, "converters", "converters.primitive", *(f"{name}Converter" for name in numbers)),
        *_entries(kind, "json", "converters.json_converter", "JsonConverter"),
        *_entries(kind, "storage", "converters.text", "StringConverter"),
    ]


_TRANSFORMS: Final = {
    "cast": ("Cast$Key", "Cast$Value"),
    "extract_field": ("ExtractField$Key", "ExtractField$Value", "HoistField$Key", "HoistField$Value"),
    "filter": ("Filter",),
    "flatten": ("Flatten$Key", "Flatten$Value"),
    "headers": ("DropHeaders", "HeaderFrom$Key", "HeaderFrom$Value", "InsertHeader"),
    "insert_field": ("InsertField$Key", "InsertField$Value"),
    "mask_field": ("MaskField$Key", "MaskField$Value"),
    "replace_field": ("ReplaceField$Key", "ReplaceField$Value"),
    "routers": ("RegexRouter", "TimestampRouter"),
    "set_schema_metadata": ("SetSchemaMetadata$Key", "SetSchemaMetadata$Value"),
    "timestamp_converter": ("TimestampConverter$Key", "TimestampConverter$Value"),
    "value_to_key": ("ValueToKey",),
}
"""By module of `connect/transforms`: Java's names of the classes, which are ours without the `$`."""

_REGISTERED: Final = {
    "io.confluent.connect.avro.AvroConverter": "registered.avro_converter:AvroConverter",
    "io.confluent.connect.json.JsonSchemaConverter": "registered.json_schema_converter:JsonSchemaConverter",
    "io.confluent.connect.protobuf.ProtobufConverter": "registered.protobuf_converter:ProtobufConverter",
}

_CONFLUENT: Final = "io.confluent."
_MONGODB: Final = "com.mongodb.kafka.connect."


def _python(*where: str) -> dict[str, str]:
    return {f"{_OTTLA}connectors.{each}": each for each in where}


_SOURCES: Final = {
    f"{_CONFLUENT}kafka.connect.datagen.DatagenConnector": "datagen.connector:DatagenConnector",
    f"{_CONFLUENT}connect.jdbc.JdbcSourceConnector": "jdbc.source:JdbcSourceConnector",
    f"{_MONGODB}MongoSourceConnector": "mongodb.source:MongoSourceConnector",
    "io.debezium.connector.mariadb.MariaDbConnector": "mysql.connector:MariaDbConnector",
    "io.debezium.connector.mysql.MySqlConnector": "mysql.connector:MySqlConnector",
    "io.debezium.connector.postgresql.PostgresConnector": "postgres.connector:PostgresConnector",
    **_python(
        "files.directory_source:DirectorySourceConnector",
        "files.tail_source:FileTailSourceConnector",
        "http.source:HttpSourceConnector",
        "redis.source:RedisSourceConnector",
    ),
}
_SINKS: Final = {
    f"{_CONFLUENT}connect.jdbc.JdbcSinkConnector": "jdbc.sink:JdbcSinkConnector",
    f"{_CONFLUENT}connect.http.HttpSinkConnector": "http.sink:HttpSinkConnector",
    f"{_CONFLUENT}connect.elasticsearch.ElasticsearchSinkConnector": "search.sink:ElasticsearchSinkConnector",
    f"{_CONFLUENT}connect.s3.S3SinkConnector": "files.sink:S3SinkConnector",
    f"{_MONGODB}MongoSinkConnector": "mongodb.sink:MongoSinkConnector",
    **_python(
        "duckdb.sink:DuckDbSinkConnector",
        "files.sink:FilesSinkConnector",
        "iceberg.sink:IcebergSinkConnector",
        "redis.sink:RedisSinkConnector",
    ),
}
"""Our own connectors by name: Java's where they take the configurations of one of Java's."""


def _own(kind: PluginKind, connectors: dict[str, str]) -> list[PluginEntry]:
    return [PluginEntry(kind, name, f"{_OTTLA}connectors.{where}") for name, where in connectors.items()]


_BRIDGES: Final = {
    PluginKind.SINK: ("singer.sink:SingerSinkConnector", "java.connector:JavaSinkConnector"),
    PluginKind.SOURCE: (
        "airbyte.source:AirbyteSourceConnector",
        "java.connector:JavaSourceConnector",
        "singer.source:SingerSourceConnector",
    ),
}
"""Connectors that host those of others, which need not be installed as plugins."""

PLUGINS: Final = (
    *(
        PluginEntry(kind, name, _OTTLA + location)
        for name, location in _REGISTERED.items()
        for kind in (PluginKind.CONVERTER, PluginKind.HEADER_CONVERTER)
    ),
    *(
        PluginEntry(
            PluginKind.TRANSFORMATION,
            f"{_KAFKA}transforms.{name}",
            f"{_OTTLA}transforms.{module}:{name.replace('$', '')}",
        )
        for module, names in _TRANSFORMS.items()
        for name in names
    ),
    *_entries(
        PluginKind.PREDICATE,
        "transforms.predicates",
        "transforms.predicates",
        "HasHeaderKey",
        "RecordIsTombstone",
        "TopicNameMatches",
    ),
    *_converters(PluginKind.CONVERTER),
    *_converters(PluginKind.HEADER_CONVERTER),
    *_entries(PluginKind.HEADER_CONVERTER, "storage", "converters.text", "SimpleHeaderConverter"),
    *_own(PluginKind.SINK, _SINKS),
    *_own(PluginKind.SOURCE, _SOURCES),
    *_entries(PluginKind.SINK, "file", "connectors.file_stream_sink", "FileStreamSinkConnector"),
    *_entries(PluginKind.SOURCE, "file", "connectors.file_stream_source", "FileStreamSourceConnector"),
    *(
        PluginEntry(kind, f"{_OTTLA}bridges.{location}", f"{_OTTLA}bridges.{location}")
        for kind, locations in _BRIDGES.items()
        for location in locations
    ),
)

TASKS: Final = {
    f"{_KAFKA}file.FileStreamSourceTask": f"{_OTTLA}connectors.file_stream_source:FileStreamSourceTask",
    f"{_KAFKA}file.FileStreamSinkTask": f"{_OTTLA}connectors.file_stream_sink:FileStreamSinkTask",
    "io.debezium.connector.mariadb.MariaDbConnectorTask": f"{_OTTLA}connectors.mysql.connector:MariaDbConnectorTask",
    "io.debezium.connector.mysql.MySqlConnectorTask": f"{_OTTLA}connectors.mysql.connector:MySqlConnectorTask",
    "io.debezium.connector.postgresql.PostgresConnectorTask": (
        f"{_OTTLA}connectors.postgres.connector:PostgresConnectorTask"
    ),
}
"""What stands as `task.class` in a task's configuration, so that a worker of either kind can start it."""
