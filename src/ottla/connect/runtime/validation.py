"""Whether a configuration can be, key by key: `ConfigInfos` (`AbstractHerder.validateConnectorConfig`)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.config_def import CLASS, HIGH, NO_DEFAULT_VALUE, ConfigDef, ConfigKey, ConfigValue, Width
from ottla.connect.api.connector import SourceConnector
from ottla.connect.api.errors import ConfigError, ConnectError
from ottla.connect.api.validators import LambdaValidator
from ottla.connect.runtime.connector_config import (
    CONNECTOR_CLASS,
    CONVERTERS,
    DLQ_TOPIC,
    TOPICS,
    TOPICS_REGEX,
    PluginRecommender,
    define_version,
    sink_config_def,
    sink_topics,
    source_config_def,
)
from ottla.connect.runtime.exactly_once import validate_exactly_once
from ottla.connect.runtime.override_policy import ALL, OverridePolicy
from ottla.connect.runtime.plugin_table import PluginKind
from ottla.connect.runtime.plugins import Plugin, Plugins, new_connector
from ottla.connect.runtime.rest_error import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

_STAGES: Final = (
    ("transforms", "Transforms", PluginKind.TRANSFORMATION, "Transformation"),
    ("predicates", "Predicates", PluginKind.PREDICATE, "Predicate"),
)


@dataclass(slots=True)
class ConfigInfos:
    """What is to be said of a configuration: each entry has the key's definition and its value."""

    name: str
    error_count: int = 0
    groups: list[str] = field(default_factory=list)
    configs: list[dict[str, Any]] = field(default_factory=list)

    def add(self, key: ConfigKey | None, value: ConfigValue) -> None:
        info = value.info(key.type if key is not None else None)
        self.configs.append({"definition": None if key is None else key.info(), "value": info})
        self.error_count += len(value.error_messages)

    @property
    def errors(self) -> list[str]:
        return [error for config in self.configs for error in config["value"]["errors"]]

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "error_count": self.error_count,
            "groups": self.groups,
            "configs": self.configs,
        }


def validate_connector_config(
    plugins: Plugins,
    worker_defaults: Mapping[str, str],
    props: Mapping[str, str | None],
    policy: OverridePolicy = ALL,
    exactly_once: bool | None = None,
) -> ConfigInfos:
    """May take as long as the connector's own validation: call it from a thread. `ConnectError`.

    `exactly_once`: whether the worker supports it for sources; `None`: it is none of a group, and nobody asks.
    """
    class_name = props.get(CONNECTOR_CLASS)
    if class_name is None:
        text = ", ".join(f"{key}={value}" for key, value in props.items())
        raise BadRequestError(f"Connector config {{{text}}} contains no connector type")
    plugin = _connector(plugins, class_name)
    connector = new_connector(plugin)
    is_source = plugin.kind is PluginKind.SOURCE
    base = source_config_def if is_source else sink_config_def
    definition = base(plugins, config_defaults(plugins, plugin, worker_defaults, props))
    _enrich(plugins, definition, props)
    values = definition.validate(props)
    _name_classes(plugins, values)
    if not is_source:
        _validate_sink(props, values)
    elif exactly_once is not None and isinstance(connector, SourceConnector):
        given = {key: text for key, text in props.items() if text is not None}
        validate_exactly_once(connector, given, values, is_enabled=exactly_once)
    for key, value in props.items():
        if value is None:
            found = values.setdefault(key, ConfigValue(key))
            found.add_error_message("Null value can not be supplied as the configuration value.")
    own = connector.config()
    if not isinstance(own, ConfigDef):
        raise BadRequestError(f"{plugin.name}.config() must return a ConfigDef that is not null.")
    keys = definition.config_keys | own.config_keys
    own_values = {value.name: value for value in connector.validate(props)}
    infos = ConfigInfos(class_name, groups=list(dict.fromkeys([*definition.groups, *own.groups])))
    merged = values | own_values
    for name, config_value in merged.items():
        if name not in keys:
            infos.add(None, config_value)
    for name, key_of in keys.items():
        infos.add(key_of, merged.get(name) or ConfigValue(name))
    for refused in policy.refusals(props):
        infos.add(None, refused)
    _validate_converters(plugins, props, values, infos)
    return infos


def _connector(plugins: Plugins, name: str) -> Plugin:
    try:
        return plugins.connector(name)
    except ConnectError as error:
        raise BadRequestError(str(error)) from error


def config_defaults(
    plugins: Plugins, plugin: Plugin, worker_defaults: Mapping[str, str], props: Mapping[str, str | None]
) -> dict[str, Any]:
    """Converters are the worker's, each plugin's version the one that is installed."""
    defaults: dict[str, Any] = {"connector.plugin.version": plugin.version}
    for key, kind in CONVERTERS.items():
        default = worker_defaults.get(key)
        try:
            if default is not None:
                defaults[key] = plugins.load(kind, default).name
            found = plugins.find(kind, props.get(key) or default or "")
        except ConnectError:
            found = None
        if found is not None:
            defaults[f"{key}.plugin.version"] = found.version
    return defaults


def _enrich(plugins: Plugins, definition: ConfigDef, props: Mapping[str, str | None]) -> None:
    """With what each transformation and predicate that is named takes."""
    for key, group, kind, base in _STAGES:
        aliases = dict.fromkeys(alias for alias in re.split(r"\s*,\s*", (props.get(key) or "").strip()) if alias)
        for alias in aliases:
            prefix = f"{key}.{alias}."
            validator = _stage_validator(plugins, kind, prefix, props)
            definition.define(f"{prefix}type", CLASS, NO_DEFAULT_VALUE, HIGH, f"Class of the {base.lower()} {alias}.",
                validator=LambdaValidator(validator, f"valid configs for {alias} {base.lower()}"),
                recommender=PluginRecommender(plugins, kind),
                group=f"{group}: {alias}", order_in_group=0, width=Width.LONG, display_name=f"{base} type for {alias}",
            )  # fmt: skip
            try:
                child = stage_config_def(plugins, kind, props.get(f"{prefix}type"))
                version = plugins.load(kind, props.get(f"{prefix}type") or "").version
            except ConnectError:
                child, version = ConfigDef(), None  # its type's validator says why
            define_version(definition, f"{prefix}plugin.version", version, HIGH,
                group=f"{group}: {alias}", order_in_group=1, width=Width.LONG,
                display_name=f"{base} version for {alias}",
            )  # fmt: skip
            definition.embed(prefix, f"{group}: {alias}", 2, child)


def stage_config_def(plugins: Plugins, kind: PluginKind, name: str | None) -> ConfigDef:
    """What a transformation or predicate takes. `ConnectError`."""
    from ottla.connect.api.config_def import BOOLEAN, MEDIUM, STRING

    if not name:
        raise ConfigError(f"Not a {kind.value.capitalize()}")
    own = plugins.load(kind, name).cls().config()
    if kind is not PluginKind.TRANSFORMATION:
        return ConfigDef(own)
    definition = ConfigDef()
    definition.define("predicate", STRING, None, MEDIUM, "Only what the predicate of this name takes is transformed.")
    definition.define("negate", BOOLEAN, False, MEDIUM, "Whether it is those that the predicate does not take.")
    for key in own.config_keys.values():
        if key.name not in ("predicate", "negate"):
            definition.define_key(key)
    return definition


def _stage_validator(plugins: Plugins, kind: PluginKind, prefix: str, props: Mapping[str, str | None]) -> Any:
    def ensure_valid(name: str, value: Any) -> None:
        if kind is PluginKind.TRANSFORMATION and f"{prefix}negate" in props and f"{prefix}predicate" not in props:
            raise ConfigError(
                f"Config '{prefix}negate' was provided but there is no config '{prefix}predicate' defining a predicate "
                "to be negated."
            )
        if value is None:
            return
        try:
            plugins.load(kind, str(value)).cls().config()
        except ConnectError as error:
            raise ConfigError.of(name, value, str(error)) from error

    return ensure_valid


def _name_classes(plugins: Plugins, values: Mapping[str, ConfigValue]) -> None:
    """Aliases are shown as what they stand for, and what there is not as nothing."""
    kinds = dict(CONVERTERS)
    for key, _, kind, _ in _STAGES:
        prefix = f"{key}."
        kinds |= dict.fromkeys((name for name in values if name.startswith(prefix) and name.endswith(".type")), kind)
    for key, kind in kinds.items():
        value = values[key]
        if isinstance(value.value, str):
            found = plugins.find(kind, value.value)
            value.value = None if found is None else found.name


def _validate_sink(props: Mapping[str, str | None], values: dict[str, ConfigValue]) -> None:
    topics, expression = props.get(TOPICS) or "", props.get(TOPICS_REGEX) or ""
    dead_letters = (props.get(DLQ_TOPIC) or "").strip()
    has_topics, has_expression = bool(topics.strip()), bool(expression.strip())

    def add(message: str, *names: str) -> None:
        for name in names:
            values.setdefault(name, ConfigValue(name, props.get(name))).add_error_message(message)

    if has_topics and has_expression:
        add("topics and topics.regex are mutually exclusive options, but both are set.", TOPICS, TOPICS_REGEX)
    if not has_topics and not has_expression:
        add("Must configure one of topics or topics.regex", TOPICS, TOPICS_REGEX)
    if not dead_letters:
        return
    if dead_letters in sink_topics(props):
        which = f"included in the list of topics ('topics=[{', '.join(sink_topics(props))}]')"
        add(
            f"The DLQ topic '{dead_letters}' may not be {which} consumed by the connector",
            TOPICS,
        )
    if has_expression and _matches(expression, dead_letters):
        which = f"matched by the regex for the topics ('topics.regex={expression}')"
        add(
            f"The DLQ topic '{dead_letters}' may not be {which} consumed by the connector",
            TOPICS_REGEX,
        )


def _matches(expression: str, topic: str) -> bool:
    try:
        return re.fullmatch(expression, topic) is not None
    except re.error:
        return False


def _validate_converters(
    plugins: Plugins, props: Mapping[str, str | None], values: Mapping[str, ConfigValue], infos: ConfigInfos
) -> None:
    """What the converters that the connector names say of their own keys."""
    for key in ("header.converter", "key.converter", "value.converter"):
        name = props.get(key)
        if name is None or values[key].error_messages:
            continue
        definition: ConfigDef = plugins.load(CONVERTERS[key], name).cls().config()
        prefix = f"{key}."
        own = {each.removeprefix(prefix): text for each, text in props.items() if each.startswith(prefix)}
        own.setdefault("converter.type", key.removesuffix(".converter"))
        for value in definition.validate(own).values():
            found = definition.config_keys.get(value.name)
            shown = ConfigValue(prefix + value.name, value.value, value.recommended_values, value.error_messages)
            infos.add(None if found is None else _prefixed(found, prefix), shown)
            if found is not None and found.group is not None and found.group not in infos.groups:
                infos.groups.append(found.group)


def _prefixed(key: ConfigKey, prefix: str) -> ConfigKey:
    from dataclasses import replace

    return replace(key, name=prefix + key.name)
