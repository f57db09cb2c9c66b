"""A JAAS configuration as Kafka's properties have it: one login module and its options.

org.apache.kafka.common.security.plain.PlainLoginModule required username="admin" user_alice="alice-secret";
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_HEAD = re.compile(r"\s*(?P<module>[\w.$]+)\s+(?P<flag>required|requisite|sufficient|optional)\b", re.IGNORECASE)
_OPTION = re.compile(r"""\s*(?P<key>"[^"]+"|[\w.@:$-]+)\s*=\s*(?P<value>"(?:[^"\\]|\\.)*"|[^\s;"]+)""")
_END = re.compile(r"\s*;\s*")

PLAIN_LOGIN_MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule"
SCRAM_LOGIN_MODULE = "org.apache.kafka.common.security.scram.ScramLoginModule"
OAUTHBEARER_LOGIN_MODULE = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"


class JaasError(ValueError):
    """The text is no JAAS configuration. The message never holds any of it: there may be passwords in it."""


@dataclass(frozen=True, slots=True)
class JaasEntry:
    module: str
    options: dict[str, str] = field(repr=False)


def parse_jaas(text: str) -> JaasEntry:
    head = _HEAD.match(text)
    if head is None:
        raise JaasError("it must be MODULE required KEY=VALUE …;")
    options: dict[str, str] = {}
    position = head.end()
    while option := _OPTION.match(text, position):
        options[option["key"].strip('"')] = _unquoted(option["value"])
        position = option.end()
    if _END.fullmatch(text, position) is None:
        raise JaasError("it must be MODULE required KEY=VALUE …; and end with one semicolon")
    return JaasEntry(head["module"], options)


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
