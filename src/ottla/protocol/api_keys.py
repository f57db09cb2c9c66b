"""The APIs of Kafka 4.3: their keys, versions and listeners; their messages are imported when they are first asked for.

A *forwardable* request is one that a broker may pass on to the active controller (KIP-590). An *unstable* latest
version is neither advertised nor taken unless `unstable.api.versions.enable` is set: `stable_versions` leaves it out.
APIs 4 to 7 were removed in Apache Kafka 4.0: their keys are known, but they have no versions and do not stand in `API`.
"""

from enum import IntEnum
from functools import cached_property
from importlib import import_module
from types import MappingProxyType
from typing import Final, cast

from ottla.protocol.message import Request, Response
from ottla.protocol.versions import Versions


class ApiKey(IntEnum):
    """The number that stands for an API at the head of each request (int16)."""

    PRODUCE = 0
    FETCH = 1
    LIST_OFFSETS = 2
    METADATA = 3
    LEADER_AND_ISR = 4
    STOP_REPLICA = 5
    UPDATE_METADATA = 6
    CONTROLLED_SHUTDOWN = 7
    OFFSET_COMMIT = 8
    OFFSET_FETCH = 9
    FIND_COORDINATOR = 10
    JOIN_GROUP = 11
    HEARTBEAT = 12
    LEAVE_GROUP = 13
    SYNC_GROUP = 14
    DESCRIBE_GROUPS = 15
    LIST_GROUPS = 16
    SASL_HANDSHAKE = 17
    API_VERSIONS = 18
    CREATE_TOPICS = 19
    DELETE_TOPICS = 20
    DELETE_RECORDS = 21
    INIT_PRODUCER_ID = 22
    OFFSET_FOR_LEADER_EPOCH = 23
    ADD_PARTITIONS_TO_TXN = 24
    ADD_OFFSETS_TO_TXN = 25
    END_TXN = 26
    WRITE_TXN_MARKERS = 27
    TXN_OFFSET_COMMIT = 28
    DESCRIBE_ACLS = 29
    CREATE_ACLS = 30
    DELETE_ACLS = 31
    DESCRIBE_CONFIGS = 32
    ALTER_CONFIGS = 33
    ALTER_REPLICA_LOG_DIRS = 34
    DESCRIBE_LOG_DIRS = 35
    SASL_AUTHENTICATE = 36
    CREATE_PARTITIONS = 37
    CREATE_DELEGATION_TOKEN = 38
    RENEW_DELEGATION_TOKEN = 39
    EXPIRE_DELEGATION_TOKEN = 40
    DESCRIBE_DELEGATION_TOKEN = 41
    DELETE_GROUPS = 42
    ELECT_LEADERS = 43
    INCREMENTAL_ALTER_CONFIGS = 44
    ALTER_PARTITION_REASSIGNMENTS = 45
    LIST_PARTITION_REASSIGNMENTS = 46
    OFFSET_DELETE = 47
    DESCRIBE_CLIENT_QUOTAS = 48
    ALTER_CLIENT_QUOTAS = 49
    DESCRIBE_USER_SCRAM_CREDENTIALS = 50
    ALTER_USER_SCRAM_CREDENTIALS = 51
    VOTE = 52
    BEGIN_QUORUM_EPOCH = 53
    END_QUORUM_EPOCH = 54
    DESCRIBE_QUORUM = 55
    ALTER_PARTITION = 56
    UPDATE_FEATURES = 57
    ENVELOPE = 58
    FETCH_SNAPSHOT = 59
    DESCRIBE_CLUSTER = 60
    DESCRIBE_PRODUCERS = 61
    BROKER_REGISTRATION = 62
    BROKER_HEARTBEAT = 63
    UNREGISTER_BROKER = 64
    DESCRIBE_TRANSACTIONS = 65
    LIST_TRANSACTIONS = 66
    ALLOCATE_PRODUCER_IDS = 67
    CONSUMER_GROUP_HEARTBEAT = 68
    CONSUMER_GROUP_DESCRIBE = 69
    CONTROLLER_REGISTRATION = 70
    GET_TELEMETRY_SUBSCRIPTIONS = 71
    PUSH_TELEMETRY = 72
    ASSIGN_REPLICAS_TO_DIRS = 73
    LIST_CONFIG_RESOURCES = 74
    DESCRIBE_TOPIC_PARTITIONS = 75
    SHARE_GROUP_HEARTBEAT = 76
    SHARE_GROUP_DESCRIBE = 77
    SHARE_FETCH = 78
    SHARE_ACKNOWLEDGE = 79
    ADD_RAFT_VOTER = 80
    REMOVE_RAFT_VOTER = 81
    UPDATE_RAFT_VOTER = 82
    INITIALIZE_SHARE_GROUP_STATE = 83
    READ_SHARE_GROUP_STATE = 84
    WRITE_SHARE_GROUP_STATE = 85
    DELETE_SHARE_GROUP_STATE = 86
    READ_SHARE_GROUP_STATE_SUMMARY = 87
    STREAMS_GROUP_HEARTBEAT = 88
    STREAMS_GROUP_DESCRIBE = 89
    DESCRIBE_SHARE_GROUP_OFFSETS = 90
    ALTER_SHARE_GROUP_OFFSETS = 91
    DELETE_SHARE_GROUP_OFFSETS = 92


BROKER: Final = frozenset({"broker"})
CONTROLLER: Final = frozenset({"controller"})
BOTH: Final = BROKER | CONTROLLER


class Api:
    """One API: what is known without importing its messages, and the way to them."""

    def __init__(
        self,
        key: ApiKey,
        name: str,
        versions: Versions,
        flexible_versions: Versions,
        listeners: frozenset[str],
        forwardable: bool,
        unstable: bool,
    ) -> None:
        self.key = key
        self.name = name
        self.versions = versions
        self.flexible_versions = flexible_versions
        self.listeners = listeners
        self.forwardable = forwardable
        latest = versions.latest - 1 if unstable else versions.latest
        self.stable_versions = Versions(versions.oldest, latest)

    @property
    def module(self) -> str:
        """The file that declares it: `join_group` for JoinGroup."""
        return self.key.name.lower()

    @cached_property
    def request(self) -> type[Request]:
        """The request's class."""
        return cast("type[Request]", getattr(import_module(f"ottla.protocol.api.{self.module}"), f"{self.name}Request"))

    @cached_property
    def response(self) -> type[Response]:
        """The response's class."""
        return cast(
            "type[Response]", getattr(import_module(f"ottla.protocol.api.{self.module}"), f"{self.name}Response")
        )

    def __repr__(self) -> str:
        return f"<{self.name} {self.versions}>"


def _api(
    key: ApiKey,
    name: str,
    versions: str,
    flexible: str,
    listeners: frozenset[str],
    forwardable: bool = False,
    unstable: bool = False,
) -> Api:
    return Api(key, name, Versions.parse(versions), Versions.parse(flexible), listeners, forwardable, unstable)


_APIS = (
    # key, name, versions, flexible versions, listeners
    _api(ApiKey.PRODUCE, "Produce", "3-13", "9+", BROKER),
    _api(ApiKey.FETCH, "Fetch", "4-18", "12+", BOTH),
    _api(ApiKey.LIST_OFFSETS, "ListOffsets", "1-11", "6+", BROKER),
    _api(ApiKey.METADATA, "Metadata", "0-13", "9+", BROKER),
    _api(ApiKey.OFFSET_COMMIT, "OffsetCommit", "2-10", "8+", BROKER),
    _api(ApiKey.OFFSET_FETCH, "OffsetFetch", "1-10", "6+", BROKER),
    _api(ApiKey.FIND_COORDINATOR, "FindCoordinator", "0-6", "3+", BROKER),
    _api(ApiKey.JOIN_GROUP, "JoinGroup", "0-9", "6+", BROKER),
    _api(ApiKey.HEARTBEAT, "Heartbeat", "0-4", "4+", BROKER),
    _api(ApiKey.LEAVE_GROUP, "LeaveGroup", "0-5", "4+", BROKER),
    _api(ApiKey.SYNC_GROUP, "SyncGroup", "0-5", "4+", BROKER),
    _api(ApiKey.DESCRIBE_GROUPS, "DescribeGroups", "0-6", "5+", BROKER),
    _api(ApiKey.LIST_GROUPS, "ListGroups", "0-5", "3+", BROKER),
    _api(ApiKey.SASL_HANDSHAKE, "SaslHandshake", "0-1", "none", BOTH),
    _api(ApiKey.API_VERSIONS, "ApiVersions", "0-4", "3+", BOTH),
    _api(ApiKey.CREATE_TOPICS, "CreateTopics", "2-7", "5+", BOTH, forwardable=True),
    _api(ApiKey.DELETE_TOPICS, "DeleteTopics", "1-6", "4+", BOTH, forwardable=True),
    _api(ApiKey.DELETE_RECORDS, "DeleteRecords", "0-2", "2+", BROKER),
    _api(ApiKey.INIT_PRODUCER_ID, "InitProducerId", "0-6", "2+", BROKER, unstable=True),
    _api(ApiKey.OFFSET_FOR_LEADER_EPOCH, "OffsetForLeaderEpoch", "2-4", "4+", BROKER),
    _api(ApiKey.ADD_PARTITIONS_TO_TXN, "AddPartitionsToTxn", "0-5", "3+", BROKER),
    _api(ApiKey.ADD_OFFSETS_TO_TXN, "AddOffsetsToTxn", "0-4", "3+", BROKER),
    _api(ApiKey.END_TXN, "EndTxn", "0-5", "3+", BROKER),
    _api(ApiKey.WRITE_TXN_MARKERS, "WriteTxnMarkers", "1-2", "1+", BROKER),
    _api(ApiKey.TXN_OFFSET_COMMIT, "TxnOffsetCommit", "0-5", "3+", BROKER),
    _api(ApiKey.DESCRIBE_ACLS, "DescribeAcls", "1-3", "2+", BOTH),
    _api(ApiKey.CREATE_ACLS, "CreateAcls", "1-3", "2+", BOTH, forwardable=True),
    _api(ApiKey.DELETE_ACLS, "DeleteAcls", "1-3", "2+", BOTH, forwardable=True),
    _api(ApiKey.DESCRIBE_CONFIGS, "DescribeConfigs", "1-4", "4+", BOTH),
    _api(ApiKey.ALTER_CONFIGS, "AlterConfigs", "0-2", "2+", BOTH, forwardable=True),
    _api(ApiKey.ALTER_REPLICA_LOG_DIRS, "AlterReplicaLogDirs", "1-2", "2+", BROKER),
    _api(ApiKey.DESCRIBE_LOG_DIRS, "DescribeLogDirs", "1-5", "2+", BROKER),
    _api(ApiKey.SASL_AUTHENTICATE, "SaslAuthenticate", "0-2", "2+", BOTH),
    _api(ApiKey.CREATE_PARTITIONS, "CreatePartitions", "0-3", "2+", BOTH, forwardable=True),
    _api(ApiKey.CREATE_DELEGATION_TOKEN, "CreateDelegationToken", "1-3", "2+", BOTH, forwardable=True),
    _api(ApiKey.RENEW_DELEGATION_TOKEN, "RenewDelegationToken", "1-2", "2+", BOTH, forwardable=True),
    _api(ApiKey.EXPIRE_DELEGATION_TOKEN, "ExpireDelegationToken", "1-2", "2+", BOTH, forwardable=True),
    _api(ApiKey.DESCRIBE_DELEGATION_TOKEN, "DescribeDelegationToken", "1-3", "2+", BOTH),
    _api(ApiKey.DELETE_GROUPS, "DeleteGroups", "0-2", "2+", BROKER),
    _api(ApiKey.ELECT_LEADERS, "ElectLeaders", "0-2", "2+", BOTH, forwardable=True),
    _api(ApiKey.INCREMENTAL_ALTER_CONFIGS, "IncrementalAlterConfigs", "0-1", "1+", BOTH, forwardable=True),
    _api(ApiKey.ALTER_PARTITION_REASSIGNMENTS, "AlterPartitionReassignments", "0-1", "0+", BOTH, forwardable=True),
    _api(ApiKey.LIST_PARTITION_REASSIGNMENTS, "ListPartitionReassignments", "0-0", "0+", BOTH, forwardable=True),
    _api(ApiKey.OFFSET_DELETE, "OffsetDelete", "0-0", "none", BROKER),
    _api(ApiKey.DESCRIBE_CLIENT_QUOTAS, "DescribeClientQuotas", "0-1", "1+", BROKER),
    _api(ApiKey.ALTER_CLIENT_QUOTAS, "AlterClientQuotas", "0-1", "1+", BOTH, forwardable=True),
    _api(ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS, "DescribeUserScramCredentials", "0-0", "0+", BOTH),
    _api(ApiKey.ALTER_USER_SCRAM_CREDENTIALS, "AlterUserScramCredentials", "0-0", "0+", BOTH, forwardable=True),
    _api(ApiKey.VOTE, "Vote", "0-2", "0+", CONTROLLER),
    _api(ApiKey.BEGIN_QUORUM_EPOCH, "BeginQuorumEpoch", "0-1", "1+", CONTROLLER),
    _api(ApiKey.END_QUORUM_EPOCH, "EndQuorumEpoch", "0-1", "1+", CONTROLLER),
    _api(ApiKey.DESCRIBE_QUORUM, "DescribeQuorum", "0-2", "0+", BOTH, forwardable=True),
    _api(ApiKey.ALTER_PARTITION, "AlterPartition", "2-3", "0+", CONTROLLER),
    _api(ApiKey.UPDATE_FEATURES, "UpdateFeatures", "0-2", "0+", BOTH, forwardable=True),
    _api(ApiKey.ENVELOPE, "Envelope", "0-0", "0+", CONTROLLER),
    _api(ApiKey.FETCH_SNAPSHOT, "FetchSnapshot", "0-1", "0+", CONTROLLER),
    _api(ApiKey.DESCRIBE_CLUSTER, "DescribeCluster", "0-2", "0+", BOTH),
    _api(ApiKey.DESCRIBE_PRODUCERS, "DescribeProducers", "0-0", "0+", BROKER),
    _api(ApiKey.BROKER_REGISTRATION, "BrokerRegistration", "0-4", "0+", CONTROLLER),
    _api(ApiKey.BROKER_HEARTBEAT, "BrokerHeartbeat", "0-2", "0+", CONTROLLER),
    _api(ApiKey.UNREGISTER_BROKER, "UnregisterBroker", "0-0", "0+", BOTH, forwardable=True),
    _api(ApiKey.DESCRIBE_TRANSACTIONS, "DescribeTransactions", "0-0", "0+", BROKER),
    _api(ApiKey.LIST_TRANSACTIONS, "ListTransactions", "0-2", "0+", BROKER),
    _api(ApiKey.ALLOCATE_PRODUCER_IDS, "AllocateProducerIds", "0-0", "0+", CONTROLLER, forwardable=True),
    _api(ApiKey.CONSUMER_GROUP_HEARTBEAT, "ConsumerGroupHeartbeat", "0-1", "0+", BROKER),
    _api(ApiKey.CONSUMER_GROUP_DESCRIBE, "ConsumerGroupDescribe", "0-1", "0+", BROKER),
    _api(ApiKey.CONTROLLER_REGISTRATION, "ControllerRegistration", "0-0", "0+", CONTROLLER),
    _api(ApiKey.GET_TELEMETRY_SUBSCRIPTIONS, "GetTelemetrySubscriptions", "0-0", "0+", BROKER),
    _api(ApiKey.PUSH_TELEMETRY, "PushTelemetry", "0-0", "0+", BROKER),
    _api(ApiKey.ASSIGN_REPLICAS_TO_DIRS, "AssignReplicasToDirs", "0-0", "0+", CONTROLLER),
    _api(ApiKey.LIST_CONFIG_RESOURCES, "ListConfigResources", "0-1", "0+", BROKER),
    _api(ApiKey.DESCRIBE_TOPIC_PARTITIONS, "DescribeTopicPartitions", "0-0", "0+", BROKER),
    _api(ApiKey.SHARE_GROUP_HEARTBEAT, "ShareGroupHeartbeat", "1-1", "0+", BROKER),
    _api(ApiKey.SHARE_GROUP_DESCRIBE, "ShareGroupDescribe", "1-1", "0+", BROKER),
    _api(ApiKey.SHARE_FETCH, "ShareFetch", "1-2", "0+", BROKER),
    _api(ApiKey.SHARE_ACKNOWLEDGE, "ShareAcknowledge", "1-2", "0+", BROKER),
    _api(ApiKey.ADD_RAFT_VOTER, "AddRaftVoter", "0-1", "0+", BOTH, forwardable=True),
    _api(ApiKey.REMOVE_RAFT_VOTER, "RemoveRaftVoter", "0-0", "0+", BOTH, forwardable=True),
    _api(ApiKey.UPDATE_RAFT_VOTER, "UpdateRaftVoter", "0-0", "0+", CONTROLLER),
    _api(ApiKey.INITIALIZE_SHARE_GROUP_STATE, "InitializeShareGroupState", "0-0", "0+", BROKER),
    _api(ApiKey.READ_SHARE_GROUP_STATE, "ReadShareGroupState", "0-0", "0+", BROKER),
    _api(ApiKey.WRITE_SHARE_GROUP_STATE, "WriteShareGroupState", "0-1", "0+", BROKER),
    _api(ApiKey.DELETE_SHARE_GROUP_STATE, "DeleteShareGroupState", "0-0", "0+", BROKER),
    _api(ApiKey.READ_SHARE_GROUP_STATE_SUMMARY, "ReadShareGroupStateSummary", "0-1", "0+", BROKER),
    _api(ApiKey.STREAMS_GROUP_HEARTBEAT, "StreamsGroupHeartbeat", "0-0", "0+", BROKER),
    _api(ApiKey.STREAMS_GROUP_DESCRIBE, "StreamsGroupDescribe", "0-0", "0+", BROKER),
    _api(ApiKey.DESCRIBE_SHARE_GROUP_OFFSETS, "DescribeShareGroupOffsets", "0-1", "0+", BROKER),
    _api(ApiKey.ALTER_SHARE_GROUP_OFFSETS, "AlterShareGroupOffsets", "0-0", "0+", BROKER),
    _api(ApiKey.DELETE_SHARE_GROUP_OFFSETS, "DeleteShareGroupOffsets", "0-0", "0+", BROKER),
)

API: Final = MappingProxyType({api.key: api for api in _APIS})
"""Every API that Kafka 4.3 speaks, by key."""
