"""What is done to a document before it is written (`post.processor.chain`, `sink/processor/`).

Each changes the documents of a record's key and value in place. `DocumentIdAdder` comes first where the chain does not
name it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.record import TimestampType
from ottla.connect.connectors.mongodb.class_names import (
    BY_MAPPING,
    ID_ADDER,
    META_ADDER,
    NULL_REMOVER,
    PROJECTORS,
    short_name,
)
from ottla.connect.connectors.mongodb.documents import SinkDocument, without_nulls
from ottla.connect.connectors.mongodb.driver import Int64
from ottla.connect.connectors.mongodb.json_settings import json_documents
from ottla.connect.connectors.mongodb.projection import projector

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ottla.connect.connectors.mongodb.documents import Document

_META: Final = "topic-partition-offset"
_JAVA_GROUP: Final = re.compile(r"\$(\d)|\\(.)")


def post_processors(
    config: Mapping[str, Any], generate_id: Callable[[SinkDocument], Any]
) -> Sequence[Callable[[SinkDocument], None]]:
    """`config` has the settings of `sink_config`, of one topic."""
    names = [short_name(each) for each in config["post.processor.chain"]]
    if ID_ADDER not in names:
        names.insert(0, ID_ADDER)
    return [_processor(name, config, generate_id) for name in names]


def _processor(
    name: str, config: Mapping[str, Any], generate_id: Callable[[SinkDocument], Any]
) -> Callable[[SinkDocument], None]:
    if name == ID_ADDER:
        return _id_adder(generate_id, overwrites=config["document.id.strategy.overwrite.existing"])
    if name in PROJECTORS:
        part = "key" if "Key" in name else "value"
        project = projector(name.partition("Key" if part == "key" else "Value")[0], config[f"{part}.projection.list"])
        assert project is not None
        return _on(part, project)
    if name == META_ADDER:
        return _add_kafka_meta
    if name == NULL_REMOVER:
        return _on("value", without_nulls)
    return _renamer(_mapping(config) if name == BY_MAPPING else _patterns(config))


def _on(part: str, change: Callable[[Document], None]) -> Callable[[SinkDocument], None]:
    def process(document: SinkDocument) -> None:
        found = document.key if part == "key" else document.value
        if found is not None:
            change(found)

    return process


def _id_adder(generate_id: Callable[[SinkDocument], Any], *, overwrites: bool) -> Callable[[SinkDocument], None]:
    def process(document: SinkDocument) -> None:
        value = document.value
        if value is not None and (overwrites or "_id" not in value):
            value["_id"] = generate_id(document)

    return process


def _add_kafka_meta(document: SinkDocument) -> None:
    value, record = document.value, document.record
    if value is None:
        return
    value[_META] = f"{record.topic}-{record.kafka_partition}-{record.kafka_offset}"
    if record.timestamp is not None and record.timestamp_type is not TimestampType.NO_TIMESTAMP_TYPE:
        value[record.timestamp_type.name] = Int64(record.timestamp)


def _mapping(config: Mapping[str, Any]) -> Callable[[str, str], str] | None:
    names = {each["oldName"]: each["newName"] for each in json_documents(config["field.renamer.mapping"])}
    return (lambda path, name: names.get(f"{path}.{name}", name)) if names else None


def _patterns(config: Mapping[str, Any]) -> Callable[[str, str], str] | None:
    rules = [
        (re.compile(each["regexp"]), re.compile(each["pattern"]), _JAVA_GROUP.sub(_python_group, each["replace"]))
        for each in json_documents(config["field.renamer.regexp"])
    ]

    def renamed(path: str, name: str) -> str:
        new = name
        for whole, pattern, replacement in rules:
            if whole.fullmatch(f"{path}.{name}"):
                new = pattern.sub(replacement, new)
        return new

    return renamed if rules else None


def _python_group(found: re.Match[str]) -> str:
    """Java's `$1` is Python's `\\g<1>`."""
    if found[1] is not None:
        return rf"\g<{found[1]}>"
    return "\\\\" if found[2] == "\\" else found[2]


def _renamer(renamed: Callable[[str, str], str] | None) -> Callable[[SinkDocument], None]:
    def process(document: SinkDocument) -> None:
        if renamed is None:
            return
        if document.key is not None:
            _rename("key", document.key, renamed)
        if document.value is not None:
            _rename("value", document.value, renamed)

    return process


def _rename(path: str, document: Document, renamed: Callable[[str, str], str]) -> None:
    """A name that is taken is not given twice: the field that would get it is dropped, as Java does."""
    added: Document = {}
    for name, value in list(document.items()):
        new = renamed(path, name)
        if new != name:
            if new not in document:
                added.setdefault(new, value)
            del document[name]
        if isinstance(value, dict):
            _rename(f"{path}.{new}", value, renamed)
    document.update(added)
