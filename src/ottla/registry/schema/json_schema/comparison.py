"""What changed from an original JSON Schema to an updated one, and whether what fitted the original fits the update.

A pair of schemas is compared once; a pair that is met again while it is being compared (in a recursive schema) is taken
to fit. As that may turn out wrong, what was found not to fit is the beginning of another pass, until nothing is added.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from ottla.registry.schema.json_schema.model import (
    ALL_OF,
    ANY_OF,
    ONE_OF,
    Anything,
    ArraySchema,
    Combined,
    ConstSchema,
    EnumSchema,
    Never,
    NotSchema,
    NumberSchema,
    ObjectSchema,
    Schema,
    StringSchema,
    resolved,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


class Change(NamedTuple):
    kind: str
    path: str


Path: TypeAlias = tuple[str, ...]
Pair: TypeAlias = tuple[int, int]

PASSES_MAX = 50


class _Pass:
    """What one pass knows, for all places."""

    def __init__(self, compatible: frozenset[str], misfits: dict[Pair, list[tuple[str, Path]]]) -> None:
        self.compatible = compatible
        self.misfits = misfits
        self.known: dict[Pair, list[tuple[str, Path]]] = {}
        self.under_way: set[Pair] = set()
        self.was_optimistic = False


class Comparison:
    """Collects the changes at one place and below it."""

    def __init__(self, shared: _Pass, path: Path = ()) -> None:
        self._shared = shared
        self._path = path
        self.changes: list[tuple[str, Path]] = []

    def add(self, kind: str, *steps: str) -> None:
        self.changes.append((kind, (*self._path, *steps)))

    @contextmanager
    def at(self, *steps: str) -> Iterator[None]:
        before, self._path = self._path, (*self._path, *steps)
        try:
            yield
        finally:
            self._path = before

    @property
    def fits(self) -> bool:
        return all(kind in self._shared.compatible for kind, _ in self.changes)

    def trial(self) -> Comparison:
        """At the same place; what it finds counts only if it is taken over."""
        return Comparison(self._shared, self._path)

    def take(self, other: Comparison) -> None:
        self.changes += other.changes

    def compare(self, original: Schema | None, update: Schema | None) -> None:
        if original is None or update is None:
            if original is not update:
                self.add("SCHEMA_ADDED" if original is None else "SCHEMA_REMOVED")
            return
        found = self._compare_pair(resolved(original), resolved(update))
        self.changes += [(kind, self._path + path) for kind, path in found]

    def _compare_pair(self, original: Schema, update: Schema) -> list[tuple[str, Path]]:
        shared, pair = self._shared, (id(original), id(update))
        found = shared.known.get(pair)
        if found is not None:
            return found
        if pair in shared.under_way:
            if pair in shared.misfits:
                return shared.misfits[pair]
            shared.was_optimistic = True
            return []
        shared.under_way.add(pair)
        inner = Comparison(shared)
        _compare(inner, original, update)
        shared.under_way.discard(pair)
        shared.known[pair] = inner.changes
        return inner.changes


def changes(original: Schema, update: Schema, compatible: frozenset[str]) -> list[Change]:
    """Every change; those whose kind is not in `compatible` break something."""
    misfits: dict[Pair, list[tuple[str, Path]]] = {}
    found: list[tuple[str, Path]] = []
    for _ in range(PASSES_MAX):
        shared = _Pass(compatible, misfits)
        comparison = Comparison(shared)
        comparison.compare(original, update)
        found = comparison.changes
        bad = {pair: each for pair, each in shared.known.items() if any(kind not in compatible for kind, _ in each)}
        if not shared.was_optimistic or bad.keys() == misfits.keys():
            break
        misfits = bad
    return [Change(kind, "#/" + "/".join(path)) for kind, path in found]


def _compare(at: Comparison, original: Schema, update: Schema) -> None:
    if isinstance(update, Combined) != isinstance(original, Combined) and _one_of_several(at, original, update):
        return
    if type(original) is not type(update):
        if isinstance(original, Never) or isinstance(update, Anything):
            return
        if original.notes.connect_type == update.notes.connect_type == "bytes":
            return  # Connect's decimals were written in two ways
        at.add("TYPE_CHANGED")
        return
    _compare_notes(at, original, update)
    match original, update:
        case StringSchema(), StringSchema():
            _compare_strings(at, original, update)
        case NumberSchema(), NumberSchema():
            _compare_numbers(at, original, update)
        case ConstSchema(), ConstSchema():
            if original.value != update.value:
                at.add("ENUM_ARRAY_CHANGED", "const")
        case EnumSchema(), EnumSchema():
            _compare_enums(at, original, update)
        case Combined(), Combined():
            from ottla.registry.schema.json_schema.combinations import compare_combined

            compare_combined(at, original, update)
        case NotSchema(), NotSchema():
            with at.at("not"):
                trial = at.trial()
                trial.compare(update.inner, original.inner)
                at.add("NOT_TYPE_NARROWED" if trial.fits else "NOT_TYPE_EXTENDED")
        case ObjectSchema(), ObjectSchema():
            from ottla.registry.schema.json_schema.objects import compare_objects

            compare_objects(at, original, update)
        case ArraySchema(), ArraySchema():
            from ottla.registry.schema.json_schema.arrays import compare_arrays

            compare_arrays(at, original, update)


def _one_of_several(at: Comparison, original: Schema, update: Schema) -> bool:
    """Whether a schema fits one part of a combination that came or went, which settles it."""
    if isinstance(update, Combined):
        parts, added = update.parts, True
        tries = len(parts) == 1 or update.criterion in (ANY_OF, ONE_OF)
    else:
        assert isinstance(original, Combined)
        parts, added = original.parts, False
        tries = len(parts) == 1 or original.criterion == ALL_OF
    for part in parts if tries else ():
        trial = at.trial()
        trial.compare(original if added else part, part if added else update)
        if trial.fits:
            at.take(trial)
            if len(parts) > 1:
                at.add("SUM_TYPE_EXTENDED" if added else "PRODUCT_TYPE_NARROWED")
            return True
    return False


def _compare_notes(at: Comparison, original: Schema, update: Schema) -> None:
    before, after = original.notes, update.notes
    for kind, old, new in (
        ("ID_CHANGED", before.id, after.id),
        ("TITLE_CHANGED", before.title, after.title),
        ("DESCRIPTION_CHANGED", before.description, after.description),
        ("DEFAULT_CHANGED", before.default, after.default),
    ):
        if old != new:
            at.add(kind)


def compare_limit(at: Comparison, name: str, kind: str, old: object, new: object) -> None:
    """A number that may be there or not: …_ADDED, _REMOVED, _INCREASED, _DECREASED."""
    if old == new:
        return
    if old is None:
        at.add(f"{kind}_ADDED", name)
    elif new is None:
        at.add(f"{kind}_REMOVED", name)
    else:
        at.add(f"{kind}_INCREASED" if old < new else f"{kind}_DECREASED", name)  # type: ignore[operator]


def _compare_strings(at: Comparison, original: StringSchema, update: StringSchema) -> None:
    for name, kind in (("maxLength", "MAX_LENGTH"), ("minLength", "MIN_LENGTH")):
        compare_limit(at, name, kind, original.limits.get(name), update.limits.get(name))
    if original.pattern != update.pattern:
        ending = "ADDED" if original.pattern is None else "REMOVED" if update.pattern is None else "CHANGED"
        at.add(f"PATTERN_{ending}", "pattern")


def _compare_numbers(at: Comparison, original: NumberSchema, update: NumberSchema) -> None:
    for name, kind in (
        ("maximum", "MAXIMUM"),
        ("minimum", "MINIMUM"),
        ("exclusiveMaximum", "EXCLUSIVE_MAXIMUM"),
        ("exclusiveMinimum", "EXCLUSIVE_MINIMUM"),
    ):
        compare_limit(at, name, kind, original.limits.get(name), update.limits.get(name))
    old, new = original.multiple_of, update.multiple_of
    if old != new:
        if old is None:
            at.add("MULTIPLE_OF_ADDED", "multipleOf")
        elif new is None:
            at.add("MULTIPLE_OF_REMOVED", "multipleOf")
        elif old and new % old == 0:
            at.add("MULTIPLE_OF_EXPANDED", "multipleOf")
        elif new and old % new == 0:
            at.add("MULTIPLE_OF_REDUCED", "multipleOf")
        else:
            at.add("MULTIPLE_OF_CHANGED", "multipleOf")
    if original.whole != update.whole:
        at.add("TYPE_EXTENDED" if original.whole else "TYPE_NARROWED")


def _compare_enums(at: Comparison, original: EnumSchema, update: EnumSchema) -> None:
    old, new = set(original.values), set(update.values)
    if old != new:
        kind = "EXTENDED" if new > old else "NARROWED" if new < old else "CHANGED"
        at.add(f"ENUM_ARRAY_{kind}", "enum")
