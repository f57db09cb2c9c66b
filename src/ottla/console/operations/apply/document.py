"""The file of `ottla apply`: TOML, JSON or YAML, read into what it asks for. Nothing is asked of a cluster here.

[topics.orders]                          [[acls]]
partitions = 6                           principal = "User:ann"            # or a list
replication_factor = 3                   operations = ["READ", "DESCRIBE"]
configs = { "retention.ms" = 60000 }     topic = "orders"                  # group, transactional_id, token, user,
                                         prefixed = true                   # or cluster = true
[configs.broker.""]                      host = "10.0.0.1"
"log.retention.hours" = 24               permission = "DENY"

[users.ann]                              [[quotas]]
mechanisms = ["SCRAM-SHA-512"]           user = "ann"                      # client_id, ip; "" is the default
password_file = "ann.secret"             producer_byte_rate = "10M"
# or password_env = "ANN"
                                         [schemas.orders-value]
                                         file = "order.avsc"               # beside this file
                                         compatibility = "FULL"
[connectors.lines]
state = "running"                        # paused, stopped
config = { "connector.class" = "FileStreamSource", topic = "lines" }       # or file = "lines.properties"
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from ottla.console.operations.near_names import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ottla.console.operations.acls import Acl
    from ottla.registry.client.registry_client import Schema

SECTIONS = ("topics", "configs", "users", "acls", "quotas", "schemas", "connectors")


class DocumentError(Exception):
    """The file cannot be read, or asks for what cannot be; the text names the place."""


@dataclass(frozen=True, slots=True)
class TopicWish:
    name: str
    partitions: int | None = None
    replication_factor: int | None = None
    configs: dict[str, str] = field(default_factory=dict)


class Resource(NamedTuple):
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class UserWish:
    name: str
    mechanisms: tuple[str, ...]
    iterations: int
    password_file: Path | None
    password_env: str | None


@dataclass(frozen=True, slots=True)
class QuotaWish:
    entity: dict[str, str]
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class SchemaWish:
    subject: str
    schema: Schema | None
    compatibility: str | None
    normalize: bool = False


@dataclass(frozen=True, slots=True)
class ConnectorWish:
    name: str
    config: dict[str, str]
    state: str | None


@dataclass(slots=True)
class Document:
    """`None`: the file has no such section."""

    topics: list[TopicWish] | None = None
    configs: dict[Resource, dict[str, str]] | None = None
    users: list[UserWish] | None = None
    acls: list[Acl] | None = None
    quotas: list[QuotaWish] | None = None
    schemas: list[SchemaWish] | None = None
    connectors: list[ConnectorWish] | None = None


def load(path: Path) -> dict[str, Any]:
    """The file as it stands. `DocumentError`."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    suffix = path.suffix.lower()
    try:
        if suffix == ".json":
            document = json.loads(text, object_pairs_hook=_no_key_twice)
        elif suffix in (".yaml", ".yml"):
            document = _load_yaml(text)
        else:
            document = tomllib.loads(text)
    except ValueError as error:
        kind = {".json": "JSON", ".yaml": "YAML", ".yml": "YAML"}.get(suffix, "TOML")
        raise DocumentError(f"{path} is no {kind}: {error}") from None
    if not isinstance(document, dict):
        raise DocumentError(f"{path}: {' '.join(SECTIONS)} are the sections that it may have")
    return document


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} stands there twice")
    return found


def _load_yaml(text: str) -> Any:
    try:
        import yaml
    except ImportError:
        raise ValueError("YAML needs another package: pip install 'ottla[yaml]', or write TOML or JSON") from None

    class Loader(yaml.SafeLoader):
        pass

    def mapping(loader: Any, node: Any) -> dict[str, Any]:
        pairs = [(loader.construct_object(key), loader.construct_object(value, deep=True)) for key, value in node.value]
        return _no_key_twice(pairs)

    Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    try:
        return yaml.load(text, Loader) or {}
    except yaml.YAMLError as error:
        raise ValueError(str(error).replace("\n", " ")) from None


class Table:
    """A section, whose keys are taken out one by one; `done` complains of what nobody took."""

    def __init__(self, where: str, value: object) -> None:
        if not isinstance(value, dict):
            raise DocumentError(f"{where} is a section, not {json.dumps(value, default=str)[:60]}")
        self.where = where
        self._left: dict[str, Any] = {}
        for key, each in value.items():
            if not isinstance(key, str | int) or isinstance(key, bool):
                raise DocumentError(f"{where}: {key!r} is no text: put it into quotes")
            self._left[str(key)] = each  # YAML takes the id of a broker for a number
        self._known: list[str] = []

    def items(self) -> Iterable[tuple[str, Any]]:
        """All of it, where keys are names."""
        left, self._left = self._left, {}
        return left.items()

    def take(self, key: str, kinds: type | tuple[type, ...], default: Any = None) -> Any:
        self._known.append(key)
        if key not in self._left:
            return default
        value = self._left.pop(key)
        if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
            raise DocumentError(f"{self.where}: {key} cannot be {json.dumps(value, default=str)[:60]}")
        return value

    def words(self, *keys: str) -> list[str]:
        """A text or a list of them, under any of these names."""
        found: list[str] = []
        for key in keys:
            value = self.take(key, (str, list), [])
            for each in [value] if isinstance(value, str) else value:
                if not isinstance(each, str):
                    raise DocumentError(f"{self.where}: {key} cannot have {json.dumps(each, default=str)[:60]}")
                found.append(each)
        return found

    def done(self) -> None:
        for key in self._left:
            there = ", ".join(self._known)
            raise DocumentError(f"{self.where} has no '{key}'; there are {there}.{did_you_mean(key, self._known)}")


def settings(where: str, value: object) -> dict[str, str]:
    """Configs as Kafka takes them: texts; lists with commas."""
    found = {}
    for key, each in Table(where, value).items():
        found[key] = setting_text(f"{where}: {key}", each)
    return found


def setting_text(where: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list):
        return ",".join(setting_text(where, each) for each in value)
    raise DocumentError(f"{where} cannot be {json.dumps(value, default=str)[:60]}")


def known_sections(document: Mapping[str, Any]) -> None:
    for name in document:
        if name not in SECTIONS:
            near = did_you_mean(str(name), SECTIONS)
            raise DocumentError(f"there is no section '{name}'; there are {', '.join(SECTIONS)}.{near}")
