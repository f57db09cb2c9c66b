"""JSON Schema as what it says of each kind of value, whatever the draft spelled it with.

A schema whose keywords speak of several kinds, or that has `enum`, `const`, `not` or combinations beside others, is an
`allOf` of them; a `type` with several names is an `anyOf`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

NOTHING: Final = object()
"""No value at all, where `null` would be one."""

ALL_OF: Final = "allOf"
ANY_OF: Final = "anyOf"
ONE_OF: Final = "oneOf"


@dataclass(eq=False, slots=True)
class Notes:
    """What every schema may have beside what it demands."""

    id: object = None
    title: object = None
    description: object = None
    default: object = NOTHING
    connect_type: object = None

    @property
    def has_default(self) -> bool:
        return self.default is not NOTHING


@dataclass(eq=False, slots=True)
class Anything:
    """`{}` or `true`."""

    notes: Notes = field(default_factory=Notes)


@dataclass(eq=False, slots=True)
class Never:
    """`false`."""

    notes: Notes = field(default_factory=Notes)


@dataclass(eq=False, slots=True)
class BooleanSchema:
    notes: Notes = field(default_factory=Notes)


@dataclass(eq=False, slots=True)
class NullSchema:
    notes: Notes = field(default_factory=Notes)


@dataclass(eq=False, slots=True)
class StringSchema:
    limits: dict[str, int] = field(default_factory=dict)
    pattern: str | None = None
    notes: Notes = field(default_factory=Notes)


@dataclass(eq=False, slots=True)
class NumberSchema:
    limits: dict[str, Decimal] = field(default_factory=dict)
    multiple_of: Decimal | None = None
    whole: bool = False
    notes: Notes = field(default_factory=Notes)


@dataclass(eq=False, slots=True)
class EnumSchema:
    values: tuple[str, ...] = ()
    """As sorted JSON, which can be compared."""
    notes: Notes = field(default_factory=Notes)


@dataclass(eq=False, slots=True)
class ConstSchema:
    value: str = "null"
    notes: Notes = field(default_factory=Notes)


@dataclass(eq=False, slots=True)
class NotSchema:
    inner: Schema
    notes: Notes = field(default_factory=Notes)


@dataclass(eq=False, slots=True)
class Conditional:
    notes: Notes = field(default_factory=Notes)


@dataclass(eq=False, slots=True)
class Combined:
    criterion: str
    parts: list[Schema]
    keys: list[str]
    """Of each part, as sorted JSON: equal ones count once."""
    notes: Notes = field(default_factory=Notes)


@dataclass(eq=False, slots=True)
class ObjectSchema:
    properties: dict[str, Schema] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    patterns: dict[str, Schema] = field(default_factory=dict)
    permits_additional: bool = True
    additional: Schema | None = None
    unevaluated: Schema | None = None
    needs: dict[str, frozenset[str]] = field(default_factory=dict)
    """Property → those that must be there if it is."""
    demands: dict[str, Schema] = field(default_factory=dict)
    """Property → what must hold if it is there."""
    limits: dict[str, int] = field(default_factory=dict)
    notes: Notes = field(default_factory=Notes)


@dataclass(eq=False, slots=True)
class ArraySchema:
    all_items: Schema | None = None
    items: list[Schema] = field(default_factory=list)
    permits_additional: bool = True
    additional: Schema | None = None
    unevaluated: Schema | None = None
    unique: bool = False
    limits: dict[str, int] = field(default_factory=dict)
    notes: Notes = field(default_factory=Notes)


@dataclass(eq=False, slots=True)
class Reference:
    """`$ref`: what it stands for is loaded when it is looked at, as it may stand within itself."""

    text: str
    load: Callable[[], Schema]
    notes: Notes = field(default_factory=Notes)


Schema: TypeAlias = (
    Anything
    | Never
    | BooleanSchema
    | NullSchema
    | StringSchema
    | NumberSchema
    | EnumSchema
    | ConstSchema
    | NotSchema
    | Conditional
    | Combined
    | ObjectSchema
    | ArraySchema
    | Reference
)


def resolved(schema: Schema) -> Schema:
    """What references lead to."""
    for _ in range(100):
        if not isinstance(schema, Reference):
            return schema
        schema = schema.load()
    return Anything()  # references that only lead to each other demand nothing
