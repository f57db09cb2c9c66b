"""ZkMigrationStateRecord, metadata record type 21: version 0.

KIP-866 (0).
"""

from ottla.protocol.message import MetadataRecord
from ottla.protocol.types import Int8


class ZkMigrationStateRecord(MetadataRecord, record_type=21, versions="0", flexible="0+"):
    """The state of the migration from ZooKeeper; only old logs have it."""

    zk_migration_state: Int8
