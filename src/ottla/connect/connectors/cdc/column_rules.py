"""What the configuration says of single columns (`io.debezium.relational.mapping`): masks, lengths, types.

| setting | a text of a column that it names becomes |
|---|---|
| `column.truncate.to.N.chars` | its first N characters, bytes their first N |
| `column.mask.with.N.chars` | N asterisks, null too |
| `column.mask.hash.ALGORITHM.with.salt.SALT` | the hash of the salt and of the text as Java serializes it |
| `column.mask.hash.v2.ALGORITHM.with.salt.SALT` | the hash of the salt and of the text in UTF-8 |

The first of them that names a column is the one; hashes are cut to the length of the column. Rows are changed, keys are
not. `column.propagate.source.type` (by name) and `datatype.propagate.source.type` (by type) tell in the schema what a
column is in the database.
"""

from __future__ import annotations

import hashlib
import re
import struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.connect.api.errors import ConfigError
from ottla.connect.connectors.cdc.envelope import ENUM, ENUM_SET
from ottla.connect.connectors.cdc.filters import NameFilter
from ottla.connect.data.type import Type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ottla.connect.connectors.cdc.field_type import FieldType
    from ottla.connect.data.schema_builder import SchemaBuilder

COLUMNS_BY_NAME: Final = "column.propagate.source.type"
COLUMNS_BY_TYPE: Final = "datatype.propagate.source.type"
CHARACTERS_MAX: Final = 1_000_000
RULES_MAX: Final = 1000
_TRUNCATE: Final = re.compile(r"column\.truncate\.to\.(\d+)\.chars")
_MASK: Final = re.compile(r"column\.mask\.with\.(\d+)\.chars")
_HASH: Final = re.compile(r"column\.mask\.hash\.(v2\.)?([^.]+)\.with\.salt\.(.+)")
_ALGORITHMS: Final = {
    "MD5": "md5", "SHA": "sha1", "SHA-1": "sha1", "SHA-224": "sha224", "SHA-256": "sha256", "SHA-384": "sha384",
    "SHA-512": "sha512", "SHA3-224": "sha3_224", "SHA3-256": "sha3_256", "SHA3-384": "sha3_384",
    "SHA3-512": "sha3_512",
}  # fmt: skip
"""Names of Java's `MessageDigest` ─► those of `hashlib`."""
_SOURCE: Final = "__debezium.source.column."


class SourceType(NamedTuple):
    """What a column is in the database."""

    name: str
    length: int | None = None
    """Characters, digits or whatever the database counts; `None`: it says none."""
    scale: int | None = None


class RuledColumn(NamedTuple):
    """A column under the rules."""

    type: FieldType
    mask: str | None = None
    """Stands for every value, null too."""
    change: Callable[[Any], object] | None = None
    """What the rule makes of a value as the record would have it; `type` does that already."""


class _Rule(NamedTuple):
    names: NameFilter
    rank: int
    """Rules of a lower rank come first, whatever their order in the configuration."""
    apply: Callable[[FieldType, SourceType], RuledColumn]


class ColumnRules:
    def __init__(self, props: Mapping[str, Any]) -> None:
        """`props` as they are configured. Raises `ConfigError`."""
        rules = list(_rules(props))
        if len(rules) > RULES_MAX:
            raise ConfigError(f"at most {RULES_MAX} settings column.mask… and column.truncate…")
        self._rules = sorted(rules, key=lambda rule: rule.rank)
        self._by_name = NameFilter.included_by(COLUMNS_BY_NAME, props.get(COLUMNS_BY_NAME))
        self._by_type = NameFilter.included_by(COLUMNS_BY_TYPE, props.get(COLUMNS_BY_TYPE))

    def column(self, table: str, name: str, kind: FieldType, source: SourceType, doc: str | None) -> RuledColumn:
        """`table` is `schema.table`; `doc` the comment of the column."""
        full = f"{table}.{name}"
        rule = next((each for each in self._rules if each.names.names(full)), None)
        ruled = rule.apply(kind, source) if rule is not None else RuledColumn(kind)
        if self._by_name.names(full) or self._by_type.names(f"{table}.{source.name}"):
            ruled = ruled._replace(type=_with_parameters(ruled.type, _told(name, source, doc)))
        return ruled


def _rules(props: Mapping[str, Any]) -> Iterator[_Rule]:
    for key, value in props.items():
        if not isinstance(value, str) or not key.startswith("column."):
            continue
        if found := _TRUNCATE.fullmatch(key):
            yield _Rule(NameFilter.included_by(key, value), 0, _truncation(_characters(key, found[1])))
        elif found := _MASK.fullmatch(key):
            yield _Rule(NameFilter.included_by(key, value), 1, _masking("*" * _characters(key, found[1])))
        elif found := _HASH.fullmatch(key):
            hashed = _hashing(key, found[2], found[3], _utf_8 if found[1] else serialized_by_java)
            yield _Rule(NameFilter.included_by(key, value), 3 if found[1] else 2, hashed)
        elif key.startswith(("column.mask.", "column.truncate.")):
            raise ConfigError.of(
                key, value, "a mask is column.mask.with.N.chars or column.mask.hash.[v2.]ALGORITHM.with.salt.SALT; "
                "what shortens texts is column.truncate.to.N.chars"
            )  # fmt: skip


def _characters(key: str, text: str) -> int:
    if len(text) > len(str(CHARACTERS_MAX)) or int(text) > CHARACTERS_MAX:
        raise ConfigError.of(key, text, f"at most {CHARACTERS_MAX} characters")
    return int(text)


def _truncation(length: int) -> Callable[[FieldType, SourceType], RuledColumn]:
    def apply(kind: FieldType, source: SourceType) -> RuledColumn:
        if source.length is not None and 0 <= source.length <= length:
            return RuledColumn(kind)
        parameters = {"truncateLength": str(length)}
        return _changed(_with_parameters(kind, parameters), lambda value: _cut(value, length))

    return apply


def _masking(mask: str) -> Callable[[FieldType, SourceType], RuledColumn]:
    def apply(kind: FieldType, _source: SourceType) -> RuledColumn:
        return RuledColumn(_with_parameters(kind, {"masked": "true"}), mask if _is_text(kind) else None)

    return apply


def _hashing(
    key: str, algorithm: str, salt: str, serialized: Callable[[str], bytes]
) -> Callable[[FieldType, SourceType], RuledColumn]:
    name = _ALGORITHMS.get(algorithm.upper())
    if name is None:
        raise ConfigError.of(key, algorithm, f"the algorithms are {', '.join(_ALGORITHMS)}")
    salted = hashlib.new(name, salt.encode(), usedforsecurity=False)

    def hashed(text: object) -> str:
        digest = salted.copy()
        digest.update(serialized(str(text)))
        return digest.hexdigest()

    def apply(kind: FieldType, source: SourceType) -> RuledColumn:
        made = _with_parameters(kind, {"masked": "true"})
        if not _is_text(kind):
            return RuledColumn(made)
        return _changed(made, lambda value: hashed(value)[: source.length or None])

    return apply


def _utf_8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def serialized_by_java(text: str) -> bytes:
    """As `ObjectOutputStream` writes a string: in modified UTF-8, behind its length."""
    units = text.encode("utf-16-be", "surrogatepass")
    written = bytearray()
    for (unit,) in struct.iter_unpack(">H", units):
        written += b"\xc0\x80" if unit == 0 else chr(unit).encode("utf-8", "surrogatepass")
    length = len(written)
    head = b"\x74" + struct.pack(">H", length) if length <= 0xFFFF else b"\x7c" + struct.pack(">Q", length)
    return b"\xac\xed\x00\x05" + head + bytes(written)


def _is_text(kind: FieldType) -> bool:
    """What Debezium takes for text: no JSON, no dates, no numbers written as such."""
    schema = kind.builder().build()
    return schema.type is Type.STRING and schema.name in (None, ENUM, ENUM_SET)


def _changed(kind: FieldType, change: Callable[[Any], object]) -> RuledColumn:
    convert = kind.convert

    def changed(value: Any) -> object:
        made = convert(value)
        return None if made is None else change(made)

    hidden = kind.unavailable
    made = kind._replace(convert=changed, unavailable=change(hidden) if hidden is not None else None)
    return RuledColumn(made, change=change)


def _cut(value: Any, length: int) -> object:
    return value[:length] if isinstance(value, str | bytes) else value


def _told(name: str, source: SourceType, doc: str | None) -> dict[str, str]:
    told = {"type": source.name.upper()}
    if source.length is not None:
        told["length"] = str(source.length)
    if source.scale is not None:
        told["scale"] = str(source.scale)
    if doc:
        told["comment"] = doc
    return {_SOURCE + key: value for key, value in (told | {"name": name}).items()}


def _with_parameters(kind: FieldType, parameters: Mapping[str, str]) -> FieldType:
    builder = kind.builder

    def with_parameters() -> SchemaBuilder:
        made = builder()
        for name, value in parameters.items():
            made.parameter(name, value)
        return made

    return kind._replace(builder=with_parameters)
