"""Data contracts: rules that serializers apply to records, stored with a schema.

    migrationRules   between versions     UPGRADE, DOWNGRADE, UPDOWN
    domainRules      on the values        WRITE, READ, WRITEREAD
    encodingRules    on the bytes         WRITE, READ, WRITEREAD

The registry validates, stores and serves them; it does not run them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME_LETTERS_MAX: Final = 256
KINDS: Final = ("TRANSFORM", "CONDITION")
MIGRATION_MODES: Final = ("UPGRADE", "DOWNGRADE", "UPDOWN")
VALUE_MODES: Final = ("WRITE", "READ", "WRITEREAD")
_TWO_WAYS: Final = ("WRITEREAD", "UPDOWN")
_PHASES: Final = (
    ("migrationRules", MIGRATION_MODES),
    ("domainRules", VALUE_MODES),
    ("encodingRules", VALUE_MODES),
)


class RuleError(ValueError):
    """A rule set that may not be stored; the text names the rule."""


@dataclass(frozen=True, slots=True)
class Rule:
    name: str | None
    doc: str | None = None
    kind: str = "TRANSFORM"
    mode: str = "WRITEREAD"
    type: str | None = None
    tags: tuple[str, ...] = ()
    params: Mapping[str, str] = field(default_factory=dict)
    expr: str | None = None
    on_success: str | None = None
    on_failure: str | None = None
    disabled: bool = False

    @classmethod
    def from_json(cls, value: object) -> Rule:
        if not isinstance(value, dict):
            raise ValueError("a rule is an object")
        kind, mode = value.get("kind") or "TRANSFORM", value.get("mode") or "WRITEREAD"
        if kind not in KINDS:
            raise ValueError(f"the kind of a rule is one of {', '.join(KINDS)}, not {kind!r}")
        if mode not in MIGRATION_MODES + VALUE_MODES:
            raise ValueError(f"the mode of a rule is one of {', '.join(MIGRATION_MODES + VALUE_MODES)}, not {mode!r}")
        texts = {key: value.get(key) for key in ("name", "doc", "type", "expr", "onSuccess", "onFailure")}
        if not all(text is None or isinstance(text, str) for text in texts.values()):
            raise ValueError(f"{', '.join(texts)} of a rule are strings")
        tags, params = value.get("tags") or [], value.get("params") or {}
        if not isinstance(tags, list) or not isinstance(params, dict):
            raise ValueError("tags of a rule are an array, params an object")
        return cls(
            texts["name"],
            texts["doc"],
            kind,
            mode,
            texts["type"],
            tuple(sorted({str(tag) for tag in tags})),
            {str(key): str(params[key]) for key in sorted(params)},
            texts["expr"],
            texts["onSuccess"],
            texts["onFailure"],
            bool(value.get("disabled")),
        )

    def to_json(self) -> dict[str, object]:
        value = {
            "name": self.name,
            "doc": self.doc,
            "kind": self.kind,
            "mode": self.mode,
            "type": self.type,
            "tags": list(self.tags),
            "params": dict(self.params),
            "expr": self.expr,
            "onSuccess": self.on_success,
            "onFailure": self.on_failure,
        }
        return {key: each for key, each in value.items() if each} | {"disabled": self.disabled}

    def digest_bytes(self) -> bytes:
        words = [self.name, self.doc, self.kind, self.mode, self.type, *self.tags]
        words += [word for pair in self.params.items() for word in pair]
        words += [self.expr, self.on_success, self.on_failure]
        return "".join(word or "" for word in words).encode() + (b"\1" if self.disabled else b"")

    def validate(self) -> None:
        name = self.name
        if not name:
            raise RuleError("A rule has no name")
        if len(name) > NAME_LETTERS_MAX:
            raise RuleError(f"The name of a rule has more than {NAME_LETTERS_MAX} letters: {name}")
        if not (name[0].isalpha() or name[0] == "_") or not all(each.isalnum() or each in "_-" for each in name):
            raise RuleError(f"Rule '{name}': a name is made of letters, digits, _ and -, and begins with a letter or _")
        if self.type is None:
            raise RuleError(f"Rule '{name}' has no type")
        if self.mode not in _TWO_WAYS and any("," in (each or "") for each in (self.on_success, self.on_failure)):
            raise RuleError(f"Rule '{name}': two actions need a mode of {' or '.join(_TWO_WAYS)}")


@dataclass(frozen=True, slots=True)
class RuleSet:
    migration: tuple[Rule, ...] = ()
    domain: tuple[Rule, ...] = ()
    encoding: tuple[Rule, ...] = ()
    enable_at: str | None = None

    @classmethod
    def from_json(cls, value: object) -> RuleSet | None:
        """`ValueError` says what cannot be."""
        if value is None:
            return None
        if not isinstance(value, dict):
            raise ValueError("a rule set is an object")
        phases = []
        for key, _ in _PHASES:
            rules = value.get(key) or []
            if not isinstance(rules, list):
                raise ValueError(f"ruleSet.{key} is an array")
            phases.append(tuple(Rule.from_json(each) for each in rules))
        enable_at = value.get("enableAt")
        migration, domain, encoding = phases
        return cls(migration, domain, encoding, enable_at if isinstance(enable_at, str) else None)

    def to_json(self) -> dict[str, object]:
        value: dict[str, object] = {}
        for (key, _), rules in zip(_PHASES, (self.migration, self.domain, self.encoding), strict=True):
            if rules:
                value[key] = [rule.to_json() for rule in rules]
        if self.enable_at is not None:
            value["enableAt"] = self.enable_at
        return value

    def digest_bytes(self) -> bytes:
        rules = (*self.migration, *self.domain, *self.encoding)
        return b"".join(rule.digest_bytes() for rule in rules) + (self.enable_at or "").encode()

    def validate(self) -> None:
        """`RuleError` says which rule may not be."""
        names: set[str] = set()
        for (key, modes), rules in zip(_PHASES, (self.migration, self.domain, self.encoding), strict=True):
            for rule in rules:
                rule.validate()
                assert rule.name is not None
                if rule.name in names:
                    raise RuleError(f"Two rules are named '{rule.name}'")
                names.add(rule.name)
                if rule.mode not in modes:
                    raise RuleError(f"Rule '{rule.name}': the mode of {key} is one of {', '.join(modes)}")

    def has_type(self, rule_type: str) -> bool:
        return any(rule.type == rule_type for rule in (*self.domain, *self.migration, *self.encoding))

    def without(self, names: frozenset[str]) -> RuleSet:
        migration, domain, encoding = (
            tuple(rule for rule in rules if rule.name not in names)
            for rules in (self.migration, self.domain, self.encoding)
        )
        return RuleSet(migration, domain, encoding, self.enable_at)


def merged_rule_sets(older: RuleSet | None, newer: RuleSet | None) -> RuleSet | None:
    """The rules of both; of two with one name, the newer's."""
    if older is None or newer is None:
        return newer if older is None else older
    return RuleSet(
        _merged(older.migration, newer.migration),
        _merged(older.domain, newer.domain),
        _merged(older.encoding, newer.encoding),
        newer.enable_at or older.enable_at,
    )


def _merged(older: tuple[Rule, ...], newer: tuple[Rule, ...]) -> tuple[Rule, ...]:
    names = {rule.name for rule in newer}
    return (*(rule for rule in older if rule.name not in names), *newer)
