"""Who a client's certificate says it is: the distinguished name, as Java writes it, through the mapping rules.

    ssl.principal.mapping.rules   RULE:pattern/replacement/[L|U], …, DEFAULT   the first that matches; DEFAULT: the name

RFC 2253, KIP-371; Kafka's `SslPrincipalMapper`, `DefaultKafkaPrincipalBuilder`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ottla.broker.request_context import ANONYMOUS
from ottla.runtime.config.definition import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SHORT_NAMES: Final = {
    "commonName": "CN",
    "countryName": "C",
    "domainComponent": "DC",
    "localityName": "L",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "stateOrProvinceName": "ST",
    "streetAddress": "STREET",
    "userId": "UID",
}
EMAIL_ADDRESS: Final = "1.2.840.113549.1.9.1"

_RULE = re.compile(
    r"\s*(?:(?P<default>DEFAULT)|RULE:(?P<pattern>(?:\\.|[^\\/])*)/(?P<replacement>(?:\\.|[^\\/])*)/(?P<case>[LU]?))\s*(?:,|$)"
)
_GROUP = re.compile(r"\$(\d)")


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str] | None
    """`None`: DEFAULT."""
    replacement: str = ""
    change_case: Callable[[str], str] = str


class PrincipalMapper:
    """Raises `ConfigError` for rules that cannot be read."""

    def __init__(self, text: str) -> None:
        self._rules: list[_Rule] = []
        position = 0
        while position < len(text.rstrip()):
            match = _RULE.match(text, position)
            if match is None:
                raise _refused(text)
            position = match.end()
            if match["default"]:
                self._rules.append(_Rule(None))
                continue
            try:
                pattern = re.compile(match["pattern"])
            except re.error:
                raise _refused(text) from None
            cases: dict[str, Callable[[str], str]] = {"L": str.lower, "U": str.upper}
            self._rules.append(_Rule(pattern, match["replacement"], cases.get(match["case"], str)))

    def principal(self, certificate: Mapping[str, Any] | None) -> str:
        """Of `SSLObject.getpeercert()`. `ValueError`: no rule takes that name."""
        if not certificate:
            return ANONYMOUS
        return f"User:{self.map(distinguished_name(certificate))}"

    def map(self, name: str) -> str:
        for rule in self._rules:
            if rule.pattern is None:
                return name
            match = rule.pattern.fullmatch(name)
            if match is not None:
                replaced = _GROUP.sub(partial(_group_of, match.groups("")), rule.replacement)
                return rule.change_case(replaced)
        raise ValueError("no rule of ssl.principal.mapping.rules takes the name of a client's certificate")


def _group_of(groups: Sequence[str], reference: re.Match[str]) -> str:
    number = int(reference[1])
    return groups[number - 1] if 0 < number <= len(groups) else ""


def _refused(text: str) -> ConfigError:
    return ConfigError(
        "ssl.principal.mapping.rules", text, "each rule must be DEFAULT or RULE:PATTERN/REPLACEMENT/[LU]"
    )


def distinguished_name(certificate: Mapping[str, Any]) -> str:
    """The subject, last part first."""
    return ",".join(
        "+".join(f"{_type(kind)}={_value(kind, value)}" for kind, value in part)
        for part in reversed(certificate.get("subject", ()))
    )


def _type(kind: str) -> str:
    return EMAIL_ADDRESS if kind == "emailAddress" else SHORT_NAMES.get(kind, kind)


def _value(kind: str, value: str) -> str:
    if kind == "emailAddress":  # Java knows no short name for it: the DER of an IA5String
        encoded = value.encode("ascii", "replace")
        return f"#16{len(encoded):02x}{encoded.hex()}"
    escaped = re.sub(r'([,+"\\<>;])', r"\\\1", value)
    if escaped.startswith(("#", " ")):
        escaped = "\\" + escaped
    return escaped[:-1] + "\\ " if escaped.endswith(" ") and len(escaped) > 1 else escaped
