"""Which topic an event goes to (`DefaultTopicMapper`): its namespace, or what `topic.namespace.map` says of it.

A namespace with a collection wins over its database alone, that over patterns (`/regex`, in order), those over `*`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from ottla.connect.connectors.mongodb.json_settings import json_object

MAX_CACHED_NAMESPACES: Final = 10_000
_WILDCARD: Final = "*"
_PATTERN: Final = "/"
_VARIABLE: Final = re.compile(r"\{([^{}]*)\}")
_VARIABLES: Final = ("db", "sep", "coll", "sep_coll", "coll_sep", "sep_coll_sep")


class TopicMapper:
    """`ValueError` says what is wrong with the map."""

    def __init__(self, prefix: str, suffix: str, separator: str, namespace_map: str) -> None:
        self._separator = separator
        self._prefix = prefix + separator if prefix else ""
        self._suffix = separator + suffix if suffix else ""
        self._simple: dict[str, str] = {}
        self._patterns: list[tuple[re.Pattern[str], str]] = []
        self._rest = ""
        for namespace, template in json_object(namespace_map).items():
            self._take(namespace, template)
        self._named = lru_cache(MAX_CACHED_NAMESPACES)(self._name)

    def _take(self, namespace: str, template: Any) -> None:
        if not isinstance(template, str):
            raise ValueError(f"the topic of {namespace} is no text")
        if namespace == _WILDCARD:
            self._rest = template
        elif namespace.startswith(_PATTERN):
            try:
                pattern = re.compile(namespace[1:])
            except re.error as error:
                raise ValueError(f"{namespace} has no regular expression behind its {_PATTERN}: {error}") from error
            unknown = [each for each in _VARIABLE.findall(template) if each not in _VARIABLES]
            if unknown or set("{}") & set(_VARIABLE.sub("", template)):
                raise ValueError(f"{template} may have these in braces, and no other braces: {', '.join(_VARIABLES)}")
            if template:
                self._patterns.append((pattern, template))
        elif _PATTERN in namespace:
            raise ValueError(f"{namespace} may not have a {_PATTERN}, but begin with one if it is a regular expression")
        elif template:
            self._simple[namespace] = template

    def topic(self, event: dict[str, Any]) -> str:
        """Empty for an event without a database."""
        database, collection = _text_at(event, "ns", "db"), _text_at(event, "ns", "coll")
        return self._named(database, collection) if database else ""

    def _name(self, database: str, collection: str) -> str:
        return self._prefix + self._undecorated(database, collection) + self._suffix

    def _undecorated(self, database: str, collection: str) -> str:
        namespace = f"{database}.{collection}" if collection else database
        if namespace in self._simple:
            return self._simple[namespace]
        if database in self._simple:
            return self._joined(self._simple[database], collection)
        for pattern, template in self._patterns:
            if pattern.fullmatch(namespace):
                return self._expanded(template, database, collection)
        return self._rest or self._joined(database, collection)

    def _joined(self, first: str, collection: str) -> str:
        return first + self._separator + collection if collection else first

    def _expanded(self, template: str, database: str, collection: str) -> str:
        separator = self._separator if collection else ""
        values = {
            "db": database,
            "sep": self._separator,
            "coll": collection,
            "sep_coll": separator + collection,
            "coll_sep": collection + separator,
            "sep_coll_sep": separator + collection + separator,
        }
        return _VARIABLE.sub(lambda found: values[found[1]], template)


def _text_at(event: dict[str, Any], first: str, second: str) -> str:
    """Of a field by its whole name, too, as everywhere in Java's connector."""
    path = f"{first}.{second}"
    if path in event:
        found = event[path]
    else:
        inner = event.get(first)
        found = inner.get(second) if isinstance(inner, dict) else None
    return found if isinstance(found, str) else ""
