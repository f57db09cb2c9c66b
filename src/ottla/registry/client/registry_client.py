"""A client of a schema registry, ours or another: it keeps what it was told, as ids and versions never change.

Plain blocking calls, safe from several threads: a serializer asks once for each schema, and never again.
"""

from __future__ import annotations

import http.client
import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import quote, unquote, urlencode, urlsplit

from ottla.registry.schema.parsed import AVRO
from ottla.registry.schema.reference import Reference
from ottla.runtime.http_basic import basic_authorization

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping, Sequence

TIMEOUT_S: Final = 30.0
ATTEMPTS: Final = 3
CONTENT_TYPE: Final = "application/vnd.schemaregistry.v1+json"


class RegistryClientError(Exception):
    """The registry refused, or did not answer; `code` is its error code, or 0."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{message} ({code})" if code else message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema as it is sent and received."""

    text: str
    schema_type: str = AVRO
    references: tuple[Reference, ...] = ()

    def to_json(self) -> dict[str, object]:
        value: dict[str, object] = {"schema": self.text, "schemaType": self.schema_type}
        if self.references:
            value["references"] = [each.to_json() for each in self.references]
        return value

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> Schema:
        references = cast("Sequence[Mapping[str, object]]", value.get("references") or ())
        return cls(
            str(value["schema"]),
            str(value.get("schemaType") or AVRO),
            tuple(Reference.from_json(each) for each in references),
        )


@dataclass(frozen=True, slots=True)
class Registered:
    """Where a schema stands."""

    id: int
    guid: str | None
    subject: str
    version: int
    schema: Schema


class RegistryClient:
    """Of `http://HOST:PORT`, or `https://USER:PASSWORD@HOST:PORT`."""

    def __init__(self, url: str, *, tls: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise RegistryClientError(0, f"'{url}' is no URL of a registry: write http://HOST:PORT")
        self._parts = parts
        self._tls = tls
        self._headers = {"Content-Type": CONTENT_TYPE, "Accept": CONTENT_TYPE}
        if parts.username is not None:
            self._headers["Authorization"] = basic_authorization(unquote(parts.username), unquote(parts.password or ""))
        self._local = threading.local()
        self._registered: dict[tuple[str, Schema, bool], Registered] = {}
        self._schemas: dict[tuple[str, str], Schema] = {}
        self._versions: dict[tuple[str, int, str], Registered] = {}

    def register(self, subject: str, schema: Schema, *, normalize: bool = False) -> Registered:
        return self._place("POST", f"/subjects/{quote(subject, safe='')}/versions", subject, schema, normalize)

    def look_up(self, subject: str, schema: Schema, *, normalize: bool = False) -> Registered:
        return self._place("POST", f"/subjects/{quote(subject, safe='')}", subject, schema, normalize)

    def schema(self, schema_id: int | str, *, subject: str | None = None, form: str = "") -> Schema:
        """By its id, in the subject's context, or by its guid."""
        kind = "ids" if isinstance(schema_id, int) else "guids"
        parameters = {name: value for name, value in (("subject", subject), ("format", form)) if value}
        target = f"/schemas/{kind}/{schema_id}" + (f"?{urlencode(parameters)}" if parameters else "")
        found = self._schemas.get((target, form))
        if found is None:
            found = self._schemas[target, form] = Schema.from_json(self.call("GET", target))
        return found

    def version(self, subject: str, version: int, *, form: str = "") -> Registered:
        """One that was deleted is found, too: others may refer to it."""
        found = self._versions.get((subject, version, form))
        if found is None:
            query = "?deleted=true" + (f"&format={form}" if form else "")
            value = self.call("GET", f"/subjects/{quote(subject, safe='')}/versions/{version}{query}")
            found = self._versions[subject, version, form] = _registered(value, Schema.from_json(value))
        return found

    def latest(self, subject: str, *, form: str = "") -> Registered:
        query = f"?format={form}" if form else ""
        value = self.call("GET", f"/subjects/{quote(subject, safe='')}/versions/latest{query}")
        return _registered(value, Schema.from_json(value))

    def texts(self, references: Sequence[Reference], *, form: str = "") -> dict[str, str]:
        """What the references stand for, by name, the deepest first."""
        found: dict[str, str] = {}
        for reference in references:
            if reference.name not in found:
                schema = self.version(reference.subject, reference.version, form=form).schema
                found |= {
                    name: text for name, text in self.texts(schema.references, form=form).items() if name not in found
                }
                found[reference.name] = schema.text
        return found

    def _place(self, method: str, target: str, subject: str, schema: Schema, normalize: bool) -> Registered:
        key = (target, schema, normalize)
        found = self._registered.get(key)
        if found is None:
            query = "?normalize=true" if normalize else ""
            value = self.call(method, target + query, schema.to_json())
            found = self._registered[key] = _registered({"subject": subject} | value, schema)
        return found

    def call(self, method: str, target: str, body: object = None) -> dict[str, object]:
        """Any route. `RegistryClientError`."""
        data = json.dumps(body).encode() if body is not None else None
        status, answer = self._send(method, self._parts.path.rstrip("/") + target, data)
        try:
            value = json.loads(answer)
        except ValueError:
            raise RegistryClientError(status, f"{method} {target}: the answer is not JSON") from None
        if status >= 300:
            code, message = value.get("error_code", status), value.get("message", "refused")
            raise RegistryClientError(int(code), f"{method} {target}: {message}")
        return cast("dict[str, object]", value)

    def _send(self, method: str, target: str, data: bytes | None) -> tuple[int, bytes]:
        for attempt in range(ATTEMPTS):
            connection = self._connection()
            try:
                connection.request(method, target, data, self._headers)
                response = connection.getresponse()
                return response.status, response.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()  # one that was kept may have been closed; every call may be sent twice
                if attempt == ATTEMPTS - 1:
                    raise RegistryClientError(0, f"{self._parts.hostname} did not answer: {error}") from error
        raise AssertionError("unreachable")

    def _connection(self) -> http.client.HTTPConnection:
        found: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if found is None:
            host, port = self._parts.hostname or "", self._parts.port
            if self._parts.scheme == "https":
                found = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=self._tls)
            else:
                found = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
            self._local.connection = found
        return found


def _registered(value: Mapping[str, object], schema: Schema) -> Registered:
    schema_id, version, guid = value["id"], value.get("version", 0), value.get("guid")
    assert isinstance(schema_id, int)
    return Registered(
        schema_id,
        guid if isinstance(guid, str) else None,
        str(value.get("subject", "")),
        version if isinstance(version, int) else 0,
        schema,
    )
