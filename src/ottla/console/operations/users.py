"""SCRAM users (KIP-554): who is there, give one a password, take it away. A password never leaves this machine."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ottla.clients.client import KafkaClient
from ottla.console.operations.near_names import did_you_mean
from ottla.protocol.api.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
    AlterUserScramCredentialsResponse,
    ScramCredentialDeletion,
    ScramCredentialUpsertion,
)
from ottla.protocol.api.describe_user_scram_credentials import (
    DescribeUserScramCredentialsRequest,
    DescribeUserScramCredentialsResponse,
    UserName,
)
from ottla.protocol.errors import ErrorCode, KafkaError, error_code
from ottla.protocol.sasl.scram import SCRAM_MECHANISMS, ScramMechanism, salted_password

DEFAULT_MECHANISM = "SCRAM-SHA-512"
DEFAULT_ITERATIONS = 8192
_SALT_BYTES = 24


@dataclass(frozen=True, slots=True, order=True)
class Credential:
    """That a user can log in by this mechanism; the secret itself no broker tells."""

    user: str
    mechanism: str
    iterations: int


async def list_users(client: KafkaClient, names: Sequence[str] = ()) -> list[Credential]:
    """All, or these. `KafkaError(RESOURCE_NOT_FOUND)` names a user who is not there, and near ones."""
    request = DescribeUserScramCredentialsRequest(users=[UserName(name=name) for name in names] or None)
    response = await client.send_any(request, DescribeUserScramCredentialsResponse)
    if response.error_code != ErrorCode.NONE:
        raise KafkaError(error_code(response.error_code), response.error_message or "the users cannot be listed")
    for result in response.results:
        if result.error_code == ErrorCode.RESOURCE_NOT_FOUND:
            raise await _unknown_user(client, result.user)
        if result.error_code != ErrorCode.NONE:
            raise KafkaError(error_code(result.error_code), result.error_message or f"user '{result.user}'")
    return sorted(
        Credential(result.user, ScramMechanism(info.mechanism).mechanism_name, info.iterations)
        for result in response.results
        for info in result.credential_infos
    )


async def set_password(
    client: KafkaClient,
    name: str,
    password: str,
    *,
    mechanism: str = DEFAULT_MECHANISM,
    iterations: int = DEFAULT_ITERATIONS,
) -> None:
    """Make the user, or replace the password for this mechanism. The broker gets a salted hash, not the password."""
    kind, salt = SCRAM_MECHANISMS[mechanism], os.urandom(_SALT_BYTES)
    upsertion = ScramCredentialUpsertion(
        name=name,
        mechanism=kind,
        iterations=iterations,
        salt=salt,
        salted_password=salted_password(kind, password, salt, iterations),
    )
    await _alter(client, AlterUserScramCredentialsRequest(deletions=[], upsertions=[upsertion]))


async def delete_user(client: KafkaClient, name: str, mechanisms: Iterable[str] = ()) -> list[str]:
    """By these mechanisms, or all that the user has; returns which those were."""
    wanted = list(mechanisms) or [each.mechanism for each in await list_users(client, [name])]
    deletions = [ScramCredentialDeletion(name=name, mechanism=SCRAM_MECHANISMS[each]) for each in wanted]
    await _alter(client, AlterUserScramCredentialsRequest(deletions=deletions, upsertions=[]))
    return wanted


async def _alter(client: KafkaClient, request: AlterUserScramCredentialsRequest) -> None:
    response = await client.send_any(request, AlterUserScramCredentialsResponse)
    for result in response.results:
        if result.error_code == ErrorCode.RESOURCE_NOT_FOUND:
            raise await _unknown_user(client, result.user)
        if result.error_code != ErrorCode.NONE:
            raise KafkaError(error_code(result.error_code), result.error_message or f"user '{result.user}'")


async def _unknown_user(client: KafkaClient, name: str) -> KafkaError:
    names = sorted({each.user for each in await list_users(client)} - {name})
    text = f"there is no user '{name}' with such a password.{did_you_mean(name, names)}"
    return KafkaError(ErrorCode.RESOURCE_NOT_FOUND, text)
