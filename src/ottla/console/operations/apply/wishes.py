"""What the sections of a file ask for (`document.py` has the form)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.clients.configs import RESOURCE_TYPES
from ottla.console.operations import acls
from ottla.console.operations.acls import Acl, check_principal, known_name
from ottla.console.operations.apply.connectors import STATES
from ottla.console.operations.apply.document import (
    ConnectorWish,
    Document,
    DocumentError,
    QuotaWish,
    Resource,
    SchemaWish,
    Table,
    TopicWish,
    UserWish,
    known_sections,
    settings,
)
from ottla.console.operations.connectors import ConnectorFileError, read_connector
from ottla.console.operations.near_names import did_you_mean
from ottla.console.operations.quotas import BYTE_RATES, QUOTA_KEYS
from ottla.console.operations.schemas import LEVELS, TYPES, type_of_file
from ottla.console.operations.users import DEFAULT_ITERATIONS, DEFAULT_MECHANISM
from ottla.protocol.sasl.scram import SCRAM_MECHANISMS
from ottla.registry.client.registry_client import Schema
from ottla.registry.schema.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_ACL_RESOURCES = {
    "topic": "TOPIC",
    "group": "GROUP",
    "transactional_id": "TRANSACTIONAL_ID",
    "token": "DELEGATION_TOKEN",
    "user": "USER",
}


def read_document(document: Mapping[str, Any], directory: Path, parse_bytes: Callable[[str], int]) -> Document:
    """`directory`: files that it names lie there. `DocumentError` names the place of what cannot be."""
    known_sections(document)
    read = Document()
    if "topics" in document:
        read.topics = [_topic(name, value) for name, value in Table("topics", document["topics"]).items()]
    if "configs" in document:
        read.configs = dict(_configs(document["configs"]))
    if "users" in document:
        users = Table("users", document["users"]).items()
        read.users = [_user(name, value, directory) for name, value in users]
    if "acls" in document:
        entries = _list("acls", document["acls"])
        read.acls = list(dict.fromkeys(acl for where, entry in entries for acl in _acls(where, entry)))
    if "quotas" in document:
        entries = _list("quotas", document["quotas"])
        read.quotas = [_quota(where, entry, parse_bytes) for where, entry in entries]
        for wish in read.quotas:
            if sum(other.entity == wish.entity for other in read.quotas) > 1:
                raise DocumentError(f"quotas: there are two of {wish.entity}")
    if "schemas" in document:
        subjects = Table("schemas", document["schemas"]).items()
        read.schemas = [_schema(name, value, directory) for name, value in subjects]
    if "connectors" in document:
        connectors = Table("connectors", document["connectors"]).items()
        read.connectors = [_connector(name, value, directory) for name, value in connectors]
    return read


def _list(name: str, value: object) -> list[tuple[str, object]]:
    if not isinstance(value, list):
        raise DocumentError(f"{name} is a list of entries: [[{name}]] in TOML")
    return [(f"{name}, entry {number}", entry) for number, entry in enumerate(value, 1)]


def _topic(name: str, value: object) -> TopicWish:
    table = Table(f"topics.{name}", value)
    wish = TopicWish(
        name,
        table.take("partitions", int),
        table.take("replication_factor", int),
        settings(f"{table.where}.configs", table.take("configs", dict, {})),
    )
    table.done()
    for count in (wish.partitions, wish.replication_factor):
        if count is not None and count < 1:
            raise DocumentError(f"{table.where}: {count} is too few")
    return wish


def _configs(value: object) -> Iterator[tuple[Resource, dict[str, str]]]:
    for kind, names in Table("configs", value).items():
        if kind not in RESOURCE_TYPES or kind == "topic":
            there = [each for each in RESOURCE_TYPES if each != "topic"]
            raise DocumentError(f"configs.{kind}: there are {', '.join(there)}.{did_you_mean(kind, there)}")
        for name, entries in Table(f"configs.{kind}", names).items():
            yield Resource(kind, name), settings(f'configs.{kind}."{name}"', entries)


def _user(name: str, value: object, directory: Path) -> UserWish:
    table = Table(f"users.{name}", value)
    mechanisms = table.words("mechanism", "mechanisms") or [DEFAULT_MECHANISM]
    file, variable = table.take("password_file", str), table.take("password_env", str)
    iterations = table.take("iterations", int, DEFAULT_ITERATIONS)
    table.done()
    if file is not None and variable is not None:
        raise DocumentError(f"{table.where}: password_file and password_env are two passwords: give one")
    known = tuple(_named(table.where, "mechanism", each, SCRAM_MECHANISMS) for each in mechanisms)
    return UserWish(name, known, iterations, directory / file if file is not None else None, variable)


def _acls(where: str, value: object) -> Iterator[Acl]:
    table = Table(where, value)
    principals = table.words("principal", "principals")
    operations = [_named(where, "operation", each, acls.OPERATIONS) for each in table.words("operation", "operations")]
    hosts = table.words("host", "hosts") or [acls.WILDCARD]
    permission = _named(where, "permission", table.take("permission", str, "ALLOW"), acls.PERMISSIONS)
    pattern = "PREFIXED" if table.take("prefixed", bool, False) else "LITERAL"
    resources = [(kind, name, pattern) for key, kind in _ACL_RESOURCES.items() for name in table.words(key)]
    if table.take("cluster", bool, False):
        resources.append(("CLUSTER", acls.CLUSTER_NAME, "LITERAL"))
    table.done()
    if not (principals and operations and resources):
        raise DocumentError(f"{where} needs a principal, operations, and a topic, group, transactional_id or cluster")
    for principal in principals:
        try:
            check_principal(principal)
        except ValueError as error:
            raise DocumentError(f"{where}: {error}") from None
        for kind, name, used in resources:
            for operation in operations:
                yield from (Acl(kind, name, used, principal, host, operation, permission) for host in hosts)


def _quota(where: str, value: object, parse_bytes: Callable[[str], int]) -> QuotaWish:
    table = Table(where, value)
    named = {"user": table.take("user", str), "client-id": table.take("client_id", str), "ip": table.take("ip", str)}
    entity = {kind: name for kind, name in named.items() if name is not None}
    values: dict[str, float] = {}
    for key in QUOTA_KEYS:
        given = table.take(key, (int, float, str))
        if given is None:
            continue
        try:
            values[key] = float(parse_bytes(given) if isinstance(given, str) and key in BYTE_RATES else given)
        except ValueError as error:
            raise DocumentError(f"{where}: {key}: {error}") from None
        if not 0 < values[key] < float("inf"):
            raise DocumentError(f"{where}: {key}: {given} is no amount above zero")
    table.done()
    if not entity or ("ip" in entity and len(entity) > 1):
        raise DocumentError(f'{where} is of a user, a client_id or both, or of an ip; "" is the default of all')
    return QuotaWish(entity, values)


def _schema(subject: str, value: object, directory: Path) -> SchemaWish:
    table = Table(f"schemas.{subject}", value)
    file, kind = table.take("file", str), table.take("type", str)
    references = [_reference(f"{table.where}, reference", each) for each in table.take("references", list, [])]
    level = table.take("compatibility", str)
    normalize = table.take("normalize", bool, False)
    table.done()
    if level is not None:
        level = _named(table.where, "level", level, LEVELS)
    if file is None:
        return SchemaWish(subject, None, level)
    kind = type_of_file(file) if kind is None else _named(table.where, "type", kind, TYPES)
    if kind is None:
        raise DocumentError(f"{table.where}: is {file} avro, json or protobuf? its name does not say: give a type")
    try:
        text = (directory / file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(f"{table.where}: {directory / file}: {getattr(error, 'strerror', None) or error}") from None
    return SchemaWish(subject, Schema(text, kind, tuple(references)), level, normalize)


def _connector(name: str, value: object, directory: Path) -> ConnectorWish:
    table = Table(f"connectors.{name}", value)
    state = table.take("state", str)
    file, config = table.take("file", str), table.take("config", dict)
    table.done()
    if (file is None) == (config is None):
        raise DocumentError(f"{table.where} needs a config or a file, one of them")
    if state is not None:
        state = _named(table.where, "state", state, STATES)
    if file is None:
        return ConnectorWish(name, settings(f"{table.where}.config", config), state)
    try:
        _, read = read_connector(directory / file)
    except ConnectorFileError as error:
        raise DocumentError(f"{table.where}: {error}") from None
    return ConnectorWish(name, read, state)


def _reference(where: str, value: object) -> Reference:
    table = Table(where, value)
    name, subject = table.take("name", str), table.take("subject", str)
    version = table.take("version", int)
    table.done()
    if name is None or subject is None or version is None:
        raise DocumentError(f"{where} needs name, subject and version")
    return Reference(name, subject, version)


def _named(where: str, kind: str, word: str, names: Any) -> str:
    try:
        return known_name(kind, word, names)
    except ValueError as error:
        raise DocumentError(f"{where}: {error}") from None
