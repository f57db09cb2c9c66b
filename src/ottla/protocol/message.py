"""Messages: typed classes that declare once what a request, response or record looks like in all its versions.

A class says what there is; `ottla.protocol.codec` writes and compiles the code that reads and writes one version of it.

    class HeartbeatRequest(Request, api=12, versions="0-4", flexible="4+"):
        group_id: str                                                    # in every version
        generation_id: Int32
        member_id: str
        group_instance_id: str | None = field("3+", nullable="3+", default=None)

The checker sees a keyword-only dataclass. At run time it is a class with slots; a field that is not given has Kafka's
default. KIP-482 (flexible versions and tagged fields).
"""

import sys
from collections.abc import Callable
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    TypeAlias,
    TypeVar,
    cast,
    dataclass_transform,
    get_args,
    get_origin,
    overload,
)

from ottla.protocol.errors import ErrorCode
from ottla.protocol.errors import ProtocolError as ProtocolError
from ottla.protocol.types import BOOL, BYTES, STRING, ZERO_UUID, Primitive, Region
from ottla.protocol.versions import NO_VERSIONS, Versions

if TYPE_CHECKING:
    from typing import Self

T = TypeVar("T")


class UnsupportedVersionError(ProtocolError):
    """What was asked for does not exist in that version: the message itself, or a field that may not be dropped."""

    code: ClassVar[ErrorCode] = ErrorCode.UNSUPPORTED_VERSION


class _Missing:
    """Stands for "not given" where None is a value."""

    def __repr__(self) -> str:
        return "<Kafka's default>"


MISSING = _Missing()


class ArrayOf:
    """The type of an array field."""

    __slots__ = ("element",)

    def __init__(self, element: "Primitive | type[Struct]") -> None:
        self.element = element

    def __repr__(self) -> str:
        return f"[]{type_name(self.element)}"


FieldType: TypeAlias = "Primitive | ArrayOf | type[Struct]"


class Field:
    """What a class knows of one of its fields: `Struct.schema` is a tuple of these, in the order of the wire.

    `nullable` and `tagged` are the versions in which the field may be null, or travels as a tagged field.
    """

    __slots__ = ("_default", "flexible", "ignorable", "name", "nullable", "tag", "tagged", "type", "versions")

    def __init__(
        self,
        versions: Versions,
        *,
        nullable: Versions,
        tag: int | None,
        tagged: Versions,
        ignorable: bool,
        flexible: Versions | None,
        default: object,
    ) -> None:
        self.name = ""
        self.type: FieldType = STRING
        self.versions = versions
        self.nullable = nullable
        self.tag = tag
        self.tagged = tagged
        self.ignorable = ignorable
        self.flexible = flexible
        self._default = default

    @property
    def default(self) -> object:
        """Kafka's default; arrays and structs are new with every call."""
        if self._default is not MISSING:
            return self._default
        if isinstance(self.type, ArrayOf):
            return []
        if isinstance(self.type, Primitive):
            return _ZERO[self.type.name]
        return self.type()

    def __repr__(self) -> str:
        return f"<{self.name}: {type_name(self.type)} {self.versions}>"


_ZERO: dict[str, object] = {
    **dict.fromkeys(("int8", "int16", "int32", "int64", "uint16", "uint32"), 0),
    "float64": 0.0,
    "bool": False,
    "uuid": ZERO_UUID,
    "string": "",
    "bytes": b"",
    "records": None,
}


def type_name(kind: "FieldType") -> str:
    """A field's type as Kafka's schemas write it: `int32`, `[]string`, `FetchPartition`."""
    if isinstance(kind, Primitive):
        return kind.name
    return repr(kind) if isinstance(kind, ArrayOf) else kind.__name__


@overload
def field(
    versions: str = ...,
    *,
    default: T,
    nullable: str = ...,
    tag: int | None = ...,
    tagged: str | None = ...,
    ignorable: bool = ...,
    flexible: str | None = ...,
) -> T: ...
@overload
def field(
    versions: str = ...,
    *,
    default_factory: Callable[[], T],
    nullable: str = ...,
    tag: int | None = ...,
    tagged: str | None = ...,
    ignorable: bool = ...,
    flexible: str | None = ...,
) -> T: ...
@overload
def field(
    versions: str = ...,
    *,
    nullable: str = ...,
    tag: int | None = ...,
    tagged: str | None = ...,
    ignorable: bool = ...,
    flexible: str | None = ...,
) -> Any: ...
def field(
    versions: str = "0+",
    *,
    default: object = MISSING,
    default_factory: Callable[[], object] | None = None,
    nullable: str = "none",
    tag: int | None = None,
    tagged: str | None = None,
    ignorable: bool = False,
    flexible: str | None = None,
) -> object:
    """Declare more about a field than its type.

    versions: which versions have it; in others it must have its default, or be `ignorable` and is left out.
    default: without it, Kafka's zero of the type. `default_factory` only tells the checker that there is one.
    nullable: the versions in which None is allowed.
    tag: the number of a tagged field; tagged: in which versions it is one (all that have it).
    flexible: "none" keeps the field in its old form in flexible versions (the client id of the request header).
    """
    has = Versions.parse(versions)
    in_tagged_section = NO_VERSIONS if tag is None else has if tagged is None else Versions.parse(tagged)
    return Field(
        has,
        nullable=Versions.parse(nullable),
        tag=tag,
        tagged=in_tagged_section,
        ignorable=ignorable,
        flexible=None if flexible is None else Versions.parse(flexible),
        default=default,
    )


def _annotations(namespace: dict[str, Any]) -> dict[str, Any]:
    """The annotations of a class that is being made."""
    if sys.version_info >= (3, 14):
        import annotationlib

        annotate = annotationlib.get_annotate_from_class_namespace(namespace)
        if annotate is not None:
            return annotationlib.call_annotate_function(annotate, annotationlib.Format.VALUE)
    return cast("dict[str, Any]", namespace.get("__annotations__", {}))


def _field_type(annotation: Any) -> "FieldType":
    """What travels for an annotation: `list[Int32] | None` is an array of int32."""
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if isinstance(annotation, StructType):
        return cast("type[Struct]", annotation)
    origin = get_origin(annotation)
    if origin is Annotated:
        return cast("Primitive", get_args(annotation)[1])
    if origin is list:
        element = _field_type(get_args(annotation)[0])
        assert not isinstance(element, ArrayOf), "Kafka has no arrays of arrays"
        return ArrayOf(element)
    inner = [argument for argument in get_args(annotation) if argument is not type(None)]
    assert len(inner) == 1, f"no type of the wire: {annotation!r}"
    return _field_type(inner[0])


_PLAIN: dict[Any, Primitive] = {str: STRING, bytes: BYTES, bool: BOOL}


@dataclass_transform(kw_only_default=True, field_specifiers=(field,))
class StructType(type):
    """Makes a class from annotations: `schema`, slots, and no values on the class."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **keywords: object) -> "StructType":
        schema = []
        if bases:
            for field_name, annotation in _annotations(namespace).items():
                if get_origin(annotation) is ClassVar:
                    continue
                declared = namespace.pop(field_name, None) or field()
                assert isinstance(declared, Field), f"{name}.{field_name}: use field()"
                declared.name = field_name
                declared.type = _field_type(annotation)
                schema.append(declared)
        else:
            del namespace["unknown_tagged_fields"]
        namespace["__slots__"] = tuple(declared.name for declared in schema) if bases else ("unknown_tagged_fields",)
        namespace["schema"] = tuple(schema)
        return super().__new__(mcs, name, bases, namespace, **keywords)


class Struct(metaclass=StructType):
    """A group of fields inside messages. It is mutable, compares by value, and shows itself briefly."""

    schema: ClassVar[tuple[Field, ...]]
    """The fields in the order of the wire; tagged ones travel at the end, by tag."""

    unknown_tagged_fields: tuple[tuple[int, bytes], ...] = field(default=())
    """Tagged fields from a newer peer, by tag: kept as they came, and written again."""

    __hash__ = None  # type: ignore[assignment]  # mutable, as a dataclass with eq

    if not TYPE_CHECKING:

        def __init__(self, **values: object) -> None:
            # The first instance of a class has its constructor written: most classes of a process are never used.
            cls = type(self)
            cls.__init__ = _compile_init(cls)
            cls.__init__(self, **values)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.unknown_tagged_fields == other.unknown_tagged_fields and all(
            getattr(self, item.name) == getattr(other, item.name) for item in self.schema
        )

    def __repr__(self) -> str:
        parts = [f"{item.name}={_brief(getattr(self, item.name, MISSING))}" for item in type(self).schema]
        if self.unknown_tagged_fields:
            parts.append(f"unknown_tagged_fields={_brief(self.unknown_tagged_fields)}")
        text = f"{type(self).__name__}({', '.join(parts)})"
        return text if len(text) <= REPR_CHARACTERS else text[: REPR_CHARACTERS - 1] + "…"


REPR_CHARACTERS = 2000
"""No `repr` of a message is longer."""


def _brief(value: object) -> str:
    """A value in a few characters, for `repr`."""
    if isinstance(value, bytes | bytearray | memoryview) and len(value) > 32:
        return f"<{len(value)} bytes>"
    if isinstance(value, memoryview):
        return repr(bytes(value))
    if isinstance(value, list) and len(value) > 5:
        return f"[{', '.join(map(_brief, value[:5]))}, … {len(value)} in all]"
    if isinstance(value, list):
        return f"[{', '.join(map(_brief, value))}]"
    if isinstance(value, str) and len(value) > 200:
        return f"{value[:200]!r}… {len(value)} in all"
    return repr(value)


def _compile_init(cls: type[Struct]) -> Any:
    """Write the constructor: keywords only, with Kafka's defaults, nothing mutable shared."""
    names: dict[str, object] = {"MISSING": MISSING}
    parameters, body = [], []
    for item in cls.schema:
        name = item.name
        default = item.default
        if isinstance(default, list | Struct):
            fresh = "[]" if isinstance(default, list) else f"new_{name}()"
            names[f"new_{name}"] = item.type
            parameters.append(f"{name}=MISSING")
            body.append(f"    self.{name} = {fresh} if {name} is MISSING else {name}")
        else:
            names[f"default_{name}"] = default
            parameters.append(f"{name}=default_{name}")
            body.append(f"    self.{name} = {name}")
    signature = ", ".join(["self", "*", *parameters, "unknown_tagged_fields=()"])
    body.append("    self.unknown_tagged_fields = unknown_tagged_fields")
    exec("\n".join([f"def __init__({signature}):", *body]), names)
    return names["__init__"]


class Message(Struct):
    """What stands by itself on the wire or in a record, in one of its versions."""

    versions: ClassVar[Versions] = NO_VERSIONS
    flexible_versions: ClassVar[Versions] = NO_VERSIONS

    def __init_subclass__(cls, *, versions: str = "none", flexible: str = "none") -> None:
        super().__init_subclass__()
        cls.versions = Versions.parse(versions)
        cls.flexible_versions = Versions.parse(flexible)

    @classmethod
    def flexible(cls, version: int) -> bool:
        """Whether that version has compact lengths and tagged fields."""
        return version in cls.flexible_versions

    @classmethod
    def decode(cls, data: bytes | memoryview, version: int, offset: int = 0) -> "Self":
        """Read one message that begins at `offset`; bytes behind it are left alone.

        ProtocolError: the bytes are not such a message. UnsupportedVersionError: there is no such version.
        """
        from ottla.protocol.codec import decoder

        message, _ = decoder(cls, version)(data if type(data) is memoryview else memoryview(data), offset)
        return message

    def encode(self, version: int) -> bytes:
        """The bytes of this message: no header, no size, and no `Region` for records.

        ProtocolError: a value does not fit its field. UnsupportedVersionError: a field cannot be said in that version.
        """
        from ottla.protocol.codec import encode_into

        out = bytearray()
        regions: list[tuple[int, Region]] = []
        encode_into(self, version, out, regions)
        if regions:
            raise ProtocolError(f"{type(self).__name__}.encode(): records are in a file; use encode_into")
        return bytes(out)


class Request(Message):
    """What a client, or another node, asks."""

    api_key: ClassVar[int]

    def __init_subclass__(cls, *, api: int, versions: str, flexible: str) -> None:
        super().__init_subclass__(versions=versions, flexible=flexible)
        cls.api_key = api


class Response(Message):
    """What is answered."""

    api_key: ClassVar[int]

    def __init_subclass__(cls, *, api: int, versions: str, flexible: str) -> None:
        super().__init_subclass__(versions=versions, flexible=flexible)
        cls.api_key = api


class MetadataRecord(Message):
    """A record of `__cluster_metadata`; framed by `metadata_record/frame.py`."""

    record_type: ClassVar[int]

    def __init_subclass__(cls, *, record_type: int, versions: str, flexible: str) -> None:
        super().__init_subclass__(versions=versions, flexible=flexible)
        cls.record_type = record_type


class CoordinatorKey(Message):
    """The key of a coordinator's record: what the record is about; framed by `coordinator_record/frame.py`."""

    record_type: ClassVar[int]

    def __init_subclass__(cls, *, record_type: int, versions: str, flexible: str) -> None:
        super().__init_subclass__(versions=versions, flexible=flexible)
        cls.record_type = record_type


class CoordinatorValue(Message):
    """The value of a coordinator's record; a missing value deletes what the key names."""

    record_type: ClassVar[int]

    def __init_subclass__(cls, *, record_type: int, versions: str, flexible: str) -> None:
        super().__init_subclass__(versions=versions, flexible=flexible)
        cls.record_type = record_type
