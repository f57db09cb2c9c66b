"""What an instance tells Prometheus: what it keeps, whether it leads, what it was asked.

The first two are the Confluent Schema Registry's, as its rules for the JMX exporter name them.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from ottla.runtime.metrics.metric import counter, gauge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ottla.registry.registry import Registry
    from ottla.runtime.metrics.metric import Reading

REGISTERED = gauge(
    "kafka_schema_registry_registered_count",
    "Versions of subjects that are not deleted.",
    mbean="kafka.schema.registry:type=registered-count",
)
ROLE = gauge(
    "kafka_schema_registry_master_slave_role",
    "1: this instance leads, and writes.",
    mbean="kafka.schema.registry:type=master-slave-role",
)
SUBJECTS = gauge("ottla_registry_subjects", "Subjects with a version that is not deleted.")
VERSIONS = gauge("ottla_registry_versions", "Versions that are not deleted.", "schema_type")
DELETED = gauge("ottla_registry_deleted_versions", "Versions that are deleted, and may come back.")
REQUESTS = counter("ottla_registry_requests_total", "Requests by the status of their answer.", "method", "code")

METRICS = (REGISTERED, ROLE, SUBJECTS, VERSIONS, DELETED, REQUESTS)

_METHODS: Final = frozenset({"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"})


class RequestCounts:
    """By method and status: no more than a client can name."""

    def __init__(self) -> None:
        self.by_method: Counter[tuple[str, int]] = Counter()

    def count(self, method: str, status: int) -> None:
        self.by_method[(method if method in _METHODS else "other", status)] += 1


class RegistryMetrics:
    def __init__(self, registry: Registry, requests: RequestCounts) -> None:
        self._registry = registry
        self._requests = requests

    def read(self) -> Iterator[Reading]:
        records = list(self._registry.state.records())
        live = [record for record in records if not record.deleted]
        yield REGISTERED, (), len(live)
        yield ROLE, (), int(self._registry.is_leader)
        yield SUBJECTS, (), len({record.subject for record in live})
        for kind, count in sorted(Counter(record.schema_type for record in live).items()):
            yield VERSIONS, (kind,), count
        yield DELETED, (), len(records) - len(live)
        for (method, status), count in sorted(self._requests.by_method.items()):
            yield REQUESTS, (method, str(status)), count
