"""What the ACLs of the cluster itself allow or refuse as a whole: ACLs, quotas, credentials, log directories, the
quorum. `CLUSTER_AUTHORIZATION_FAILED` stands wherever the API has a place for errors. Kafka's `KafkaApis`,
`ControllerApis`, and `getErrorResponse` of the requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.broker.authorizer.guard import Guard, then
from ottla.metadata.acls import AclOperation, ResourceType
from ottla.protocol.api_keys import API, ApiKey
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.broker.authorizer.authorizer import Authorizer
    from ottla.broker.request_context import Answer, Handler, RequestContext
    from ottla.protocol.message import Response

REFUSED: Final = ErrorCode.CLUSTER_AUTHORIZATION_FAILED
TEXT: Final = REFUSED.message


def _whole(context: RequestContext, request: object) -> Response:
    """An error of the whole answer, with its text where there is a place for one."""
    response_class: type[Response] = API[ApiKey(context.api_key)].response
    fields: dict[str, Any] = {"error_code": REFUSED}
    if any(field.name == "error_message" for field in response_class.schema):
        fields["error_message"] = TEXT
    return response_class(**fields)


def _create_acls(context: RequestContext, request: Any) -> Response:
    from ottla.protocol.api.create_acls import AclCreationResult, CreateAclsResponse

    return CreateAclsResponse(
        results=[AclCreationResult(error_code=REFUSED, error_message=TEXT) for _ in request.creations]
    )


def _delete_acls(context: RequestContext, request: Any) -> Response:
    from ottla.protocol.api.delete_acls import DeleteAclsFilterResult, DeleteAclsResponse

    return DeleteAclsResponse(
        filter_results=[
            DeleteAclsFilterResult(error_code=REFUSED, error_message=TEXT, matching_acls=[]) for _ in request.filters
        ]
    )


def _alter_client_quotas(context: RequestContext, request: Any) -> Response:
    from ottla.protocol.api.alter_client_quotas import (
        AlterClientQuotasResponse,
        AlterClientQuotasResponseEntryData,
        EntityData,
    )

    return AlterClientQuotasResponse(
        entries=[
            AlterClientQuotasResponseEntryData(
                error_code=REFUSED,
                error_message=TEXT,
                entity=[
                    EntityData(entity_type=part.entity_type, entity_name=part.entity_name) for part in entry.entity
                ],
            )
            for entry in request.entries
        ]
    )


def _describe_client_quotas(context: RequestContext, request: Any) -> Response:
    from ottla.protocol.api.describe_client_quotas import DescribeClientQuotasResponse

    return DescribeClientQuotasResponse(error_code=REFUSED, error_message=None, entries=None)


def _describe_scram(context: RequestContext, request: Any) -> Response:
    from ottla.protocol.api.describe_user_scram_credentials import (
        DescribeUserScramCredentialsResponse,
        DescribeUserScramCredentialsResult,
    )

    nobody = DescribeUserScramCredentialsResult(user="", error_code=REFUSED, error_message=None, credential_infos=[])
    return DescribeUserScramCredentialsResponse(
        error_code=REFUSED, error_message=None, results=[nobody for _ in request.users or ()]
    )


def _alter_scram(context: RequestContext, request: Any) -> Response:
    from ottla.protocol.api.alter_user_scram_credentials import (
        AlterUserScramCredentialsResponse,
        AlterUserScramCredentialsResult,
    )

    users = sorted({one.name for one in (*request.deletions, *request.upsertions)})
    return AlterUserScramCredentialsResponse(
        results=[AlterUserScramCredentialsResult(user=user, error_code=REFUSED, error_message=TEXT) for user in users]
    )


def _alter_replica_log_dirs(context: RequestContext, request: Any) -> Response:
    from ottla.protocol.api import alter_replica_log_dirs as moved

    return moved.AlterReplicaLogDirsResponse(
        results=[
            moved.AlterReplicaLogDirTopicResult(
                topic_name=topic.name,
                partitions=[
                    moved.AlterReplicaLogDirPartitionResult(partition_index=index, error_code=REFUSED)
                    for index in topic.partitions
                ],
            )
            for directory in request.dirs
            for topic in directory.topics
        ]
    )


def _elect_leaders(context: RequestContext, request: Any) -> Response:
    from ottla.protocol.api import elect_leaders as elected

    return elected.ElectLeadersResponse(
        error_code=REFUSED if context.api_version >= 1 else 0,
        replica_election_results=[
            elected.ReplicaElectionResult(
                topic=topic.topic,
                partition_result=[
                    elected.PartitionResult(partition_id=index, error_code=REFUSED, error_message=TEXT)
                    for index in topic.partitions
                ],
            )
            for topic in request.topic_partitions or ()
        ],
    )


def _alter_reassignments(context: RequestContext, request: Any) -> Response:
    from ottla.protocol.api import alter_partition_reassignments as moved

    return moved.AlterPartitionReassignmentsResponse(
        error_code=REFUSED,
        error_message=TEXT,
        responses=[
            moved.ReassignableTopicResponse(
                name=topic.name,
                partitions=[
                    moved.ReassignablePartitionResponse(
                        partition_index=one.partition_index, error_code=REFUSED, error_message=TEXT
                    )
                    for one in topic.partitions
                ],
            )
            for topic in request.topics
        ],
    )


def needs(operation: int, refuse: Callable[[RequestContext, Any], Response] = _whole) -> Guard:
    """A guard that lets through who may do `operation` to the cluster."""

    def guard(authorizer: Authorizer, handler: Handler, context: RequestContext, request: Any) -> Answer:
        if authorizer.allows_cluster(context, operation):
            return handler(context, request)
        return refuse(context, request)

    return guard


def guard_create_token(authorizer: Authorizer, handler: Handler, context: RequestContext, request: Any) -> Answer:
    """For oneself without an ACL; for another owner with CREATE_TOKENS of that user (KIP-373)."""
    if request.owner_principal_name:
        owner = f"{request.owner_principal_type}:{request.owner_principal_name}"
        if owner != context.principal and not authorizer.allows(
            context, AclOperation.CREATE_TOKENS, ResourceType.USER, owner
        ):
            from ottla.protocol.api.create_delegation_token import CreateDelegationTokenResponse

            kind, _, name = context.principal.partition(":")
            return CreateDelegationTokenResponse(
                error_code=ErrorCode.DELEGATION_TOKEN_AUTHORIZATION_FAILED,
                principal_type=request.owner_principal_type,
                principal_name=request.owner_principal_name,
                token_requester_principal_type=kind,
                token_requester_principal_name=name,
                issue_timestamp_ms=-1,
                expiry_timestamp_ms=-1,
                max_timestamp_ms=-1,
                token_id="",
                hmac=b"",
            )
    return handler(context, request)


def guard_describe_tokens(authorizer: Authorizer, handler: Handler, context: RequestContext, request: Any) -> Answer:
    """One's own, those that one may renew, those with DESCRIBE by their id or DESCRIBE_TOKENS of their owner."""

    def may_see(token: Any) -> bool:
        owner = f"{token.principal_type}:{token.principal_name}"
        involved = {owner, f"{token.token_requester_principal_type}:{token.token_requester_principal_name}"}
        involved |= {f"{one.principal_type}:{one.principal_name}" for one in token.renewers}
        return (
            context.principal in involved
            or authorizer.allows(context, AclOperation.DESCRIBE, ResourceType.DELEGATION_TOKEN, token.token_id)
            or authorizer.allows(context, AclOperation.DESCRIBE_TOKENS, ResourceType.USER, owner)
        )

    def leave_out(response: Any) -> Any:
        response.tokens = [token for token in response.tokens if may_see(token)]
        return response

    return then(handler(context, request), leave_out)


def guard_nothing(authorizer: Authorizer, handler: Handler, context: RequestContext, request: Any) -> Answer:
    """Everybody who is connected may ask."""
    return handler(context, request)


GUARDS: dict[ApiKey, Guard] = {
    ApiKey.API_VERSIONS: guard_nothing,
    ApiKey.SASL_HANDSHAKE: guard_nothing,
    ApiKey.SASL_AUTHENTICATE: guard_nothing,
    ApiKey.GET_TELEMETRY_SUBSCRIPTIONS: guard_nothing,
    ApiKey.PUSH_TELEMETRY: guard_nothing,
    ApiKey.RENEW_DELEGATION_TOKEN: guard_nothing,  # the owner and the renewers may; the handler knows them
    ApiKey.EXPIRE_DELEGATION_TOKEN: guard_nothing,
    ApiKey.CREATE_DELEGATION_TOKEN: guard_create_token,
    ApiKey.DESCRIBE_DELEGATION_TOKEN: guard_describe_tokens,
    ApiKey.DESCRIBE_ACLS: needs(AclOperation.DESCRIBE),
    ApiKey.CREATE_ACLS: needs(AclOperation.ALTER, _create_acls),
    ApiKey.DELETE_ACLS: needs(AclOperation.ALTER, _delete_acls),
    ApiKey.DESCRIBE_CLIENT_QUOTAS: needs(AclOperation.DESCRIBE_CONFIGS, _describe_client_quotas),
    ApiKey.ALTER_CLIENT_QUOTAS: needs(AclOperation.ALTER_CONFIGS, _alter_client_quotas),
    ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS: needs(AclOperation.DESCRIBE, _describe_scram),
    ApiKey.ALTER_USER_SCRAM_CREDENTIALS: needs(AclOperation.ALTER, _alter_scram),
    ApiKey.DESCRIBE_LOG_DIRS: needs(AclOperation.DESCRIBE),
    ApiKey.ALTER_REPLICA_LOG_DIRS: needs(AclOperation.ALTER, _alter_replica_log_dirs),
    ApiKey.ELECT_LEADERS: needs(AclOperation.ALTER, _elect_leaders),
    ApiKey.ALTER_PARTITION_REASSIGNMENTS: needs(AclOperation.ALTER, _alter_reassignments),
    ApiKey.LIST_PARTITION_REASSIGNMENTS: needs(AclOperation.DESCRIBE),
    ApiKey.UPDATE_FEATURES: needs(AclOperation.ALTER),
    ApiKey.DESCRIBE_QUORUM: needs(AclOperation.DESCRIBE),
    ApiKey.UNREGISTER_BROKER: needs(AclOperation.ALTER),
    ApiKey.ADD_RAFT_VOTER: needs(AclOperation.ALTER),
    ApiKey.REMOVE_RAFT_VOTER: needs(AclOperation.ALTER),
    ApiKey.LIST_CONFIG_RESOURCES: needs(AclOperation.DESCRIBE_CONFIGS),
}
