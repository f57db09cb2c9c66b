"""Where a path points: `/contexts/:.eu:/subjects/s` is `/subjects/:.eu:s`; an alias is the subject that it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.registry.errors import RegistryError
from ottla.registry.rest.message import BAD_REQUEST
from ottla.registry.subject import InvalidContextError, context_prefix, has_context, normal_subject, qualified_by

if TYPE_CHECKING:
    from ottla.registry.rest.message import Request
    from ottla.registry.store.state import RegistryState

_SETTINGS = ("config", "mode")


def resolve_context(request: Request) -> None:
    """Takes the context out of the path and puts it before subjects. `RegistryError`."""
    segments = request.segments
    if len(segments) < 3 or segments[0] != "contexts":
        return
    try:
        prefix = context_prefix(segments[1])
    except InvalidContextError as error:
        raise RegistryError(BAD_REQUEST, str(error)) from None
    rest = segments[2:]
    if rest[0] in _SETTINGS and len(rest) == 1 and prefix:
        rest = [rest[0], prefix]
    else:
        at = rest.index("subjects") + 1 if "subjects" in rest else 1 if rest[0] in _SETTINGS else len(rest)
        if at < len(rest) and not has_context(rest[at]):
            rest[at] = prefix + rest[at]
    if rest[:2] == ["schemas", "ids"]:
        _prefix_query(request, "subject", prefix)
    elif rest in (["schemas"], ["subjects"]):
        _prefix_query(request, "subjectPrefix", prefix)
    request.segments = rest


def _prefix_query(request: Request, name: str, prefix: str) -> None:
    values = request.query.get(name) or [""]
    request.query[name] = [each if has_context(each) else prefix + each for each in values]


def resolve_alias(request: Request, state: RegistryState) -> None:
    """Of schemas, not of configs: an alias is changed under its own name."""
    segments = request.segments
    if segments[:2] == ["schemas", "ids"] and request.text("subject"):
        request.query["subject"] = [_subject_of(request.query["subject"][0], state)]
    if "subjects" in segments[:-1]:
        at = segments.index("subjects") + 1
        segments[at] = _subject_of(segments[at], state)


def _subject_of(name: str, state: RegistryState) -> str:
    config = state.configs.get(normal_subject(name))
    return qualified_by(name, config.alias) if config is not None and config.alias else name
