"""Kafka's client keys as librdkafka has them.

Most have one name in both. Some are named otherwise, some mean nothing there; the login of `sasl.jaas.config` is a name
and a password.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.runtime.config.jaas import parse_jaas

if TYPE_CHECKING:
    from collections.abc import Mapping

_RENAMED: Final = {
    "fetch.max.wait.ms": "fetch.wait.max.ms",
    "max.in.flight.requests.per.connection": "max.in.flight",
    "send.buffer.bytes": "socket.send.buffer.bytes",
    "receive.buffer.bytes": "socket.receive.buffer.bytes",
    "ssl.truststore.location": "ssl.ca.location",
    "ssl.truststore.certificates": "ssl.ca.pem",
    "ssl.keystore.key": "ssl.key.pem",
    "ssl.keystore.certificate.chain": "ssl.certificate.pem",
}
_MEANINGLESS: Final = frozenset({
    "allow.auto.create.topics",
    "auto.include.jmx.reporter",
    "buffer.memory",
    "default.api.timeout.ms",
    "group.protocol",
    "interceptor.classes",
    "key.deserializer",
    "key.serializer",
    "max.block.ms",
    "max.poll.records",
    "max.request.size",
    "metric.reporters",
    "partition.assignment.strategy",
    "partitioner.class",
    "sasl.jaas.config",
    "ssl.protocol",
    "ssl.truststore.type",
    "ssl.keystore.type",
    "ssl.enabled.protocols",
    "value.deserializer",
    "value.serializer",
})  # fmt: skip


def translate(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Kafka's keys and values to librdkafka's."""
    found = {_RENAMED.get(key, key): _value(value) for key, value in properties.items() if key not in _MEANINGLESS}
    if (text := properties.get("sasl.jaas.config")) is not None:
        options = parse_jaas(str(text)).options
        if "username" in options:
            found |= {"sasl.username": options["username"], "sasl.password": options.get("password", "")}
    if str(properties.get("ssl.keystore.type", "")).upper() == "PEM" and "ssl.keystore.location" in found:
        # One file for both here, two names for it there; a keystore would be PKCS #12.
        file = found.pop("ssl.keystore.location")
        found.pop("ssl.keystore.password", None)
        found = {"ssl.certificate.location": file, "ssl.key.location": file} | found
    if found.get("ssl.endpoint.identification.algorithm") == "":
        found["ssl.endpoint.identification.algorithm"] = "none"
    return found


def _value(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value
