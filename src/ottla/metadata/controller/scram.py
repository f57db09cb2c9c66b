"""Making, changing and removing SCRAM credentials. KIP-554, 900; Kafka's `ScramControlManager`."""

from __future__ import annotations

from ottla.metadata.controller.result import ControllerResult, ControllerView
from ottla.metadata.record_serde import VersionedRecord
from ottla.protocol.api.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
    AlterUserScramCredentialsResponse,
    AlterUserScramCredentialsResult,
    ScramCredentialDeletion,
    ScramCredentialUpsertion,
)
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.remove_user_scram_credential_record import RemoveUserScramCredentialRecord
from ottla.protocol.metadata_record.user_scram_credential_record import UserScramCredentialRecord
from ottla.protocol.sasl.scram import MAX_ITERATIONS, MIN_ITERATIONS, ScramMechanism, credential_of


def alter_scram_credentials(
    view: ControllerView, request: AlterUserScramCredentialsRequest
) -> ControllerResult[AlterUserScramCredentialsResponse]:
    """Each user by itself: what is wrong with one of its credentials refuses all of them."""
    errors: dict[str, KafkaError | None] = {}
    changes: dict[tuple[int, str], VersionedRecord] = {}
    known = view.image.scram.credentials
    alterations: list[ScramCredentialDeletion | ScramCredentialUpsertion] = [*request.deletions, *request.upsertions]
    for alteration in alterations:
        name = alteration.name
        is_first = name not in errors
        errors.setdefault(name, None)
        try:
            mechanism = _mechanism(name, alteration.mechanism)
            key = (int(mechanism), name)
            if not is_first:
                raise KafkaError(
                    ErrorCode.DUPLICATE_RESOURCE, "A user credential cannot be altered twice in the same request"
                )
            if isinstance(alteration, ScramCredentialUpsertion):
                changes[key] = _upsert(mechanism, alteration)
            elif key not in known:
                raise KafkaError(
                    ErrorCode.RESOURCE_NOT_FOUND, "Attempt to delete a user credential that does not exist"
                )
            else:
                changes[key] = VersionedRecord(RemoveUserScramCredentialRecord(name=name, mechanism=mechanism))
        except KafkaError as error:
            errors[name] = errors[name] or error
    records = [record for (_, name), record in changes.items() if errors[name] is None]
    return ControllerResult(
        records,
        AlterUserScramCredentialsResponse(
            results=[
                AlterUserScramCredentialsResult(
                    user=name,
                    error_code=ErrorCode.NONE if error is None else error.code,
                    error_message=None if error is None else error.message,
                )
                for name, error in errors.items()
            ]
        ),
    )


def _mechanism(name: str, number: int) -> ScramMechanism:
    if not name:
        raise KafkaError(ErrorCode.UNACCEPTABLE_CREDENTIAL, "Username must not be empty")
    try:
        return ScramMechanism(number)
    except ValueError:
        raise KafkaError(ErrorCode.UNSUPPORTED_SASL_MECHANISM, "Unknown SCRAM mechanism") from None


def _upsert(mechanism: ScramMechanism, wanted: ScramCredentialUpsertion) -> VersionedRecord:
    if wanted.iterations < MIN_ITERATIONS:
        raise KafkaError(ErrorCode.UNACCEPTABLE_CREDENTIAL, "Too few iterations")
    if wanted.iterations > MAX_ITERATIONS:
        raise KafkaError(ErrorCode.UNACCEPTABLE_CREDENTIAL, "Too many iterations")
    if not wanted.salt:
        raise KafkaError(ErrorCode.UNACCEPTABLE_CREDENTIAL, "Empty salt")
    if not wanted.salted_password:
        raise KafkaError(ErrorCode.UNACCEPTABLE_CREDENTIAL, "Empty salted password")
    credential = credential_of(mechanism, wanted.salted_password, wanted.salt, wanted.iterations)
    return VersionedRecord(
        UserScramCredentialRecord(
            name=wanted.name,
            mechanism=mechanism,
            salt=credential.salt,
            stored_key=credential.stored_key,
            server_key=credential.server_key,
            iterations=credential.iterations,
        )
    )
