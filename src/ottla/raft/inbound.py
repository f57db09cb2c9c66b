"""A request of another replica, or of an administrator, as consensus gets it."""

from typing import NamedTuple

from ottla.protocol.message import Request


class Inbound(NamedTuple):
    token: int
    """The shell's: the answer is an effect `Reply` with it, at once or later."""
    request: Request
    api_version: int
    listener: str
    """The name of the listener that it came by: the leader's endpoint is told of the same."""
