"""Produces one message: what was typed, made bytes; or a copy of another, byte for byte."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, Final

from ottla.clients.batch_sender import BatchSender
from ottla.clients.consumer import TopicPartition
from ottla.clients.partitioner import partition_for_key
from ottla.console.operations.topics import find_topic
from ottla.console.web.message import ApiError, Body, bad_request, invalid
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.record import RecordBatchBuilder
from ottla.registry.client.framing import Framing
from ottla.registry.client.registry_client import Registered
from ottla.registry.client.wire import FIRST_MESSAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.clients.client import KafkaClient
    from ottla.registry.client.registry_client import RegistryClient, Schema

FORMATS: Final = ("text", "json", "base64", "hex", "schema")
DELIVERY_TIMEOUT_MS: Final = 30_000
HEADERS_MAX: Final = 100


def encoded_input(value: Any, where: str, registry: RegistryClient | None, topic: str, *, is_key: bool) -> bytes | None:
    """An INPUT of the API as bytes. Blocks where a schema is asked for. `ApiError` names what is wrong."""
    if value is None:
        return None
    body = Body.of(value, where, ("format", "data", "subject", "schema_id"))
    form, data = body.text("format"), body.any("data")
    if form not in FORMATS:
        raise bad_request(f"'format' of {where} is one of {', '.join(FORMATS)}, not '{form}'")
    if form == "json":
        return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    if form == "schema":
        if registry is None:
            raise ApiError(404, "NOT_CONFIGURED", "this cluster has no registry", "add registry = … to its config")
        return _by_schema(registry, body, data, topic, is_key=is_key)
    if not isinstance(data, str):
        raise bad_request(f"'data' of {where} is to be a text")
    try:
        if form == "base64":
            return base64.b64decode(data, validate=True)
        if form == "hex":
            return bytes.fromhex(data)
        return data.encode("utf-8")
    except ValueError as error:
        raise bad_request(f"'data' of {where} is not {form}: {error}") from None


class _Given(Framing):
    """With a schema that was chosen, whatever the topic's subject says."""

    def __init__(self, client: RegistryClient, found: Registered, *, is_key: bool) -> None:
        super().__init__(client, is_key=is_key)
        self._found = found

    def find(self, topic: str, schema: Schema, name: str | None) -> Registered:
        return self._found


def _by_schema(registry: RegistryClient, body: Body, data: Any, topic: str, *, is_key: bool) -> bytes | None:
    subject = body.text("subject", f"{topic}-{'key' if is_key else 'value'}")
    schema_id = body.optional_number("schema_id", 0, 2**31 - 1)
    if schema_id is None:
        found = registry.latest(subject)
    else:
        found = Registered(schema_id, None, subject, 0, registry.schema(schema_id))
    framing = _Given(registry, found, is_key=is_key)
    try:
        if found.schema.schema_type == "AVRO":
            from ottla.registry.client.avro import AvroSerializer

            return AvroSerializer(framing, found.schema)(topic, data)
        if found.schema.schema_type == "JSON":
            from ottla.registry.client.json_schema import JsonSerializer

            return JsonSerializer(framing, found.schema)(topic, data)
        return _protobuf(registry, framing, found, data, topic, is_key=is_key)
    except ImportError as error:
        hint = "pip install 'ottla[registry]'"
        raise ApiError(404, "NOT_CONFIGURED", f"writing by schema needs {error.name}", hint) from None
    except Exception as error:  # of a library that is given what somebody typed
        raise invalid(f"it does not fit schema {found.id} of {subject}: {str(error)[:500]}") from None


def _protobuf(
    registry: RegistryClient, framing: Framing, found: Registered, data: Any, topic: str, *, is_key: bool
) -> bytes:
    """As the first message of its file."""
    from google.protobuf import json_format

    from ottla.registry.client.protobuf import ProtobufDeserializer

    before = framing.before(found, FIRST_MESSAGE)
    empty = ProtobufDeserializer(registry, is_key=is_key)(topic, before)
    message = json_format.ParseDict(data, type(empty)())
    written: bytes = message.SerializeToString()
    return before + written


async def produce_one(
    client: KafkaClient,
    topic: str,
    key: bytes | None,
    value: bytes | None,
    headers: Sequence[tuple[str, bytes | None]],
    *,
    timestamp_ms: int,
    partition: int | None = None,
) -> tuple[int, int]:
    """(partition, offset), when all in-sync replicas have it. Without a partition: by the key, as Java's producer
    does; without a key any. `KafkaError`."""
    there = (await find_topic(client, topic)).partitions
    if partition is not None and partition not in there:
        text = f"topic '{topic}' has partitions 0 to {len(there) - 1}, not {partition}"
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, text)
    if partition is None:
        partition = partition_for_key(key, len(there)) if key is not None else timestamp_ms % len(there)
    builder = RecordBatchBuilder()
    builder.append(key, value, headers, timestamp_ms=timestamp_ms)
    sender = BatchSender(client, delivery_timeout_ms=DELIVERY_TIMEOUT_MS)
    try:
        return partition, await sender.send(TopicPartition(topic, partition), builder.build(), 1)
    finally:
        sender.close()
