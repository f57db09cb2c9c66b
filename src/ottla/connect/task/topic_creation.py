"""Topics that a source writes to, made as `topic.creation.…` says (KIP-158); else the broker makes them as it likes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ottla.connect.api.errors import ConfigError, ConnectError
from ottla.connect.runtime.connector_config import TOPIC_CREATION_PREFIX
from ottla.connect.task.clients import import_confluent, make_admin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.runtime.task_spec import TaskSpec

_DEFAULT: Final = "default"
_OWN: Final = ("include", "exclude", "partitions", "replication.factor")
TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class _Group:
    include: list[str]
    exclude: list[str]
    partitions: int
    replication_factor: int
    configs: dict[str, str]

    def takes(self, topic: str) -> bool:
        matches = any(re.fullmatch(pattern, topic) for pattern in self.include)
        return matches and not any(re.fullmatch(pattern, topic) for pattern in self.exclude)


class TopicCreation:
    """`ensure(topic)` before the first record of a topic."""

    def __init__(self, spec: TaskSpec) -> None:
        self._spec = spec
        self._known: set[str] = set()
        self._groups = _groups(spec.connector_config) if spec.topic_creation else None

    def ensure(self, topic: str) -> None:
        """`ConnectError` when it is not there and cannot be made."""
        if topic in self._known:
            return
        if self._groups is not None:
            self._create(topic, self._groups)
        self._known.add(topic)

    def _create(self, topic: str, groups: list[_Group]) -> None:
        kafka = import_confluent()
        admin = make_admin(self._spec)
        group = next((each for each in groups[1:] if each.takes(topic)), groups[0])
        try:
            if topic in admin.list_topics(timeout=TIMEOUT_S).topics:
                return
            new = kafka.admin.NewTopic(topic, group.partitions, group.replication_factor, config=group.configs)
            admin.create_topics([new], request_timeout=TIMEOUT_S)[topic].result()
        except kafka.KafkaException as error:
            if error.args[0].code() == kafka.KafkaError.TOPIC_ALREADY_EXISTS:
                return
            text = f"Task failed to create new topic {topic}. Ensure that the task is authorized to create topics or "
            raise ConnectError(f"{text}that the topic exists and restart the task: {error.args[0].str()}") from error


def _groups(config: Mapping[str, str]) -> list[_Group] | None:
    """The default first; `None` where nothing is said."""
    if not any(key.startswith(TOPIC_CREATION_PREFIX) for key in config):
        return None
    names = [name for name in re.split(r"\s*,\s*", config.get("topic.creation.groups", "").strip()) if name]
    default = _group(config, _DEFAULT, None)
    return [default, *(_group(config, name, default) for name in names if name != _DEFAULT)]


def _group(config: Mapping[str, str], name: str, default: _Group | None) -> _Group:
    prefix = f"{TOPIC_CREATION_PREFIX}{name}."
    own = {key.removeprefix(prefix): text for key, text in config.items() if key.startswith(prefix)}

    def number(key: str, fallback: int | None) -> int:
        text = own.get(key)
        if text is None:
            if fallback is None:
                raise ConfigError(f'Missing required configuration "{prefix}{key}" which has no default value.')
            return fallback
        try:
            value = int(text)
        except ValueError:
            raise ConfigError.of(prefix + key, text, "Not a number of type INT") from None
        if value != -1 and value < 1:
            raise ConfigError.of(prefix + key, text, "it must be positive, or -1 for what the broker has by default")
        return value

    return _Group(
        _listed(own.get("include", "")) if default is not None else [".*"],
        _listed(own.get("exclude", "")) if default is not None else [],
        number("partitions", None if default is None else default.partitions),
        number("replication.factor", None if default is None else default.replication_factor),
        {key: text for key, text in own.items() if key not in _OWN},
    )


def _listed(text: str) -> list[str]:
    return [part for part in re.split(r"\s*,\s*", text.strip()) if part]
