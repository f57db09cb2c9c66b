"""What a client of the registry can be told: the codes of the Confluent Schema Registry, each with its HTTP status.

A code of five digits has its status in its first three; one of three digits is the status itself.
"""

from __future__ import annotations

from typing import Final

SUBJECT_NOT_FOUND: Final = 40401
VERSION_NOT_FOUND: Final = 40402
SCHEMA_NOT_FOUND: Final = 40403
SUBJECT_SOFT_DELETED: Final = 40404
SUBJECT_NOT_SOFT_DELETED: Final = 40405
VERSION_SOFT_DELETED: Final = 40406
VERSION_NOT_SOFT_DELETED: Final = 40407
COMPATIBILITY_NOT_CONFIGURED: Final = 40408
MODE_NOT_CONFIGURED: Final = 40409
INCOMPATIBLE_SCHEMA: Final = 40901
INVALID_SCHEMA: Final = 42201
INVALID_VERSION: Final = 42202
INVALID_COMPATIBILITY_LEVEL: Final = 42203
INVALID_MODE: Final = 42204
OPERATION_NOT_PERMITTED: Final = 42205
REFERENCE_EXISTS: Final = 42206
INVALID_SUBJECT: Final = 42208
SCHEMA_TOO_LARGE: Final = 42209
INVALID_RULE_SET: Final = 42210
CONTEXT_NOT_EMPTY: Final = 42211
STORE_FAILED: Final = 50001
TIMED_OUT: Final = 50002
FORWARDING_FAILED: Final = 50003
UNKNOWN_LEADER: Final = 50004


class RegistryError(Exception):
    """A request that is refused, or that failed; `message` is what the client reads."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def status(self) -> int:
        return self.code if self.code < 1000 else self.code // 100

    @property
    def body(self) -> dict[str, object]:
        return {"error_code": self.code, "message": self.message}


def subject_not_found(subject: str) -> RegistryError:
    return RegistryError(SUBJECT_NOT_FOUND, f"Subject '{subject}' not found.")


def version_not_found(version: int) -> RegistryError:
    return RegistryError(VERSION_NOT_FOUND, f"Version {version} not found.")


def schema_not_found(which: int | str | None = None) -> RegistryError:
    return RegistryError(SCHEMA_NOT_FOUND, "Schema not found" if which is None else f"Schema {which} not found")


def invalid_schema(reason: str) -> RegistryError:
    return RegistryError(INVALID_SCHEMA, reason)


def read_only(subject: str | None) -> RegistryError:
    return RegistryError(OPERATION_NOT_PERMITTED, f"Subject {subject} is in read-only mode")


def reference_exists(subject: str, version: int) -> RegistryError:
    return RegistryError(REFERENCE_EXISTS, f"Other schemas refer to version {version} of subject '{subject}'")
