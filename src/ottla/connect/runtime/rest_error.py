"""What the REST API answers with another status than 200 (`ConnectRestException`)."""

from __future__ import annotations

from ottla.connect.api.errors import ConnectError


class RestError(ConnectError):
    """`{"error_code": …, "message": …}` under that status."""

    def __init__(self, status: int, message: str, *, error_code: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.error_code = status if error_code is None else error_code


class BadRequestError(RestError):
    def __init__(self, message: str) -> None:
        super().__init__(400, message)


class NotLeaderError(ConnectError):
    """Another worker has to do it: `url` is where it is reached, `None` while nobody knows."""

    def __init__(self, message: str, url: str | None) -> None:
        super().__init__(message)
        self.url = url


class RebalanceNeededError(ConnectError):
    """What this worker knows is older than what the group has agreed on."""
