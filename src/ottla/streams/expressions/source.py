"""Python source of expressions: straight code over local variables, for `compiled.py` and fused chains.

An expression becomes a `Lowered`: `raw`, which may be looked at where none of `subjects` is None, in their order; then
it is not None. So `col("a") * 2 > col("b")` is `a is not None and b is not None and +a * 2 > b`. Code may raise where
`evaluate` does not (the record is evaluated then); it must never do without where `evaluate` raises.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.streams.expressions.elements import Checked
from ottla.streams.expressions.expression import (
    And,
    Coalesce,
    Column,
    Expression,
    IsNull,
    Key,
    Literal,
    Or,
    Strict,
    Value,
)
from ottla.streams.expressions.operations import field
from ottla.streams.expressions.pair import Side
from ottla.streams.expressions.records import KeyValueOf, ListOf, Make, StructOf, When, WithFields, with_values

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_KINDS: Final = 1_000
MAX_INLINE: Final = 100  # characters of a text that stands in the code


class _HasAttributes(dict[type, bool]):
    """Whether the columns of a value of that type are its attributes; `field` knows what else."""

    def __missing__(self, kind: type) -> bool:
        if len(self) >= MAX_KINDS:
            self.clear()
        found = self[kind] = kind is not type(None) and not issubclass(kind, Mapping)
        return found


HAS_ATTRIBUTES: Final = _HasAttributes()


class Lowered(NamedTuple):
    subjects: tuple[str, ...]
    raw: str
    is_leaf: bool = False
    """Whether `raw` is a variable or a constant, which costs nothing twice."""


class Source:
    """One function that is being written: its lines, the names that it uses from outside, and what key and value are.

    `value` is a variable, or, after `struct`, the variables of its fields.
    """

    def __init__(self, *, has_sides: bool = False) -> None:
        """`has_sides`: `left` and `right` are variables, whose columns are loaded by `load_columns_of`."""
        self._has_sides = has_sides
        self.names: dict[str, Any] = {"_has_attributes": HAS_ATTRIBUTES, "_field": field}
        self.lines: list[str] = []
        self.key = "key"
        self.value: str | dict[str, Lowered] = "value"
        self._indent = 1
        self._count = 0
        self._columns: dict[str, str] = {}
        self._beside: dict[tuple[str, str], str] = {}

    # Lines

    def line(self, text: str) -> None:
        self.lines.append("    " * self._indent + text)

    def indent(self, by: int) -> None:
        self._indent += by

    def variable(self, prefix: str = "t") -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    def constant(self, value: Any) -> str:
        """A name for an object of the outside."""
        name = self.variable("_c")
        self.names[name] = value
        return name

    def assigned(self, prefix: str, expression: Expression) -> str:
        """A variable that has the expression from the line on that this writes."""
        written = self.text(expression)
        variable = self.variable(prefix)
        self.line(f"{variable} = {written}")
        return variable

    def set_value(self, value: str | dict[str, Lowered]) -> None:
        self.value = value
        self._columns = {}

    def value_text(self) -> str:
        """The value in one variable or expression."""
        if isinstance(self.value, str):
            return self.value
        return "{" + ", ".join(f"{name!r}: {text(each)}" for name, each in self.value.items()) + "}"

    # Columns

    def load(self, expressions: Iterable[Expression]) -> None:
        """Lines that put the columns of `expressions` into variables, those that are not there yet."""
        if not isinstance(self.value, str):
            return
        wanted = [name for name in _columns(expressions) if name not in self._columns]
        if wanted:
            is_first = not self._columns
            self._columns |= self._load(self.value, wanted, is_first=is_first)

    def load_columns_of(self, value: str, names: list[str]) -> None:
        """Those of a variable that stands beside the value."""
        if names:
            found = self._load(value, names, is_first=True)
            self._beside |= {(value, name): variable for name, variable in found.items()}

    def _load(self, value: str, names: list[str], *, is_first: bool) -> dict[str, str]:
        is_dict = f"is_dict_{value}"
        if is_first:
            self.line(f"{is_dict} = type({value}) is dict")
        variables = {name: self.variable("v") for name in names}
        self.line(f"if {is_dict}:")
        for name, variable in variables.items():
            self.line(f"    {variable} = {value}.get({name!r})")
        self.line(f"elif _has_attributes[type({value})]:")
        for name, variable in variables.items():
            attribute = f"{value}.{name}" if _is_attribute(name) else f"getattr({value}, {name!r})"
            self.line(f"    {variable} = {attribute}")
        self.line("else:")
        for name, variable in variables.items():
            self.line(f"    {variable} = _field({value}, {name!r})")
        return variables

    # Expressions, whose columns are loaded

    def lower(self, expression: Expression) -> Lowered:
        match expression:
            case Literal():
                return self._literal(expression.literal)
            case Column():
                return self._column(expression.name)
            case Key():
                return Lowered((self.key,), self.key, True)
            case Value():
                if isinstance(self.value, str):
                    return Lowered((self.value,), self.value, True)
                return Lowered((), self.value_text())
            case Side():
                return self._side(expression)
            case Strict():
                return self._strict(expression)
            case And() | Or():
                return self._kleene(expression)
            case IsNull():
                lowered = self.lower(expression.operands[0])
                return Lowered(
                    (), "False" if lowered.is_leaf and not lowered.subjects else f"({text(lowered)} is None)"
                )
            case Coalesce():
                first = self.lower(expression.operands[0])
                return self._nullable(self._coalesce(expression.operands)) if first.subjects else first
            case When():
                return self._nullable(self._when(expression.operands))
            case StructOf():
                fields = ", ".join(f"{name!r}: {self.text(each)}" for name, each in expression.fields.items())
                return Lowered((), f"{{{fields}}}")
            case Make():
                fields = self._keywords(expression.fields)
                return self._nullable(f"{self.constant(expression.kind)}(**{fields})")
            case WithFields():
                return self._with_fields(expression)
            case KeyValueOf():
                return Lowered((), f"({self._texts(expression)})")
            case ListOf():
                return Lowered((), f"[{self._texts(expression)}]")
            case Checked():
                written = self.text(expression.operands[0])
                return Lowered(
                    (), written if expression.is_certain else f"{self.constant(expression.checked)}({written})"
                )
        raise TypeError(f"{expression!r} has no source")

    def text(self, expression: Expression) -> str:
        """What the expression is, None for null."""
        return text(self.lower(expression))

    def _texts(self, expression: Expression) -> str:
        return ", ".join(self.text(each) for each in expression.operands)

    def passes(self, expression: Expression) -> str:
        """What is true where the expression is true, and false where it is false or null."""
        if isinstance(expression, Or):
            return f"({' or '.join(self.passes(each) for each in expression.operands)})"
        if isinstance(expression, And):
            left, right = expression.operands
            lowered = self.lower(left)
            if not lowered.subjects:
                return f"({lowered.raw} and {self.passes(right)})"
            variable = self.variable()
            return f"(({variable} := {text(lowered)}) is not False and {self.passes(right)} and {variable})"
        lowered = self.lower(expression)
        return "(" + " and ".join([*(f"{each} is not None" for each in lowered.subjects), lowered.raw]) + ")"

    def _literal(self, literal: Any) -> Lowered:
        if literal is None:
            return Lowered(("None",), "None", True)
        kind = type(literal)
        inline = (
            kind is bool
            or (kind is int and abs(literal) < 1 << 63)
            or (kind is float and math.isfinite(literal))
            or (kind is str and len(literal) <= MAX_INLINE)
        )
        if not inline:
            return Lowered((), self.constant(literal), True)
        written = repr(literal)
        return Lowered((), f"({written})" if written.startswith("-") else written, True)

    def _column(self, name: str) -> Lowered:
        if isinstance(self.value, str):
            variable = self._columns[name]
            return Lowered((variable,), variable, True)
        return self.value.get(name) or self._literal(None)

    def _side(self, expression: Side) -> Lowered:
        if not self._has_sides:
            return Lowered((), f"{self.constant(expression)}.evaluate(None, None)")  # which says what is wrong
        name = expression.name
        variable = expression.place if name is None else self._beside[expression.place, name]
        return Lowered((variable,), variable, True)

    def _strict(self, expression: Strict) -> Lowered:
        operation = expression.operation
        lowered = [self.lower(each) for each in expression.operands]
        if all(
            isinstance(each, Literal) and not found.subjects
            for each, found in zip(expression.operands, lowered, strict=True)
        ):
            # Python would compute it, and warn of what is compared with None.
            lowered = [Lowered((), self.constant(each.evaluate(None, None)), True) for each in expression.operands]
        subjects: dict[str, None] = {}
        texts = []
        for at, each in enumerate(lowered):
            subjects.update(dict.fromkeys(each.subjects))
            if not each.is_leaf and any(after.subjects for after in lowered[at + 1 :]):
                variable = self.variable()  # what comes first may raise, before a later operand is null
                subjects[f"({variable} := {each.raw})"] = None
                texts.append(variable)
            else:
                texts.append(each.raw)
        if operation.source is not None:
            raw = f"({operation.source.format(*texts)})"
        else:
            name = f"_{operation.name}"
            self.names[name] = operation.function
            raw = f"{name}({', '.join(texts)})"
        if operation.may_be_null:
            variable = self.variable()
            return Lowered((*subjects, f"({variable} := {raw})"), variable, True)
        return Lowered(tuple(subjects), raw)

    def _kleene(self, expression: And | Or) -> Lowered:
        ends, other = ("False", "True") if isinstance(expression, And) else ("True", "False")
        left, right = (self.lower(each) for each in expression.operands)
        if not left.subjects and not right.subjects:
            return Lowered((), f"({left.raw} {'and' if ends == 'False' else 'or'} {right.raw})")
        one, two = self.variable(), self.variable()
        return self._nullable(
            f"({ends} if ({one} := {text(left)}) is {ends} or ({two} := {text(right)}) is {ends} "
            f"else None if {one} is None or {two} is None else {other})"
        )

    def _coalesce(self, operands: tuple[Expression, ...]) -> str:
        first = self.lower(operands[0])
        if len(operands) == 1 or not first.subjects:
            return text(first)
        variable = self.variable()
        rest = self._coalesce(operands[1:])
        return f"({variable} if ({variable} := {text(first)}) is not None else {rest})"

    def _when(self, operands: tuple[Expression, ...]) -> str:
        if len(operands) == 1:
            return self.text(operands[0])
        condition, chosen, *others = operands
        written = f"{self.text(chosen)} if {self.passes(condition)} else {self._when(tuple(others))}"
        return f"({written})"

    def _keywords(self, fields: dict[str, Expression]) -> str:
        return "{" + ", ".join(f"{name!r}: {self.text(each)}" for name, each in fields.items()) + "}"

    def _with_fields(self, expression: WithFields) -> Lowered:
        record = self.lower(expression.operands[0])
        self.names["_with_values"] = with_values
        base = self.variable()
        fields = self._keywords(expression.fields)
        raw = f"({{**{base}, **{fields}}} if type({base}) is dict else _with_values({base}, {fields}))"
        return Lowered((*record.subjects, f"({base} := {record.raw})"), raw)

    def _nullable(self, written: str) -> Lowered:
        variable = self.variable()
        return Lowered((f"({variable} := {written})",), variable, True)


def text(lowered: Lowered) -> str:
    """In one Python expression: None where it is null."""
    subjects, raw, is_leaf = lowered
    if not subjects or (is_leaf and subjects == (raw,)):
        return raw
    if is_leaf and len(subjects) == 1 and subjects[0].startswith(f"({raw} := "):
        return subjects[0][len(f"({raw} := ") : -1]  # nobody else needs the variable
    return f"(None if {' or '.join(f'{each} is None' for each in subjects)} else {raw})"


def _columns(expressions: Iterable[Expression]) -> dict[str, None]:
    found: dict[str, None] = {}
    waiting = list(expressions)
    while waiting:
        each = waiting.pop()
        if isinstance(each, Column):
            found[each.name] = None
        waiting += reversed(each.operands)
    return found


def _is_attribute(name: str) -> bool:
    import keyword

    return name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("__")
