"""What DescribeConfigs says of each config: its value, and who said so (KIP-226; Kafka's `ConfigHelper`).

A config's synonyms are the layers that set it, the strongest first; the first gives the source.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from typing import NamedTuple

from ottla.runtime.config.client_metrics import CLIENT_METRICS_CONFIGS
from ottla.runtime.config.definition import ConfigDefinition, Definitions, Value
from ottla.runtime.config.dynamic import DYNAMIC_ONLY_CONFIGS, is_dynamic
from ottla.runtime.config.group import BROKER_CONFIG_OF_GROUP_CONFIG, GROUP_CONFIGS
from ottla.runtime.config.server_config import BROKER_DEFINITIONS, ServerConfig
from ottla.runtime.config.synonyms import BROKER_SYNONYMS, same_broker_configs
from ottla.runtime.config.topic import TOPIC_CONFIGS

UNKNOWN_TYPE = 0


class ConfigSource(IntEnum):
    """The numbers are those of a DescribeConfigs answer."""

    UNKNOWN = 0
    DYNAMIC_TOPIC_CONFIG = 1
    DYNAMIC_BROKER_CONFIG = 2
    DYNAMIC_DEFAULT_BROKER_CONFIG = 3
    STATIC_BROKER_CONFIG = 4
    DEFAULT_CONFIG = 5
    DYNAMIC_BROKER_LOGGER_CONFIG = 6
    CLIENT_METRICS_CONFIG = 7
    GROUP_CONFIG = 8


class ConfigSynonym(NamedTuple):
    name: str
    value: str | None
    source: ConfigSource


class ConfigDescription(NamedTuple):
    """`value` is `None` if it is null or sensitive. `type` is a `ConfigType`, or 0 for a key that no one knows."""

    name: str
    value: str | None
    type: int
    read_only: bool
    is_sensitive: bool
    source: ConfigSource
    synonyms: list[ConfigSynonym]


def describe_topic(
    config: ServerConfig, overrides: Mapping[str, str], names: Iterable[str] | None = None
) -> list[ConfigDescription]:
    """Every config of a topic that sets `overrides`, internal ones only if set; or those of `names` that exist."""
    values = config.topic_config(overrides)

    def behind(name: str) -> list[ConfigSynonym]:
        synonyms = BROKER_SYNONYMS.get(name)
        return _broker_synonyms(config, synonyms[0].name) if synonyms else []

    return _describe(
        TOPIC_CONFIGS, values.get, overrides, names, behind=behind, source=ConfigSource.DYNAMIC_TOPIC_CONFIG
    )


def describe_group(
    config: ServerConfig, overrides: Mapping[str, str], names: Iterable[str] | None = None
) -> list[ConfigDescription]:
    """Every config of a group that sets `overrides`; or those of `names` that exist."""

    def value(name: str) -> Value:
        if name in overrides:
            return GROUP_CONFIGS[name].parse(overrides[name])
        broker_name = BROKER_CONFIG_OF_GROUP_CONFIG.get(name)
        return config.get(broker_name) if broker_name else _default(GROUP_CONFIGS[name])

    def behind(name: str) -> list[ConfigSynonym]:
        broker_name = BROKER_CONFIG_OF_GROUP_CONFIG.get(name)
        return _broker_synonyms(config, broker_name) if broker_name else []

    return _describe(GROUP_CONFIGS, value, overrides, names, behind=behind, source=ConfigSource.GROUP_CONFIG)


def describe_client_metrics(
    overrides: Mapping[str, str], names: Iterable[str] | None = None
) -> list[ConfigDescription]:
    """Every config of a metrics subscription that sets `overrides`; or those of `names` that exist."""

    def value(name: str) -> Value:
        definition = CLIENT_METRICS_CONFIGS[name]
        return definition.parse(overrides[name]) if name in overrides else _default(definition)

    return _describe(
        CLIENT_METRICS_CONFIGS,
        value,
        overrides,
        names,
        behind=lambda _: [],
        source=ConfigSource.CLIENT_METRICS_CONFIG,
    )


def describe_broker(config: ServerConfig, names: Iterable[str] | None = None) -> list[ConfigDescription]:
    """Every config of this broker, internal ones only if set, and keys that no one knows; or those of `names`."""
    wanted = None if names is None else set(names)
    set_keys = set(config.static) | set(config.dynamic_default) | set(config.dynamic_broker)
    known = (
        name
        for name, definition in BROKER_DEFINITIONS.items()
        if name in set_keys or not (definition.internal or name in DYNAMIC_ONLY_CONFIGS)
    )
    return [
        _describe_broker_config(config, name, _broker_synonyms(config, name))
        for name in (*known, *sorted(set_keys - BROKER_DEFINITIONS.keys()))
        if wanted is None or name in wanted
    ]


def describe_cluster_default(config: ServerConfig, names: Iterable[str] | None = None) -> list[ConfigDescription]:
    """The configs that are set dynamically for every broker (the resource BROKER ""); or those of `names`."""
    wanted = None if names is None else set(names)
    described = []
    for name in config.dynamic_default:
        if wanted is None or name in wanted:
            source = ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG
            synonyms = [one for one in _broker_synonyms(config, name) if one.source is source]
            described.append(_describe_broker_config(config, name, synonyms, config.dynamic_default[name]))
    return described


def _describe_broker_config(
    config: ServerConfig, name: str, synonyms: list[ConfigSynonym], text: str | None = None
) -> ConfigDescription:
    definition = BROKER_DEFINITIONS.get(name)
    sensitive = definition is None or definition.is_sensitive
    if sensitive or definition is None:
        text = None
    elif text is None:
        text = config.get_text(name) if name in config.values or not definition.is_required else None
    return ConfigDescription(
        name=name,
        value=text,
        type=UNKNOWN_TYPE if definition is None else definition.type,
        read_only=not is_dynamic(name),
        is_sensitive=sensitive,
        source=synonyms[0].source if synonyms else ConfigSource.DEFAULT_CONFIG,
        synonyms=synonyms,
    )


def _describe(
    definitions: Definitions,
    value: Callable[[str], Value],
    overrides: Mapping[str, str],
    names: Iterable[str] | None,
    *,
    behind: Callable[[str], list[ConfigSynonym]],
    source: ConfigSource,
) -> list[ConfigDescription]:
    wanted = None if names is None else set(names)
    described = []
    for name, definition in definitions.items():
        if (definition.internal and name not in overrides) or (wanted is not None and name not in wanted):
            continue
        text = None if definition.is_sensitive else definition.format(value(name))
        synonyms = behind(name)
        if name in overrides:
            synonyms = [ConfigSynonym(name, text, source), *synonyms]
        described.append(
            ConfigDescription(
                name=name,
                value=text,
                type=definition.type,
                read_only=False,
                is_sensitive=definition.is_sensitive,
                source=synonyms[0].source if synonyms else ConfigSource.DEFAULT_CONFIG,
                synonyms=synonyms,
            )
        )
    return described


def _broker_synonyms(config: ServerConfig, name: str) -> list[ConfigSynonym]:
    """Every layer that sets a broker config or one that says the same, from the first that sets this very name on."""
    sensitive = name not in BROKER_DEFINITIONS or BROKER_DEFINITIONS[name].is_sensitive
    family = same_broker_configs(name)
    found: list[ConfigSynonym] = []
    for source, layer in (
        (ConfigSource.DYNAMIC_BROKER_CONFIG, config.dynamic_broker),
        (ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG, config.dynamic_default),
        (ConfigSource.STATIC_BROKER_CONFIG, config.static),
    ):
        found += [ConfigSynonym(one, None if sensitive else layer[one], source) for one in family if one in layer]
    for one in family:
        definition = BROKER_DEFINITIONS.get(one)
        default = None if definition is None else _default(definition)
        if definition is not None and default is not None:
            text = None if sensitive else definition.format(default)
            found.append(ConfigSynonym(one, text, ConfigSource.DEFAULT_CONFIG))
    while found and found[0].name != name:
        del found[0]
    return found


def _default(definition: ConfigDefinition) -> Value:
    default = definition.default
    return default if isinstance(default, bool | int | float | str | tuple) else None
