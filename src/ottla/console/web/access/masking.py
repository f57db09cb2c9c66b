"""Fields of messages that a role may not see: replaced before anything else looks at them, filters and SQL included.

A rule names fields by paths: `key`, `value`, `value.card.number`, `value.items[*].price`, `value.*.ssn`,
`value.**.password` (at any depth), `value["odd name"]`, `headers.auth`, `headers.*`. What is replaced:

    redact    "***"
    hash      "h:" and 16 hexadecimal digits, the same for the same value as long as the console's secret is
    partial   all but the last four characters, where there are at least eight

A rule that names a field within a value hides a value as a whole that it cannot look into (text, bytes). Pure.
"""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

REDACT: Final = "redact"
HASH: Final = "hash"
PARTIAL: Final = "partial"
WAYS: Final = (REDACT, HASH, PARTIAL)
REDACTED: Final = "***"
PARTS: Final = ("key", "value", "headers")
DEPTH_MAX: Final = 100
_KEPT: Final = 4
_STEP: Final = re.compile(r"\.(\*\*)|\.(\*)|\.([^.\[\]*\"]+)|\[(\*)\]|\[(\d+)\]|\[\"([^\"]*)\"\]")
ANY: Final = "*"
DEEP: Final = "**"

Step = str | int


@dataclass(frozen=True, slots=True)
class FieldPath:
    part: str
    """`key`, `value` or `headers`."""
    steps: tuple[Step, ...]

    @classmethod
    def parse(cls, text: str) -> FieldPath:
        """`ValueError` says what can be written."""
        part = re.split(r"[.\[]", text, maxsplit=1)[0]
        rest = text[len(part) :]
        if part not in PARTS:
            raise ValueError(f"'{text}' is no field: it begins with key, value or headers")
        steps: list[Step] = []
        at = 0
        while at < len(rest):
            match = _STEP.match(rest, at)
            if match is None:
                raise ValueError(f"'{text}' is no field: write value.card.number, value.items[*].price or headers.auth")
            deep, any_name, name, any_index, index, quoted = match.groups()
            if deep:
                steps.append(DEEP)
            elif any_name or any_index:
                steps.append(ANY)
            elif index is not None:
                steps.append(int(index))
            else:
                steps.append(name if name is not None else quoted)
            at = match.end()
        if steps and steps[-1] == DEEP:
            raise ValueError(f"'{text}': ** stands before a name")
        if part == "headers" and len(steps) != 1:
            raise ValueError(f"'{text}': a header is headers.NAME, or headers.*")
        return cls(part, tuple(steps))


@dataclass(frozen=True, slots=True)
class MaskRule:
    topics: tuple[str, ...]
    fields: tuple[FieldPath, ...]
    way: str = REDACT
    clusters: tuple[str, ...] = ("*",)
    except_roles: frozenset[str] = frozenset()

    def holds(self, cluster: str, roles: Sequence[str]) -> bool:
        if not any(fnmatchcase(cluster, each) for each in self.clusters):
            return False
        return not self.except_roles.intersection(roles)


class Mask:
    """What one role's view of one cluster hides."""

    def __init__(self, rules: Sequence[MaskRule], secret: bytes) -> None:
        self._rules = rules
        self._secret = secret
        self._by_topic: dict[str, tuple[tuple[FieldPath, str], ...]] = {}

    def __bool__(self) -> bool:
        return bool(self._rules)

    def touches(self, topic: str, part: str | None = None) -> bool:
        return any(part in (None, path.part) for path, _ in self._fields(topic))

    def apply(self, topic: str, part: str, value: Any) -> tuple[Any, bool]:
        """Of a key or a value, decoded; and whether anything was replaced. What was given is not changed."""
        masked = False
        if value is None:
            return value, False
        for path, way in self._fields(topic):
            if path.part != part:
                continue
            hide = self._hider(way)
            if not path.steps:
                value, masked = hide(value), True
            elif isinstance(value, dict | list):
                value, changed = _replaced(value, path.steps, hide, 0)
                masked = masked or changed
            else:
                value, masked = REDACTED, True
        return value, masked

    def header(self, topic: str, name: str, value: bytes | None) -> tuple[str | None, bool]:
        """What to show in place of it, and whether it is to be replaced."""
        for path, way in self._fields(topic):
            if path.part == "headers" and path.steps[0] in (name, ANY) and value is not None:
                return str(self._hider(way)(value.decode("utf-8", "replace"))), True
        return None, False

    def _fields(self, topic: str) -> tuple[tuple[FieldPath, str], ...]:
        found = self._by_topic.get(topic)
        if found is None:
            found = self._by_topic[topic] = tuple(
                (path, rule.way)
                for rule in self._rules
                if any(fnmatchcase(topic, each) for each in rule.topics)
                for path in rule.fields
            )
        return found

    def _hider(self, way: str) -> Callable[[Any], Any]:
        if way == HASH:
            return self._hashed
        return _partial if way == PARTIAL else lambda value: None if value is None else REDACTED

    def _hashed(self, value: Any) -> Any:
        if value is None:
            return None
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
        return "h:" + hmac.digest(self._secret, text.encode("utf-8", "replace"), "sha256").hex()[:16]


def _partial(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, dict | list):
        return REDACTED
    text = value if isinstance(value, str) else str(value)
    return REDACTED if len(text) < 2 * _KEPT else "*" * (len(text) - _KEPT) + text[-_KEPT:]


def _replaced(value: Any, steps: tuple[Step, ...], hide: Callable[[Any], Any], depth: int) -> tuple[Any, bool]:
    """A copy as far as it differs."""
    if not steps:
        return hide(value), True
    if depth > DEPTH_MAX:  # deeper than anybody reads: nothing of it is shown
        return REDACTED, True
    step, *others = steps
    rest = tuple(others)
    if step == DEEP:
        value, found = _replaced(value, rest, hide, depth + 1) if isinstance(value, dict | list) else (value, False)
        below, found_below = _each(value, lambda _: True, steps, hide, depth)
        return below, found or found_below
    if step == ANY:
        return _each(value, lambda _: True, rest, hide, depth)
    return _each(value, lambda name: name == step, rest, hide, depth)


def _each(
    value: Any, fits: Callable[[Step], bool], steps: tuple[Step, ...], hide: Callable[[Any], Any], depth: int
) -> tuple[Any, bool]:
    items = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    changes: dict[Any, Any] = {}
    for name, each in items:
        if fits(name):
            replaced, found = _replaced(each, steps, hide, depth + 1)
            if found:
                changes[name] = replaced
    if not changes:
        return value, False
    if isinstance(value, list):
        return [changes.get(index, each) for index, each in enumerate(value)], True
    return {name: changes.get(name, each) for name, each in value.items()}, True
