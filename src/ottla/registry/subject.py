"""Subjects with contexts: `:.context:subject`, or `subject` alone in the default context `.`.

:.eu:orders-value   context `.eu`, subject `orders-value`
:.eu:               the context itself: its config and mode
orders-value        the default context
:*:orders           the prefix `orders` in every context
:.__GLOBAL:         config and mode of all contexts
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DEFAULT_CONTEXT: Final = "."
GLOBAL_CONTEXT: Final = ".__GLOBAL"
CONTEXT_BEGIN: Final = ":."
ANY_CONTEXT: Final = ":*:"
RESERVED_SUBJECTS: Final = ("__GLOBAL", "__EMPTY")


class InvalidContextError(ValueError):
    """A context's name has a colon in it."""


@dataclass(frozen=True, slots=True)
class QualifiedSubject:
    context: str
    name: str

    @classmethod
    def parse(cls, text: str) -> QualifiedSubject:
        if text.startswith(ANY_CONTEXT):
            return cls("*", text[len(ANY_CONTEXT) :])
        if not text.startswith(CONTEXT_BEGIN):
            return cls(DEFAULT_CONTEXT, text)
        context, _, name = text[1:].partition(":")
        return cls(context, name)

    @property
    def prefix(self) -> str:
        """What stands before the name: empty in the default context."""
        return "" if self.context == DEFAULT_CONTEXT else f":{self.context}:"

    @property
    def is_context(self) -> bool:
        return not self.name

    def __str__(self) -> str:
        return self.prefix + self.name


def normal_subject(text: str) -> str:
    """`:.:s` and `s` are the same."""
    return str(QualifiedSubject.parse(text))


def context_of(subject: str | None) -> str:
    return DEFAULT_CONTEXT if subject is None else QualifiedSubject.parse(subject).context


def context_prefix(context: str) -> str:
    """The prefix of a context that may be named `eu`, `.eu` or `:.eu:`."""
    name = context.removeprefix(":").removesuffix(":")
    if ":" in name:
        raise InvalidContextError(f"Context name '{name}' cannot contain a colon")
    if not name.startswith("."):
        name = "." + name
    return "" if name == DEFAULT_CONTEXT else f":{name}:"


def has_context(text: str) -> bool:
    return text.startswith((CONTEXT_BEGIN, ANY_CONTEXT))


def qualified_by(parent: str, subject: str) -> str:
    """A subject that a schema or an alias names: in the context of where it stands unless it says another."""
    own = QualifiedSubject.parse(subject)
    if own.context != DEFAULT_CONTEXT:
        return str(own)
    return str(QualifiedSubject(context_of(parent), own.name))


def is_default_context(subject: str) -> bool:
    """Whether config and mode of this "subject" are those of the whole default context."""
    parsed = QualifiedSubject.parse(subject)
    return parsed.context == DEFAULT_CONTEXT and not parsed.name


def is_global(subject: str | None) -> bool:
    if subject is None:
        return False
    parsed = QualifiedSubject.parse(subject)
    return parsed.context == GLOBAL_CONTEXT and not parsed.name


def is_valid_subject(subject: str, *, for_settings: bool = False) -> bool:
    """Whether schemas (or, `for_settings`, a config or a mode) may stand under it."""
    if any(ord(letter) < 0x20 or 0x7F <= ord(letter) <= 0x9F for letter in subject):
        return False
    parsed = QualifiedSubject.parse(subject)
    if parsed.name in RESERVED_SUBJECTS:
        return False
    return for_settings or parsed.context != GLOBAL_CONTEXT
