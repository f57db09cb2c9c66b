"""A connector in Java: its class in a JVM of its own, asked over frames."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Final

from ottla.connect.api.config_def import HIGH, NO_DEFAULT_VALUE, STRING, ConfigDef, ConfigValue
from ottla.connect.api.connector import (
    ConnectorContext,
    ExactlyOnceSupport,
    SinkConnector,
    SourceConnector,
    TopicPartition,
)
from ottla.connect.api.errors import ConnectError
from ottla.connect.bridges.java.jvm import JavaError, Jvm
from ottla.connect.bridges.java.plugin import (
    CALL_TIMEOUT,
    CLASS,
    DESCRIBE_TIMEOUT_S,
    OPTIONS,
    OWN,
    PLUGIN,
    STOP_TIMEOUT_S,
    TASK_CLASS,
    JavaPlugin,
    config_def_of,
    define_own,
    find_plugin,
    no_call,
    no_event,
    props_of_java,
    start_jvm,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.task import SinkTask, SourceTask
    from ottla.connect.bridges.installed import Installed

_NAMED: Final = re.compile(r"for configuration (\S+?):")


class JavaSide:
    """What is the same for sources and sinks: `kind`, and the plugin where it is installed."""

    def __init__(self, kind: str, installed: Installed | None) -> None:
        self._kind = kind
        self._installed = installed
        self._jvm: Jvm | None = None
        self._timeout_s = 0.0

    def config(self) -> ConfigDef:
        if self._installed is not None:
            return define_own(config_def_of(self._installed.connector.spec))
        definition = ConfigDef()
        definition.define(
            PLUGIN,
            STRING,
            NO_DEFAULT_VALUE,
            HIGH,
            "Where the plugin is: GROUP:ARTIFACT:VERSION of Maven Central, a folder of jars, or the name of a plugin.",
            group="Plugin",
        )
        definition.define(CLASS, STRING, NO_DEFAULT_VALUE, HIGH, "The connector's class in Java.", group="Plugin")
        return define_own(definition)

    def validate(self, props: Mapping[str, str | None]) -> list[ConfigValue]:
        """What Java says of its keys, and of those of the bridge what there is to say."""
        definition = self.config()
        own = define_own(ConfigDef()) if self._installed is not None else definition
        values = own.validate(props)
        if any(value.error_messages for value in values.values()):
            return list(values.values())
        try:
            plugin = find_plugin(self._kind, props)
            jvm = start_jvm(plugin, plugin.class_name, None, no_call, no_event)
            try:
                config = props_of_java(props, plugin)
                request: dict[str, Any] = {"class": plugin.class_name, "props": config}
                told = jvm.ask("validate", DESCRIBE_TIMEOUT_S, **request).header["values"]
            finally:
                jvm.stop()
        except ConnectError as error:
            named = _NAMED.search(str(error))
            key = named[1] if named and named[1] in values else CLASS if CLASS in values else OPTIONS
            values[key].add_error_message(str(error))
            return list(values.values())
        of_java = [
            ConfigValue(each["name"], each["value"], list(each["recommended"]), list(each["errors"]), each["visible"])
            for each in told
        ]
        return [*of_java, *(value for value in values.values() if value.name in OWN)]

    def start(self, props: Mapping[str, str], context: ConnectorContext) -> None:
        """`ConnectError`: what Java threw."""
        plugin = find_plugin(self._kind, props)
        settings = define_own(ConfigDef()).parse(props)
        self._timeout_s = settings[CALL_TIMEOUT] / 1000
        self._props = dict(props)
        self._plugin = plugin

        def event(kind: str, message: str | None) -> None:
            if kind == "reconfigure":
                context.request_task_reconfiguration()
            elif kind == "failed":
                context.raise_error(JavaError(message or "the connector does not say why it has failed"))

        self._jvm = start_jvm(plugin, plugin.class_name, settings[OPTIONS], no_call, event)
        config = props_of_java(props, plugin)
        request: dict[str, Any] = {"class": plugin.class_name, "props": config}
        self._jvm.ask("start_connector", self._timeout_s, **request)

    def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
        assert self._jvm is not None, "the connector is not started"
        answer = self._jvm.ask("task_configs", self._timeout_s, max=max_tasks).header
        kept: tuple[str, ...] = (*OWN, "connector.class")
        own = {key: self._props[key] for key in kept if key in self._props}
        return [{**config, **own, TASK_CLASS: answer["task_class"]} for config in answer["configs"]]

    def stop(self) -> None:
        jvm, self._jvm = self._jvm, None
        if jvm is not None:
            try:
                jvm.ask("stop_connector", STOP_TIMEOUT_S)
            finally:
                jvm.stop()

    def ask_new(self, kind: str, props: Mapping[str, str], **fields: object) -> dict[str, Any]:
        """Of a JVM for this one question. `ConnectError`."""
        plugin: JavaPlugin = find_plugin(self._kind, props)
        jvm = start_jvm(plugin, plugin.class_name, None, no_call, no_event)
        try:
            request: dict[str, Any] = {
                "class": plugin.class_name,
                "kind": self._kind,
                "props": props_of_java(props, plugin),
                **fields,
            }
            return jvm.ask(kind, DESCRIBE_TIMEOUT_S, **request).header
        finally:
            jvm.stop()


class JavaSourceConnector(SourceConnector):
    """Any source in Java: `java.plugin`, `java.connector.class`. Those that are installed are a class each."""

    installed: ClassVar[Installed | None] = None

    def __init__(self) -> None:
        self._java = JavaSide("source", self.installed)

    def start(self, props: Mapping[str, str]) -> None:
        self._java.start(props, self.context)

    def task_class(self) -> type[SourceTask]:
        from ottla.connect.bridges.java.source import JavaSourceTask

        return JavaSourceTask

    def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
        return self._java.task_configs(max_tasks)

    def stop(self) -> None:
        self._java.stop()

    def config(self) -> ConfigDef:
        return self._java.config()

    def validate(self, props: Mapping[str, str | None]) -> list[ConfigValue]:
        return self._java.validate(props)

    def exactly_once_support(self, props: Mapping[str, str]) -> ExactlyOnceSupport | None:
        support = self._java.ask_new("exactly_once", props)["support"]
        return None if support is None else ExactlyOnceSupport[support]

    def alter_offsets(
        self, props: Mapping[str, str], offsets: list[tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]]
    ) -> bool:
        return bool(self._java.ask_new("alter_offsets", props, offsets=[list(each) for each in offsets])["done"])


class JavaSinkConnector(SinkConnector):
    """Any sink in Java, likewise."""

    installed: ClassVar[Installed | None] = None

    def __init__(self) -> None:
        self._java = JavaSide("sink", self.installed)

    def start(self, props: Mapping[str, str]) -> None:
        self._java.start(props, self.context)

    def task_class(self) -> type[SinkTask]:
        from ottla.connect.bridges.java.sink import JavaSinkTask

        return JavaSinkTask

    def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
        return self._java.task_configs(max_tasks)

    def stop(self) -> None:
        self._java.stop()

    def config(self) -> ConfigDef:
        return self._java.config()

    def validate(self, props: Mapping[str, str | None]) -> list[ConfigValue]:
        return self._java.validate(props)

    def alter_offsets(self, props: Mapping[str, str], offsets: Mapping[TopicPartition, int | None]) -> bool:
        pairs = [[topic, partition, offset] for (topic, partition), offset in offsets.items()]
        return bool(self._java.ask_new("alter_offsets", props, offsets=pairs)["done"])
