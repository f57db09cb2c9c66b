"""What an administrator and a user with few rights ask of one node with SASL and an authorizer, and every answer.

The same notes must come from any two brokers: ids, times, texts and secrets are left out (`admin_scenarios.plain`).
After what succeeds to change the cluster comes a barrier; what alice is refused needs none.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

from tests.interop.admin_scenarios import plain
from tests.interop.barrier import until_applied
from tests.interop.connection import ANSWER_TIMEOUT_S, Connection

from ottla.metadata.acls import AclOperation, PatternType, PermissionType, ResourceType
from ottla.protocol.api import alter_client_quotas as quotas
from ottla.protocol.api import alter_user_scram_credentials as scram
from ottla.protocol.api import create_delegation_token as token
from ottla.protocol.api import delete_acls as deletion
from ottla.protocol.api import describe_client_quotas as quota_filter
from ottla.protocol.api import describe_user_scram_credentials as scram_users
from ottla.protocol.api.create_acls import AclCreation, CreateAclsRequest
from ottla.protocol.api.create_partitions import CreatePartitionsRequest, CreatePartitionsTopic
from ottla.protocol.api.create_topics import CreatableTopic, CreateTopicsRequest
from ottla.protocol.api.delete_groups import DeleteGroupsRequest
from ottla.protocol.api.delete_records import DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic
from ottla.protocol.api.delete_topics import DeleteTopicsRequest, DeleteTopicState
from ottla.protocol.api.describe_acls import DescribeAclsRequest
from ottla.protocol.api.describe_cluster import DescribeClusterRequest
from ottla.protocol.api.describe_configs import DescribeConfigsRequest, DescribeConfigsResource
from ottla.protocol.api.describe_delegation_token import DescribeDelegationTokenRequest, DescribeDelegationTokenResponse
from ottla.protocol.api.describe_groups import DescribeGroupsRequest
from ottla.protocol.api.describe_log_dirs import DescribeLogDirsRequest
from ottla.protocol.api.describe_quorum import DescribeQuorumRequest
from ottla.protocol.api.describe_topic_partitions import DescribeTopicPartitionsRequest, TopicRequest
from ottla.protocol.api.expire_delegation_token import ExpireDelegationTokenRequest
from ottla.protocol.api.find_coordinator import FindCoordinatorRequest
from ottla.protocol.api.heartbeat import HeartbeatRequest
from ottla.protocol.api.init_producer_id import InitProducerIdRequest
from ottla.protocol.api.join_group import JoinGroupRequest, JoinGroupRequestProtocol
from ottla.protocol.api.list_config_resources import ListConfigResourcesRequest
from ottla.protocol.api.list_groups import ListGroupsRequest
from ottla.protocol.api.list_offsets import ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic
from ottla.protocol.api.list_transactions import ListTransactionsRequest
from ottla.protocol.api.metadata import MetadataRequest, MetadataRequestTopic
from ottla.protocol.api.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
)
from ottla.protocol.api.offset_fetch import OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics
from ottla.protocol.api.renew_delegation_token import RenewDelegationTokenRequest
from ottla.protocol.api.sasl_authenticate import SaslAuthenticateRequest, SaslAuthenticateResponse
from ottla.protocol.api.sasl_handshake import SaslHandshakeRequest, SaslHandshakeResponse
from ottla.protocol.api_keys import API, ApiKey

if TYPE_CHECKING:
    from ottla.protocol.message import Request, Response

PASSWORDS = {"admin": "admin-secret", "alice": "alice-secret"}
SETTINGS = {
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:SASL_PLAINTEXT",
    "sasl.enabled.mechanisms": "PLAIN",
    "sasl.mechanism.inter.broker.protocol": "PLAIN",
    "listener.name.plaintext.plain.sasl.jaas.config": (
        "org.apache.kafka.common.security.plain.PlainLoginModule required "
        'username="admin" password="admin-secret" user_admin="admin-secret" user_alice="alice-secret";'
    ),
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:admin;User:ANONYMOUS",
    "delegation.token.secret.key": "a secret of this cluster",
}
"""Of a node of either kind; its only listener keeps its name."""
TOKEN_FACTS = {"hmac", "token_id", "issue_timestamp_ms", "expiry_timestamp_ms", "max_timestamp_ms"}


class Client:
    def __init__(self, connection: Connection, notes: list[str], name: str) -> None:
        self._connection = connection
        self._notes = notes
        self._name = name

    @classmethod
    async def log_in(cls, address: str, notes: list[str], name: str) -> Self:
        connection = await Connection.open(address)
        await connection.ask(SaslHandshakeRequest(mechanism="PLAIN"), 1, SaslHandshakeResponse)
        secret = SaslAuthenticateRequest(auth_bytes=f"\0{name}\0{PASSWORDS[name]}".encode())
        answer = await connection.ask(secret, 2, SaslAuthenticateResponse)
        assert answer.error_code == 0
        return cls(connection, notes, name)

    async def ask(self, request: Request, version: int | None = None) -> Any:
        if version is None:
            version = API[ApiKey(request.api_key)].stable_versions.latest
        kind: type[Response] = API[ApiKey(request.api_key)].response
        answer = await asyncio.wait_for(self._connection.ask(request, version, kind), ANSWER_TIMEOUT_S)
        told = plain(answer)
        if isinstance(told, dict):
            for fact in TOKEN_FACTS & told.keys():
                told[fact] = bool(told[fact]) if fact in ("hmac", "token_id") else told[fact] == -1
        if "Log" not in type(request).__name__ or not getattr(answer, "results", None):
            self._notes.append(f"{self._name}: {type(request).__name__} v{version}: {told}")
        return answer

    async def count_tokens(self) -> int:
        request = DescribeDelegationTokenRequest(owners=None)
        answer = await self._connection.ask(request, 3, DescribeDelegationTokenResponse)
        return len(answer.tokens)

    async def settle(self) -> None:
        """Until the broker knows what its controller acknowledged; an administrator's only. Nothing is noted."""
        await until_applied(self._connection)

    def note(self, text: str) -> None:
        self._notes.append(f"{self._name}: {text}")

    def close(self) -> None:
        self._connection.close()


def acl(name: str, operation: int, **other: Any) -> AclCreation:
    made = AclCreation(
        resource_type=ResourceType.TOPIC,
        resource_name=name,
        resource_pattern_type=PatternType.LITERAL,
        principal="User:alice",
        host="*",
        operation=operation,
        permission_type=PermissionType.ALLOW,
    )
    for key, value in other.items():
        setattr(made, key, value)
    return made


async def play(address: str) -> list[str]:
    notes: list[str] = []
    admin = await Client.log_in(address, notes, "admin")
    alice = await Client.log_in(address, notes, "alice")
    try:
        await admin.ask(creation("mine", "theirs"))
        await admin.settle()
        await everything(alice)
        await acls(admin)
        await everything(alice)
        await credentials(admin)
        await tokens(admin, alice)
        await client_quotas(admin)
        return notes
    finally:
        admin.close()
        alice.close()


def creation(*names: str) -> CreateTopicsRequest:
    topics = [
        CreatableTopic(name=name, num_partitions=1, replication_factor=1, assignments=[], configs=[]) for name in names
    ]
    return CreateTopicsRequest(topics=topics)


async def everything(client: Client) -> None:
    """Requests about a topic that may become readable, one that does not, and one that is not there."""
    names = ("mine", "theirs", "nobodys")
    topics = [MetadataRequestTopic(name=name) for name in names]
    await client.ask(MetadataRequest(topics=topics, allow_auto_topic_creation=False))
    await client.ask(MetadataRequest(topics=topics, allow_auto_topic_creation=True))
    await client.ask(MetadataRequest(topics=None, include_topic_authorized_operations=True))
    await client.ask(MetadataRequest(topics=None, include_cluster_authorized_operations=True), 10)
    await client.ask(DescribeClusterRequest(include_cluster_authorized_operations=True))
    await client.ask(DescribeTopicPartitionsRequest(topics=[TopicRequest(name=name) for name in names]))
    await client.ask(DescribeTopicPartitionsRequest(topics=[]))
    wanted = [ListOffsetsPartition(partition_index=0, timestamp=-1)]
    await client.ask(
        ListOffsetsRequest(
            replica_id=-1, topics=[ListOffsetsTopic(name=name, partitions=list(wanted)) for name in names]
        )
    )
    await client.ask(
        DeleteRecordsRequest(
            topics=[
                DeleteRecordsTopic(name=name, partitions=[DeleteRecordsPartition(partition_index=0, offset=0)])
                for name in names
            ],
            timeout_ms=1000,
        )
    )
    await client.ask(creation("new", "mine"))
    await client.ask(DeleteTopicsRequest(topics=[DeleteTopicState(name="theirs", topic_id=bytes(16))], timeout_ms=1000))
    growth = [CreatePartitionsTopic(name=name, count=1, assignments=None) for name in names]
    await client.ask(CreatePartitionsRequest(topics=growth, timeout_ms=1000, validate_only=True))
    resources = [(2, "theirs"), (4, "1"), (16, "m"), (32, "g")]
    await client.ask(
        DescribeConfigsRequest(
            resources=[
                DescribeConfigsResource(resource_type=kind, resource_name=name, configuration_keys=["retention.ms"])
                for kind, name in resources
            ]
        )
    )
    await groups(client)
    for request in (
        ListConfigResourcesRequest(),
        DescribeLogDirsRequest(topics=None),
        DescribeQuorumRequest(topics=[]),
        ListTransactionsRequest(state_filters=[], producer_id_filters=[]),
        acl_filter(),
        CreateAclsRequest(creations=[acl("x", AclOperation.READ)] * 2),
        deletion.DeleteAclsRequest(filters=[]),
        scram_users.DescribeUserScramCredentialsRequest(users=[scram_users.UserName(name="x")]),
        scram.AlterUserScramCredentialsRequest(
            deletions=[scram.ScramCredentialDeletion(name="x", mechanism=1)], upsertions=[]
        ),
        quota_filter.DescribeClientQuotasRequest(components=[], strict=False),
        quotas.AlterClientQuotasRequest(entries=[quota({"user": "x"}, "request_percentage", 1.0)], validate_only=False),
    ):
        await client.ask(request)
    producer = await client.ask(InitProducerIdRequest(transactional_id="t", transaction_timeout_ms=1000))
    assert producer.error_code


async def groups(client: Client) -> None:
    await client.ask(FindCoordinatorRequest(key_type=0, coordinator_keys=["theirs"]))
    await client.ask(FindCoordinatorRequest(key_type=1, coordinator_keys=["t"]))
    await client.ask(FindCoordinatorRequest(key_type=0, key="theirs"), 3)
    protocols = [JoinGroupRequestProtocol(name="range", metadata=b"")]
    for version in (5, 9):
        await client.ask(
            JoinGroupRequest(
                group_id="theirs", session_timeout_ms=9000, member_id="", protocol_type="consumer", protocols=protocols
            ),
            version,
        )
    await client.ask(HeartbeatRequest(group_id="theirs", generation_id=1, member_id="m"))
    await client.ask(ListGroupsRequest())
    await client.ask(DescribeGroupsRequest(groups=["theirs"], include_authorized_operations=True))
    await client.ask(DeleteGroupsRequest(groups_names=["theirs"]))
    partitions = [OffsetCommitRequestPartition(partition_index=0, committed_offset=1, committed_metadata="")]
    await client.ask(
        OffsetCommitRequest(
            group_id="theirs", member_id="", topics=[OffsetCommitRequestTopic(name="mine", partitions=partitions)]
        ),
        9,
    )
    await client.ask(
        OffsetFetchRequest(
            groups=[
                OffsetFetchRequestGroup(
                    group_id="theirs", topics=[OffsetFetchRequestTopics(name="mine", partition_indexes=[0])]
                )
            ]
        ),
        9,
    )


def acl_filter(**other: Any) -> DescribeAclsRequest:
    made = DescribeAclsRequest(
        resource_type_filter=ResourceType.ANY,
        resource_name_filter=None,
        pattern_type_filter=PatternType.ANY,
        principal_filter=None,
        host_filter=None,
        operation=AclOperation.ANY,
        permission_type=PermissionType.ANY,
    )
    for key, value in other.items():
        setattr(made, key, value)
    return made


async def acls(admin: Client) -> None:
    read, op = AclOperation.READ, AclOperation
    await admin.ask(CreateAclsRequest(creations=[acl("mine", read), acl("mine", read), acl("mine", op.ALTER_CONFIGS)]))
    wrong = [
        acl("", read),
        acl("cluster", op.ALTER, resource_type=ResourceType.CLUSTER),
        acl("x", read, principal="alice"),
        acl("gone", read, resource_pattern_type=PatternType.PREFIXED),
    ]
    for one in wrong:
        await admin.ask(CreateAclsRequest(creations=[one]))
    await admin.settle()
    for wanted in (
        acl_filter(),
        acl_filter(resource_name_filter="mine", pattern_type_filter=PatternType.MATCH),
        acl_filter(principal_filter="User:bob"),
        acl_filter(pattern_type_filter=PatternType.PREFIXED),
    ):
        await admin.ask(wanted)
    gone = deletion.DeleteAclsFilter(
        resource_type_filter=ResourceType.TOPIC,
        resource_name_filter="gone-by",
        pattern_type_filter=PatternType.MATCH,
        principal_filter=None,
        host_filter=None,
        operation=AclOperation.ANY,
        permission_type=PermissionType.ANY,
    )
    await admin.ask(deletion.DeleteAclsRequest(filters=[gone]))
    await admin.settle()
    await admin.ask(acl_filter())


async def credentials(admin: Client) -> None:
    def upsert(name: str, mechanism: int = 1, iterations: int = 4096, salt: bytes = b"salt") -> Any:
        return scram.ScramCredentialUpsertion(
            name=name, mechanism=mechanism, iterations=iterations, salt=salt, salted_password=b"p" * 32
        )

    for upsertions in (
        [upsert("bob"), upsert("bob", 2)],
        [upsert(""), upsert("a", 3), upsert("b", 1, 4095), upsert("c", 1, 16385)],
        [upsert("d"), upsert("d")],
    ):
        await admin.ask(scram.AlterUserScramCredentialsRequest(deletions=[], upsertions=upsertions))
    gone = [scram.ScramCredentialDeletion(name=name, mechanism=1) for name in ("bob", "nobody")]
    await admin.ask(scram.AlterUserScramCredentialsRequest(deletions=gone, upsertions=[]))
    await admin.settle()
    for names in (None, [], ["bob"], ["nobody"], ["bob", "bob"]):
        users = None if names is None else [scram_users.UserName(name=name) for name in names]
        await admin.ask(scram_users.DescribeUserScramCredentialsRequest(users=users))


async def tokens(admin: Client, alice: Client) -> None:
    def wanted(owner: str = "", renewer: str = "User") -> token.CreateDelegationTokenRequest:
        return token.CreateDelegationTokenRequest(
            owner_principal_type="User" if owner else "",
            owner_principal_name=owner,
            renewers=[token.CreatableRenewers(principal_type=renewer, principal_name="bob")],
            max_lifetime_ms=-1,
        )

    await alice.ask(wanted("bob"))
    await alice.ask(wanted(renewer="Group"))
    made = await alice.ask(wanted())
    assert made.error_code == 0
    await admin.settle()
    for client in (admin, alice):
        await client.ask(RenewDelegationTokenRequest(hmac=b"unknown", renew_period_ms=-1))
        await client.ask(RenewDelegationTokenRequest(hmac=made.hmac, renew_period_ms=-1))
        await client.ask(ExpireDelegationTokenRequest(hmac=b"unknown", expiry_time_period_ms=-1))
    await admin.settle()
    for client in (admin, alice):
        client.note(f"sees {await client.count_tokens()} tokens")
    await alice.ask(ExpireDelegationTokenRequest(hmac=made.hmac, expiry_time_period_ms=-1))
    await admin.settle()
    await alice.ask(DescribeDelegationTokenRequest(owners=None))


def quota(entity: dict[str, str | None], key: str, value: float) -> quotas.AlterClientQuotasRequestEntryData:
    return quotas.AlterClientQuotasRequestEntryData(
        entity=[quotas.EntityData(entity_type=kind, entity_name=name) for kind, name in entity.items()],
        ops=[quotas.OpData(key=key, value=value, remove=False)],
    )


async def client_quotas(admin: Client) -> None:
    for entry in (
        quota({"user": "alice"}, "producer_byte_rate", 1e9),
        quota({"user": None, "client-id": "c"}, "consumer_byte_rate", 1e9),
        quota({}, "consumer_byte_rate", 1.0),
        quota({"group": "g"}, "consumer_byte_rate", 1.0),
        quota({"user": ""}, "consumer_byte_rate", 1.0),
        quota({"user": "x", "ip": "127.0.0.1"}, "connection_creation_rate", 1.0),
        quota({"user": "x"}, "nothing", 1.0),
        quota({"user": "x"}, "producer_byte_rate", -1.0),
        quota({"user": "x"}, "producer_byte_rate", 1.5),
        quota({"ip": "127.0.0.1"}, "producer_byte_rate", 1.0),
    ):
        await admin.ask(quotas.AlterClientQuotasRequest(entries=[entry], validate_only=False))
    await admin.settle()
    for strict in (False, True):
        for kind, how, name in (("user", 0, "alice"), ("user", 1, None), ("client-id", 2, None), ("group", 2, None)):
            component = quota_filter.ComponentData(entity_type=kind, match_type=how, match=name)
            await admin.ask(quota_filter.DescribeClientQuotasRequest(components=[component], strict=strict))
