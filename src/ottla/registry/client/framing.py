"""What serializers of every kind share: how they come to a schema's id, and where they put it.

A serializer is called as `serializer(topic, data, headers)` and a deserializer likewise, as Ottla Streams calls them;
`with_header` is for whoever can send headers: it leaves the data bare, and gives the header that says the schema.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from ottla.registry.client.subject_names import SubjectName, topic_name
from ottla.registry.client.wire import KEY_HEADER, VALUE_HEADER, header_value, prefix, write_indexes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.registry.client.registry_client import Registered, RegistryClient, Schema

Headers: TypeAlias = "Sequence[tuple[str, bytes | None]]"


class Framing:
    """`registers`: new schemas are registered; without it they must be there. `uses_latest`: data is written with the
    subject's latest schema, whatever the given one is."""

    def __init__(
        self,
        client: RegistryClient,
        *,
        is_key: bool = False,
        registers: bool = True,
        uses_latest: bool = False,
        normalize: bool = False,
        subject_name: SubjectName = topic_name,
    ) -> None:
        self.client = client
        self.is_key = is_key
        self._registers = registers
        self._uses_latest = uses_latest
        self._normalize = normalize
        self._subject_name = subject_name
        self._latest: dict[str, Registered] = {}

    def find(self, topic: str, schema: Schema, name: str | None) -> Registered:
        subject = self._subject_name(topic, self.is_key, name)
        if self._uses_latest:
            found = self._latest.get(subject)
            if found is None:
                found = self._latest[subject] = self.client.latest(subject)
            return found
        if self._registers:
            return self.client.register(subject, schema, normalize=self._normalize)
        return self.client.look_up(subject, schema, normalize=self._normalize)

    def version(self, topic: str, schema: Schema, name: str | None) -> int:
        """The version of the schema under its subject."""
        return self.client.look_up(self._subject_name(topic, self.is_key, name), schema).version

    def before(self, found: Registered, indexes: Sequence[int] | None = None) -> bytes:
        return prefix(found.id) + (write_indexes(indexes) if indexes is not None else b"")

    def header(self, found: Registered, indexes: Sequence[int] | None = None) -> tuple[str, bytes]:
        guid = found.guid or self.client.look_up(found.subject, found.schema).guid
        value = header_value(guid or "") + (write_indexes(indexes) if indexes is not None else b"")
        return (KEY_HEADER if self.is_key else VALUE_HEADER), value
