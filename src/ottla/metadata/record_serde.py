"""Metadata records as they stand in the values of `__cluster_metadata-0` and of snapshots. KIP-631.

    value  ::= frame version (uvarint, 1) · api key (uvarint) · version (uvarint) · body

A key, a version or a frame that is not known stops the node rather than lose metadata: `MetadataError`.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import TypeAlias

from ottla.protocol.message import Message
from ottla.runtime.files import Buffer

FRAME_VERSION = 1

MetadataRecord: TypeAlias = Message


class MetadataError(Exception):
    """The metadata log holds something this node cannot replay."""


@dataclass(frozen=True, slots=True)
class VersionedRecord:
    """A record and the version it is written in (Kafka's `ApiMessageAndVersion`)."""

    record: MetadataRecord
    version: int = 0


# Kafka's MetadataRecordType: api key -> class, in its file of protocol/metadata_record/.
RECORD_NAMES: dict[int, str] = {
    0: "RegisterBrokerRecord",
    1: "UnregisterBrokerRecord",
    2: "TopicRecord",
    3: "PartitionRecord",
    4: "ConfigRecord",
    5: "PartitionChangeRecord",
    7: "FenceBrokerRecord",
    8: "UnfenceBrokerRecord",
    9: "RemoveTopicRecord",
    10: "DelegationTokenRecord",
    11: "UserScramCredentialRecord",
    12: "FeatureLevelRecord",
    14: "ClientQuotaRecord",
    15: "ProducerIdsRecord",
    17: "BrokerRegistrationChangeRecord",
    18: "AccessControlEntryRecord",
    19: "RemoveAccessControlEntryRecord",
    20: "NoOpRecord",
    21: "ZkMigrationStateRecord",
    22: "RemoveUserScramCredentialRecord",
    23: "BeginTransactionRecord",
    24: "EndTransactionRecord",
    25: "AbortTransactionRecord",
    26: "RemoveDelegationTokenRecord",
    27: "RegisterControllerRecord",
    28: "ClearElrRecord",
}
