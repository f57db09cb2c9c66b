"""The transformations of a connector, one after the other (`TransformationChain`, KIP-66, KIP-585)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ottla.connect.api.errors import ConfigError
from ottla.connect.runtime.plugin_table import PluginKind
from ottla.connect.task.errors import Skipped, Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.record import ConnectRecord
    from ottla.connect.runtime.plugins import Plugins
    from ottla.connect.runtime.task_spec import TaskSpec
    from ottla.connect.task.errors import RecordErrors
    from ottla.connect.transforms.stage import TransformationStage

RecordT = TypeVar("RecordT", bound="ConnectRecord")


class _Step(NamedTuple):
    stage: TransformationStage
    class_name: str


class Chain:
    """Empty, it is false."""

    def __init__(self, steps: list[_Step], errors: RecordErrors) -> None:
        self._steps = steps
        self._errors = errors

    def __bool__(self) -> bool:
        return bool(self._steps)

    def apply(self, record: RecordT, original: object) -> RecordT | None:
        """`None` for what a transformation drops, and for what is wrong and tolerated."""
        current: RecordT | None = record
        for stage, class_name in self._steps:
            assert current is not None
            try:
                current = stage.apply(current)
            except Exception:
                again = self._errors.attempt(original, Stage.TRANSFORMATION, class_name, stage.apply, current)
                current = None if isinstance(again, Skipped) else again
            if current is None:
                return None
        return current

    def close(self) -> None:
        for step in self._steps:
            step.stage.close()


def make_chain(spec: TaskSpec, plugins: Plugins, errors: RecordErrors) -> Chain:
    """`ConnectError`."""
    config = spec.connector_config
    names = [name for name in re.split(r"\s*,\s*", config.get("transforms", "").strip()) if name]
    return Chain([_make_step(config, plugins, name) for name in names], errors)


def _make_step(config: Mapping[str, str], plugins: Plugins, name: str) -> _Step:
    from ottla.connect.transforms.stage import TransformationStage

    own = _with_prefix(config, f"transforms.{name}.")
    predicate_name = own.pop("predicate", None)
    negate = own.pop("negate", "false").strip().lower() == "true"
    transformation, class_name = _make(plugins, PluginKind.TRANSFORMATION, own, f"transforms.{name}.type")
    if predicate_name is None:
        return _Step(TransformationStage(transformation), class_name)
    settings = _with_prefix(config, f"predicates.{predicate_name}.")
    predicate, _ = _make(plugins, PluginKind.PREDICATE, settings, f"predicates.{predicate_name}.type")
    return _Step(TransformationStage(transformation, predicate, negate=negate), class_name)


def _make(plugins: Plugins, kind: PluginKind, settings: dict[str, str], key: str) -> tuple[Any, str]:
    name = settings.pop("type", None)
    if name is None:
        raise ConfigError(f'Missing required configuration "{key}" which has no default value.')
    plugin = plugins.load(kind, name)
    made = plugin.cls()
    made.configure(settings)
    return made, plugin.name


def _with_prefix(config: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {key.removeprefix(prefix): text for key, text in config.items() if key.startswith(prefix)}
