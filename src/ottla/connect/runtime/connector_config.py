"""What every connector can be configured with (`ConnectorConfig`, `SourceConnectorConfig`, `SinkConnectorConfig`)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.config_def import (
    BOOLEAN,
    CLASS,
    HIGH,
    INT,
    LIST,
    LONG,
    LOW,
    MEDIUM,
    NO_DEFAULT_VALUE,
    SHORT,
    STRING,
    ConfigDef,
    Width,
)
from ottla.connect.api.errors import ConfigError, ConnectError
from ottla.connect.api.validators import (
    CaseInsensitiveValidString,
    LambdaValidator,
    NonEmptyString,
    NonEmptyStringWithoutControlChars,
    Range,
    ValidString,
)
from ottla.connect.runtime.plugin_table import PluginKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.connect.runtime.plugins import Plugins

NAME: Final = "name"
CONNECTOR_CLASS: Final = "connector.class"
TASKS_MAX: Final = "tasks.max"
TASK_CLASS: Final = "task.class"
TOPICS: Final = "topics"
TOPICS_REGEX: Final = "topics.regex"
DLQ_TOPIC: Final = "errors.deadletterqueue.topic.name"
TOPIC_CREATION_PREFIX: Final = "topic.creation."
PRODUCER_OVERRIDES: Final = "producer.override."
CONSUMER_OVERRIDES: Final = "consumer.override."
ADMIN_OVERRIDES: Final = "admin.override."
CONVERTERS: Final = {
    "key.converter": PluginKind.CONVERTER,
    "value.converter": PluginKind.CONVERTER,
    "header.converter": PluginKind.HEADER_CONVERTER,
}

_COMMON: Final = "Common"
_ERRORS: Final = "Error Handling"
_EXACTLY_ONCE: Final = "Exactly Once Support"


class PluginValidator:
    """A class of that kind can be loaded."""

    def __init__(self, plugins: Plugins, kind: PluginKind) -> None:
        self._plugins = plugins
        self._kind = kind

    def ensure_valid(self, name: str, value: Any) -> None:
        if value is None:
            return
        try:
            self._plugins.load(self._kind, str(value))
        except ConnectError as error:
            raise ConfigError.of(name, value, str(error)) from error

    def __str__(self) -> str:
        return f"Class of a {self._kind.value.replace('_', ' ')}"


class PluginRecommender:
    def __init__(self, plugins: Plugins, kind: PluginKind) -> None:
        self._plugins = plugins
        self._kind = kind

    def valid_values(self, _name: str, _parsed: Mapping[str, Any]) -> Sequence[object]:
        return sorted(entry.name for entry in self._plugins.listed(self._kind))

    def visible(self, _name: str, _parsed: Mapping[str, Any]) -> bool:
        return True


class VersionRecommender:
    """Of a plugin there is one version: the one that is installed (KIP-891)."""

    def __init__(self, version: str | None) -> None:
        self._version = version

    def valid_values(self, _name: str, _parsed: Mapping[str, Any]) -> Sequence[object]:
        return [] if self._version is None else [self._version]

    def visible(self, _name: str, _parsed: Mapping[str, Any]) -> bool:
        return True


def source_config_def(plugins: Plugins, defaults: Mapping[str, Any] | None = None) -> ConfigDef:
    """`defaults` are those of the keys that the worker's configuration or the connector's version decide."""
    definition = _connector_config_def(plugins, defaults or {})
    definition.define("topic.creation.groups", LIST, "", LOW,
        "Names of groups of topics, each with `topic.creation.NAME.…`.",
        validator=LambdaValidator(_unique_groups, "unique topic creation groups"),
        group="Topic Creation", order_in_group=1, width=Width.LONG, display_name="Topic Creation Groups",
    )  # fmt: skip
    definition.define("exactly.once.support", STRING, "requested", MEDIUM,
        "Whether a connector must be able to say exactly once.",
        validator=CaseInsensitiveValidString("REQUIRED", "REQUESTED"),
        group=_EXACTLY_ONCE, order_in_group=2, width=Width.SHORT, display_name="Exactly once support",
    )  # fmt: skip
    definition.define("transaction.boundary", STRING, "poll", MEDIUM, "When transactions end.",
        validator=CaseInsensitiveValidString("INTERVAL", "POLL", "CONNECTOR"),
        group=_EXACTLY_ONCE, order_in_group=3, width=Width.SHORT, display_name="Transaction Boundary",
    )  # fmt: skip
    definition.define("transaction.boundary.interval.ms", LONG, None, LOW,
        "How long those last that end at an interval.",
        validator=LambdaValidator(_not_negative, str(Range(0))),
        group=_EXACTLY_ONCE, order_in_group=4, width=Width.SHORT, display_name="Transaction boundary interval",
    )  # fmt: skip
    definition.define("offsets.storage.topic", STRING, None, LOW, "A topic for the offsets of this connector alone.",
        validator=NonEmptyString(),
        group="offsets.topic", order_in_group=1, width=Width.LONG, display_name="Offsets topic",
    )  # fmt: skip
    return definition


def sink_config_def(plugins: Plugins, defaults: Mapping[str, Any] | None = None) -> ConfigDef:
    definition = _connector_config_def(plugins, defaults or {})
    definition.define(TOPICS, LIST, "", HIGH, "The topics that are read.",
        group=_COMMON, order_in_group=4, width=Width.LONG, display_name="Topics",
    )  # fmt: skip
    definition.define(TOPICS_REGEX, STRING, "", HIGH, "A regular expression for the names of the topics that are read.",
        validator=LambdaValidator(_regular_expression, "valid regex"),
        group=_COMMON, order_in_group=4, width=Width.LONG, display_name="Topics regex",
    )  # fmt: skip
    definition.define(DLQ_TOPIC, STRING, "", MEDIUM, "The topic for records that cannot be taken.",
        group=_ERRORS, order_in_group=6, width=Width.MEDIUM, display_name="Dead Letter Queue Topic Name",
    )  # fmt: skip
    definition.define("errors.deadletterqueue.topic.replication.factor", SHORT, 3, MEDIUM, "Its replicas.",
        group=_ERRORS, order_in_group=7, width=Width.MEDIUM, display_name="Dead Letter Queue Topic Replication Factor",
    )  # fmt: skip
    definition.define("errors.deadletterqueue.context.headers.enable", BOOLEAN, False, MEDIUM,
        "Whether headers say what was wrong with them.",
        group=_ERRORS, order_in_group=8, width=Width.MEDIUM, display_name="Enable Error Context Headers",
    )  # fmt: skip
    return definition


def _connector_config_def(plugins: Plugins, defaults: Mapping[str, Any]) -> ConfigDef:
    definition = ConfigDef()
    definition.define(NAME, STRING, NO_DEFAULT_VALUE, HIGH, "A name that no other connector of the worker has.",
        validator=NonEmptyStringWithoutControlChars(),
        group=_COMMON, order_in_group=1, width=Width.MEDIUM, display_name="Connector name",
    )  # fmt: skip
    definition.define(CONNECTOR_CLASS, STRING, NO_DEFAULT_VALUE, HIGH, "The class of the connector, or its alias.",
        group=_COMMON, order_in_group=2, width=Width.LONG, display_name="Connector class",
    )  # fmt: skip
    _version(definition, "connector.plugin.version", defaults, MEDIUM, 3, Width.MEDIUM, "Connector version")
    definition.define(TASKS_MAX, INT, 1, HIGH, "How many tasks the work is divided into at most.",
        validator=Range(1), group=_COMMON, order_in_group=4, width=Width.SHORT, display_name="Tasks max",
    )  # fmt: skip
    definition.define("tasks.max.enforce", BOOLEAN, True, LOW, "Whether a connector with more tasks than that fails.",
        group=_COMMON, order_in_group=5, width=Width.SHORT, display_name="Enforce tasks max",
    )  # fmt: skip
    for place, (key, kind) in enumerate(CONVERTERS.items()):
        what = key.removesuffix(".converter").capitalize()
        definition.define(key, CLASS, defaults.get(key), LOW,
            f"What converts {what.lower()}s; by default the worker's.",
            validator=PluginValidator(plugins, kind), recommender=PluginRecommender(plugins, kind),
            group=_COMMON, order_in_group=6 + 2 * place, width=Width.SHORT, display_name=f"{what} converter class",
        )  # fmt: skip
        version = f"{what} converter version"
        _version(definition, f"{key}.plugin.version", defaults, LOW, 7 + 2 * place, Width.SHORT, version)
    for place, (key, one) in enumerate((("transforms", "transformation"), ("predicates", "predicate"))):
        definition.define(key, LIST, "", LOW, f"Names of {one}s, each with `{key}.NAME.type`.",
            validator=LambdaValidator(_aliases(one), f"unique {one} aliases"),
            group=key.capitalize(), order_in_group=12 + place, width=Width.LONG, display_name=key.capitalize(),
        )  # fmt: skip
    definition.define("config.action.reload", STRING, "restart", LOW, "What to do when a variable's value changes.",
        validator=ValidString("none", "restart"),
        group=_COMMON, order_in_group=14, width=Width.MEDIUM, display_name="Reload Action",
    )  # fmt: skip
    return _error_handling(definition)


def _error_handling(definition: ConfigDef) -> ConfigDef:
    definition.define("errors.retry.timeout", LONG, 0, MEDIUM,
        "For how many ms something is tried again; -1: for ever.",
        group=_ERRORS, order_in_group=1, width=Width.MEDIUM, display_name="Retry Timeout for Errors",
    )  # fmt: skip
    definition.define("errors.retry.delay.max.ms", LONG, 60_000, MEDIUM, "The longest pause between two tries.",
        group=_ERRORS, order_in_group=2, width=Width.MEDIUM, display_name="Maximum Delay Between Retries for Errors",
    )  # fmt: skip
    definition.define("errors.tolerance", STRING, "none", MEDIUM,
        "Whether a wrong record fails the task (none) or not (all).",
        validator=ValidString("none", "all"),
        group=_ERRORS, order_in_group=3, width=Width.SHORT, display_name="Error Tolerance",
    )  # fmt: skip
    definition.define("errors.log.enable", BOOLEAN, False, MEDIUM, "Whether each error is logged, tolerated or not.",
        group=_ERRORS, order_in_group=4, width=Width.SHORT, display_name="Log Errors",
    )  # fmt: skip
    definition.define("errors.log.include.messages", BOOLEAN, False, MEDIUM,
        "Whether the log says which record it was.",
        group=_ERRORS, order_in_group=5, width=Width.SHORT, display_name="Log Error Details",
    )  # fmt: skip
    return definition


def _version(
    definition: ConfigDef, key: str, defaults: Mapping[str, Any], importance: Any, order: int, width: Width, name: str
) -> None:
    version = defaults.get(key)
    define_version(
        definition, key, version, importance, group=_COMMON, order_in_group=order, width=width, display_name=name
    )


def define_version(definition: ConfigDef, key: str, version: str | None, importance: Any, **shown: Any) -> None:
    """`….plugin.version` (KIP-891)."""
    definition.define(key, STRING, version, importance, "The version of the plugin: the one that is installed.",
        validator=LambdaValidator(_this_version(version), "the installed version"),
        recommender=VersionRecommender(version), **shown,
    )  # fmt: skip


def _this_version(version: str | None) -> Any:
    def ensure_valid(name: str, value: Any) -> None:
        if value is not None and value != version:
            raise ConfigError.of(name, value, f"the version that is installed is {version}")

    return ensure_valid


def _aliases(kind: str) -> Any:
    def ensure_valid(name: str, value: Any) -> None:
        if value is not None and len(set(value)) < len(value):
            raise ConfigError.of(name, value, "Duplicate alias provided.")

    del kind
    return ensure_valid


def _unique_groups(name: str, value: Any) -> None:
    if value is None:
        raise ConfigError.of(name, None, "entry must be non null")
    if len(set(value)) < len(value):
        raise ConfigError.of(name, value, "Duplicate alias provided.")


def _not_negative(name: str, value: Any) -> None:
    if value is not None:
        Range(0).ensure_valid(name, value)


def _regular_expression(name: str, value: Any) -> None:
    try:
        re.compile(value or "")
    except re.error as error:
        raise ConfigError.of(name, value, f"Invalid regex: {error}") from None


def sink_topics(props: Mapping[str, str | None]) -> list[str]:
    return list(dict.fromkeys(topic for topic in re.split(r"\s*,\s*", (props.get(TOPICS) or "").strip()) if topic))
