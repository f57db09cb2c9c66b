"""What is configured of a subject, a context or all: compatibility, normalisation, aliases, defaults of contracts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ottla.registry.errors import INVALID_COMPATIBILITY_LEVEL, INVALID_RULE_SET, RegistryError
from ottla.registry.schema.level import CompatibilityLevel, parse_level
from ottla.registry.schema.metadata import Metadata
from ottla.registry.schema.rule_set import RuleError, RuleSet

if TYPE_CHECKING:
    from collections.abc import Mapping

POLICIES: Final = ("STRICT", "LENIENT", "LOGICAL")
DEFAULT_LEVEL: Final = CompatibilityLevel.BACKWARD
_UNPROCESSABLE: Final = 422

# Name in JSON: (name here, what it is).
_FIELDS: Final[dict[str, tuple[str, type]]] = {
    "alias": ("alias", str),
    "aliasForDeks": ("alias_for_deks", str),
    "normalize": ("normalize", bool),
    "validateFields": ("validate_fields", bool),
    "validateNewSchemas": ("validate_new_schemas", bool),
    "validateRules": ("validate_rules", bool),
    "compatibilityLevel": ("level", CompatibilityLevel),
    "compatibilityPolicy": ("policy", str),
    "compatibilityGroup": ("group", str),
    "defaultMetadata": ("default_metadata", Metadata),
    "overrideMetadata": ("override_metadata", Metadata),
    "defaultRuleSet": ("default_rule_set", RuleSet),
    "overrideRuleSet": ("override_rule_set", RuleSet),
}
# What a subject does not say for itself is said by the configuration of all.
_INHERITED: Final = ("normalize", "validate_fields", "validate_new_schemas", "validate_rules", "policy", "group")


@dataclass(frozen=True, slots=True)
class Config:
    alias: str | None = None
    alias_for_deks: str | None = None
    normalize: bool | None = None
    validate_fields: bool | None = None
    validate_new_schemas: bool | None = None
    validate_rules: bool | None = None
    level: CompatibilityLevel | None = None
    policy: str | None = None
    group: str | None = None
    default_metadata: Metadata | None = None
    override_metadata: Metadata | None = None
    default_rule_set: RuleSet | None = None
    override_rule_set: RuleSet | None = None

    @classmethod
    def from_stored(cls, value: Mapping[str, object]) -> Config:
        """What cannot be read of it is left out: a later registry may know more."""
        found = {}
        for name in _FIELDS:
            try:
                found.update(_read({name: value[name]}) if name in value else {})
            except RegistryError:
                continue
        return cls(**found)  # type: ignore[arg-type]

    def to_json(self, level_name: str = "compatibilityLevel") -> dict[str, object]:
        value: dict[str, object] = {}
        for name, (attribute, _) in _FIELDS.items():
            found = getattr(self, attribute)
            if found is not None:
                key = level_name if attribute == "level" else name
                value[key] = found.to_json() if isinstance(found, Metadata | RuleSet) else found
        return value

    def updated(self, request: Mapping[str, object]) -> Config:
        """With what a request names; `null` takes it away. `RegistryError` says what may not be."""
        return replace(self, **_read(_renamed(request)))  # type: ignore[arg-type]

    def with_level(self, level: CompatibilityLevel) -> Config:
        return self if self.level is not None else replace(self, level=level)

    def over(self, below: Config) -> Config:
        """With what another says where this one is silent, for those settings that are inherited."""
        silent = {name: getattr(below, name) for name in _INHERITED if getattr(self, name) is None}
        return replace(self, **silent)

    @property
    def has_defaults_or_overrides(self) -> bool:
        parts = (self.default_metadata, self.override_metadata, self.default_rule_set, self.override_rule_set)
        return any(part is not None for part in parts)

    @property
    def is_lenient(self) -> bool:
        return self.policy == "LENIENT"

    @property
    def checks_new_schemas(self) -> bool:
        return self.validate_new_schemas is not False


def check_request(request: Mapping[str, object]) -> None:
    """`RegistryError` where `Config.updated` would raise it."""
    Config().updated(request)


def _renamed(request: Mapping[str, object]) -> dict[str, object]:
    renamed = dict(request)
    if "compatibility" in renamed:
        renamed["compatibilityLevel"] = renamed.pop("compatibility")
    return renamed


def _read(value: Mapping[str, object]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, (attribute, kind) in _FIELDS.items():
        if name in value:
            found[attribute] = None if value[name] is None else _one(name, kind, value[name])
    return found


def _one(name: str, kind: type, value: object) -> object:
    if kind is CompatibilityLevel:
        level = parse_level(value) if isinstance(value, str) else None
        if level is None:
            levels = ", ".join(CompatibilityLevel)
            raise RegistryError(INVALID_COMPATIBILITY_LEVEL, f"Invalid compatibility level. It is one of {levels}")
        return level
    if name == "compatibilityPolicy" and (not isinstance(value, str) or value.upper() not in POLICIES):
        raise RegistryError(
            INVALID_COMPATIBILITY_LEVEL, f"Invalid compatibility policy. It is one of {', '.join(POLICIES)}"
        )
    try:
        if kind is RuleSet:
            rules = RuleSet.from_json(value)
            assert rules is not None
            rules.validate()
            return rules
        if kind is Metadata:
            return Metadata.from_json(value)
    except RuleError as error:
        raise RegistryError(INVALID_RULE_SET, str(error)) from None
    except ValueError as error:
        raise RegistryError(_UNPROCESSABLE, f"{name}: {error}") from None
    if not isinstance(value, kind):
        raise RegistryError(_UNPROCESSABLE, f"{name} is a {'boolean' if kind is bool else 'string'}")
    return value.upper() if name == "compatibilityPolicy" and isinstance(value, str) else value
