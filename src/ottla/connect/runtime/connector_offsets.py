"""The offsets of a connector, read, set and forgotten (KIP-875): a source's in the store, a sink's in its group."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from ottla.clients.errors import ClientError
from ottla.clients.groups import delete_group
from ottla.clients.offsets import commit_offsets, delete_offsets, fetch_offsets
from ottla.connect.api.connector import SinkConnector, SourceConnector, TopicPartition
from ottla.connect.api.errors import ConnectError
from ottla.connect.runtime.connector_config import CONNECTOR_CLASS, CONSUMER_OVERRIDES
from ottla.connect.runtime.plugins import Plugin, Plugins, new_connector
from ottla.connect.runtime.rest_error import BadRequestError
from ottla.connect.store.offset_store import validate_offset_format
from ottla.protocol.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.clients.client import KafkaClient
    from ottla.connect.runtime.offset_stores import OffsetStores

_TOPIC: Final = "kafka_topic"
_PARTITION: Final = "kafka_partition"
_OFFSET: Final = "kafka_offset"
_TIMEOUT_S: Final = 90.0
PartitionOffset = tuple[dict[str, Any] | None, dict[str, Any] | None]


def group_of(name: str, config: Mapping[str, str], worker_consumer: Mapping[str, str]) -> str:
    """The consumer group of a sink."""
    return config.get(f"{CONSUMER_OVERRIDES}group.id") or worker_consumer.get("group.id") or f"connect-{name}"


class ConnectorOffsets:
    def __init__(
        self, client: KafkaClient, stores: OffsetStores, plugins: Plugins, worker_consumer: Mapping[str, str]
    ) -> None:
        self._client = client
        self._stores = stores
        self._plugins = plugins
        self._worker_consumer = worker_consumer

    async def read(self, name: str, config: Mapping[str, str]) -> list[dict[str, Any]]:
        """`ConnectError`."""
        plugin = self._plugins.connector(config[CONNECTOR_CLASS])
        if issubclass(plugin.cls, SourceConnector):
            store = await self._stores.of(name, config)
            await store.refresh()
            return [{"partition": partition, "offset": offset} for partition, offset in store.all_of()]
        try:
            found = await fetch_offsets(self._client, group_of(name, config, self._worker_consumer))
        except (KafkaError, ClientError) as error:
            text = f"Failed to retrieve consumer group offsets for sink connector {name}"
            raise ConnectError(text) from error
        return [
            {"partition": {_PARTITION: where.partition, _TOPIC: where.topic}, "offset": {_OFFSET: each.offset}}
            for where, each in sorted(found.items())
        ]

    async def modify(self, name: str, config: Mapping[str, str], offsets: list[PartitionOffset] | None) -> str:
        """`None` forgets all; what to tell who asked. `ConnectError`."""
        plugin = self._plugins.connector(config[CONNECTOR_CLASS])
        if issubclass(plugin.cls, SourceConnector):
            done = await self._modify_source(name, plugin, config, offsets)
        else:
            done = await self._modify_sink(name, plugin, config, offsets)
        kind = "reset" if offsets is None else "altered"
        if done:
            return f"The offsets for this connector have been {kind} successfully"
        return (
            f"The Connect framework-managed offsets for this connector have been {kind} successfully. However, if this "
            f"connector manages offsets externally, they will need to be manually {kind} in the system that the "
            "connector uses."
        )

    async def _modify_source(
        self, name: str, plugin: Plugin, config: Mapping[str, str], offsets: list[PartitionOffset] | None
    ) -> bool:
        store = await self._stores.of(name, config)
        await store.refresh()
        if offsets is None:
            wanted: list[PartitionOffset] = [(partition, None) for partition, _ in store.all_of()]
        else:
            wanted = offsets
        for partition, offset in wanted:
            validate_offset_format(partition)
            validate_offset_format(offset)
        connector = new_connector(plugin)
        assert isinstance(connector, SourceConnector)
        done = await self._ask(name, "source", connector.alter_offsets, config, wanted)
        if wanted:
            writer = await self._stores.writer(name, config)
            try:
                await store.put(wanted, writer)
            finally:
                if writer is not None:
                    writer.close()
        return done

    async def _modify_sink(
        self, name: str, plugin: Plugin, config: Mapping[str, str], offsets: list[PartitionOffset] | None
    ) -> bool:
        group = group_of(name, config, self._worker_consumer)
        try:
            if offsets is None:
                known = await fetch_offsets(self._client, group)
                wanted: dict[TopicPartition, int | None] = {TopicPartition(*where): None for where in known}
            else:
                wanted = parse_sink_offsets(offsets)
        except (KafkaError, ClientError) as error:
            text = f"Failed to list offsets prior to resetting offsets for sink connector {name}"
            raise ConnectError(text) from error
        connector = new_connector(plugin)
        assert isinstance(connector, SinkConnector)
        done = await self._ask(name, "sink", connector.alter_offsets, config, wanted)
        try:
            await self._write_group(group, wanted, everything=offsets is None)
        except (KafkaError, ClientError) as error:
            kind = "reset" if offsets is None else "alter"
            raise ConnectError(f"Failed to {kind} consumer group offsets for connector {name}") from error
        return done

    async def _write_group(self, group: str, wanted: dict[TopicPartition, int | None], *, everything: bool) -> None:
        if everything:
            try:
                await delete_group(self._client, group)
            except KafkaError as error:
                if error.code is not ErrorCode.GROUP_ID_NOT_FOUND:
                    raise
            return
        kept = {where: offset for where, offset in wanted.items() if offset is not None}
        for topic in {where.topic for where in kept}:
            await self._client.topic(topic)  # a broker takes offsets of any topic, Kafka's tools do not
        if kept:
            await commit_offsets(self._client, group, {_where(where): offset for where, offset in kept.items()})
        forgotten = [_where(where) for where, offset in wanted.items() if offset is None]
        if forgotten:
            await delete_offsets(self._client, group, forgotten)

    async def _ask(self, name: str, kind: str, alter: Any, config: Mapping[str, str], wanted: Any) -> bool:
        try:
            return bool(await asyncio.wait_for(asyncio.to_thread(alter, dict(config), wanted), _TIMEOUT_S))
        except NotImplementedError as error:
            raise ConnectError(
                f"Failed to modify offsets for connector {name} because it doesn't support external modification of "
                "offsets"
            ) from error
        except TimeoutError as error:
            text = f"Timed out while calling the 'alterOffsets' method for {kind} connector {name}"
            raise ConnectError(text) from error
        except ConnectError:
            raise
        except Exception as error:
            raise ConnectError(f"Failed to modify offsets for {kind} connector {name}") from error


def _where(where: TopicPartition) -> Any:
    from ottla.clients.consumer import TopicPartition as ClientTopicPartition

    return ClientTopicPartition(*where)


def parse_sink_offsets(offsets: list[PartitionOffset]) -> dict[TopicPartition, int | None]:
    """`BadRequestError`."""
    parsed: dict[TopicPartition, int | None] = {}
    for partition, offset in offsets:
        if partition is None:
            raise BadRequestError("The partition for a sink connector offset cannot be null or missing")
        if _TOPIC not in partition or _PARTITION not in partition:
            raise BadRequestError(
                f"The partition for a sink connector offset must contain the keys '{_TOPIC}' and '{_PARTITION}'"
            )
        if partition[_TOPIC] is None:
            raise BadRequestError("Kafka topic names must be valid strings and may not be null")
        if partition[_PARTITION] is None:
            raise BadRequestError("Kafka partitions must be valid numbers and may not be null")
        where = TopicPartition(str(partition[_TOPIC]), _integer(partition[_PARTITION], "partition", "Partition"))
        if offset is None:
            parsed[where] = None
        elif _OFFSET not in offset:
            raise BadRequestError(
                f"The offset for a sink connector should either be null or contain the key '{_OFFSET}'"
            )
        else:
            parsed[where] = _integer(offset[_OFFSET], "offset", "Offset")
    return parsed


def _integer(value: object, what: str, name: str) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise BadRequestError(
            f"Failed to parse the following Kafka {what} value in the provided offsets: '{value}'. {name} values for "
            "sink connectors need to be integers."
        ) from None
