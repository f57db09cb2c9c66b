"""The configs of one topic, broker or group: describe, and set or delete single keys (KIP-339)."""

from collections.abc import Mapping, Sequence

from ottla.clients.client import KafkaClient
from ottla.clients.configs import ConfigEntry, alter_configs, describe_configs
from ottla.protocol.errors import KafkaError


async def describe_config(client: KafkaClient, kind: str, name: str) -> list[ConfigEntry]:
    """Every key of a resource, in order of its name. `kind` is one of `RESOURCE_TYPES`."""
    found = (await describe_configs(client, kind, [name]))[name]
    if isinstance(found, KafkaError):
        raise found
    return sorted(found, key=lambda entry: entry.name)


async def alter_config(
    client: KafkaClient,
    kind: str,
    name: str,
    *,
    values: Mapping[str, str],
    deleted: Sequence[str] = (),
    validate_only: bool = False,
) -> None:
    """Set and delete keys of one resource, all or none; other keys stay."""
    keys = {**values, **dict.fromkeys(deleted)}
    if error := (await alter_configs(client, kind, {name: keys}, validate_only=validate_only)).get(name):
        raise error
