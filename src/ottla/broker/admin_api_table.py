"""The part that `api_table` and `controller_api_table` share: what an active controller decides, and SASL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ottla.protocol.api_keys import ApiKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.broker.authorizer.authorizer import Authorizer
    from ottla.broker.controller.shell import ControllerShell
    from ottla.broker.dynamic_config import DynamicServerConfig
    from ottla.broker.request_context import Handler
    from ottla.metadata.image import MetadataImage
    from ottla.runtime.config.server_config import ServerConfig


class AdminParts(Protocol):
    """What `Parts` and `ControllerParts` both have."""

    @property
    def config(self) -> ServerConfig: ...

    @property
    def controller(self) -> ControllerShell: ...

    @property
    def dynamic_config(self) -> DynamicServerConfig: ...

    @property
    def authorizer(self) -> Authorizer | None: ...

    def image(self) -> MetadataImage: ...


def _sasl_handshake(parts: AdminParts) -> Handler:
    from ottla.broker.apis.sasl_handshake import SaslHandshakeHandler

    return SaslHandshakeHandler()


def _sasl_authenticate(parts: AdminParts) -> Handler:
    from ottla.broker.apis.sasl_authenticate import SaslAuthenticateHandler

    return SaslAuthenticateHandler()


def _create_topics(parts: AdminParts) -> Handler:
    from ottla.broker.apis.create_topics import CreateTopicsHandler

    return CreateTopicsHandler(parts.controller)


def _delete_topics(parts: AdminParts) -> Handler:
    from ottla.broker.apis.delete_topics import DeleteTopicsHandler

    return DeleteTopicsHandler(parts.controller, enabled=parts.config.get_bool("delete.topic.enable"))


def _create_partitions(parts: AdminParts) -> Handler:
    from ottla.broker.apis.create_partitions import CreatePartitionsHandler

    return CreatePartitionsHandler(parts.controller)


def _elect_leaders(parts: AdminParts) -> Handler:
    from ottla.broker.apis.elect_leaders import ElectLeadersHandler

    return ElectLeadersHandler(parts.controller)


def _alter_partition_reassignments(parts: AdminParts) -> Handler:
    from ottla.broker.apis.alter_partition_reassignments import AlterPartitionReassignmentsHandler

    return AlterPartitionReassignmentsHandler(parts.controller)


def _list_partition_reassignments(parts: AdminParts) -> Handler:
    from ottla.broker.apis.list_partition_reassignments import ListPartitionReassignmentsHandler

    return ListPartitionReassignmentsHandler(parts.controller)


def _describe_configs(parts: AdminParts) -> Handler:
    from ottla.broker.apis.describe_configs import DescribeConfigsHandler

    return DescribeConfigsHandler(parts.controller, parts.dynamic_config, node_id=parts.config.node_id)


def _alter_client_quotas(parts: AdminParts) -> Handler:
    from ottla.broker.apis.alter_client_quotas import AlterClientQuotasHandler

    return AlterClientQuotasHandler(parts.controller)


def _update_features(parts: AdminParts) -> Handler:
    from ottla.broker.apis.update_features import UpdateFeaturesHandler

    return UpdateFeaturesHandler(parts.controller)


def _unregister_broker(parts: AdminParts) -> Handler:
    from ottla.broker.apis.unregister_broker import UnregisterBrokerHandler

    return UnregisterBrokerHandler(parts.controller)


def _describe_acls(parts: AdminParts) -> Handler:
    from ottla.broker.apis.describe_acls import DescribeAclsHandler

    return DescribeAclsHandler(parts.image, enabled=parts.authorizer is not None)


def _create_acls(parts: AdminParts) -> Handler:
    from ottla.broker.apis.create_acls import CreateAclsHandler

    return CreateAclsHandler(parts.controller, enabled=parts.authorizer is not None)


def _delete_acls(parts: AdminParts) -> Handler:
    from ottla.broker.apis.delete_acls import DeleteAclsHandler

    return DeleteAclsHandler(parts.controller, enabled=parts.authorizer is not None)


def _describe_user_scram_credentials(parts: AdminParts) -> Handler:
    from ottla.broker.apis.describe_user_scram_credentials import DescribeUserScramCredentialsHandler

    return DescribeUserScramCredentialsHandler(parts.image)


def _alter_user_scram_credentials(parts: AdminParts) -> Handler:
    from ottla.broker.apis.alter_user_scram_credentials import AlterUserScramCredentialsHandler

    return AlterUserScramCredentialsHandler(parts.controller)


def _create_delegation_token(parts: AdminParts) -> Handler:
    from ottla.broker.apis.create_delegation_token import CreateDelegationTokenHandler
    from ottla.broker.listener_security import token_settings

    return CreateDelegationTokenHandler(parts.controller, token_settings(parts.config))


def _renew_delegation_token(parts: AdminParts) -> Handler:
    from ottla.broker.apis.renew_delegation_token import RenewDelegationTokenHandler
    from ottla.broker.listener_security import token_settings

    return RenewDelegationTokenHandler(parts.controller, token_settings(parts.config))


def _expire_delegation_token(parts: AdminParts) -> Handler:
    from ottla.broker.apis.expire_delegation_token import ExpireDelegationTokenHandler
    from ottla.broker.listener_security import token_settings

    return ExpireDelegationTokenHandler(parts.controller, token_settings(parts.config))


def _describe_delegation_token(parts: AdminParts) -> Handler:
    from ottla.broker.apis.describe_delegation_token import DescribeDelegationTokenHandler
    from ottla.broker.listener_security import token_settings

    return DescribeDelegationTokenHandler(parts.image, token_settings(parts.config))


ADMIN_HANDLERS: dict[ApiKey, Callable[[AdminParts], Handler]] = {
    ApiKey.SASL_HANDSHAKE: _sasl_handshake,
    ApiKey.SASL_AUTHENTICATE: _sasl_authenticate,
    ApiKey.CREATE_TOPICS: _create_topics,
    ApiKey.DELETE_TOPICS: _delete_topics,
    ApiKey.CREATE_PARTITIONS: _create_partitions,
    ApiKey.ELECT_LEADERS: _elect_leaders,
    ApiKey.ALTER_PARTITION_REASSIGNMENTS: _alter_partition_reassignments,
    ApiKey.LIST_PARTITION_REASSIGNMENTS: _list_partition_reassignments,
    ApiKey.DESCRIBE_CONFIGS: _describe_configs,
    ApiKey.ALTER_CLIENT_QUOTAS: _alter_client_quotas,
    ApiKey.UPDATE_FEATURES: _update_features,
    ApiKey.UNREGISTER_BROKER: _unregister_broker,
    ApiKey.DESCRIBE_ACLS: _describe_acls,
    ApiKey.CREATE_ACLS: _create_acls,
    ApiKey.DELETE_ACLS: _delete_acls,
    ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS: _describe_user_scram_credentials,
    ApiKey.ALTER_USER_SCRAM_CREDENTIALS: _alter_user_scram_credentials,
    ApiKey.CREATE_DELEGATION_TOKEN: _create_delegation_token,
    ApiKey.RENEW_DELEGATION_TOKEN: _renew_delegation_token,
    ApiKey.EXPIRE_DELEGATION_TOKEN: _expire_delegation_token,
    ApiKey.DESCRIBE_DELEGATION_TOKEN: _describe_delegation_token,
}
