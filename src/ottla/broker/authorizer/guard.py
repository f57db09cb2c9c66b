"""A guard stands before the handler of one API: it takes out what may not be asked, and answers it as Kafka does.

    request ─► guard ─► what is allowed ─► handler ─► its answer, with what was refused put in

Guards are only there on a node with an authorizer. An API whose guard is missing is not served there at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from ottla.broker.request_context import Answer, Handler, RequestContext
from ottla.protocol.message import Response

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from ottla.broker.authorizer.authorizer import Authorizer

Guard: TypeAlias = Callable[["Authorizer", Handler, RequestContext, Any], Answer]
"""(authorizer, the handler behind it, context, request) -> the answer. It may change the request."""

R = TypeVar("R", bound=Response)
T = TypeVar("T")


def guarded(guard: Guard, authorizer: Authorizer, handler: Handler) -> Handler:
    def serve(context: RequestContext, request: Any) -> Answer:
        return guard(authorizer, handler, context, request)

    return serve


def then(answer: Answer, change: Callable[[R], R]) -> Answer:
    """The answer, changed: at once, or when it is there."""
    if answer is None:
        return None
    if isinstance(answer, Response):
        return change(cast("R", answer))
    return _later(answer, change)


async def _later(answer: Awaitable[Response | None], change: Callable[[R], R]) -> Response | None:
    response = await answer
    return None if response is None else change(cast("R", response))


def split(items: Iterable[T], allowed: Callable[[T], bool]) -> tuple[list[T], list[T]]:
    """(those that are allowed, those that are not), each in order."""
    good: list[T] = []
    bad: list[T] = []
    for item in items:
        (good if allowed(item) else bad).append(item)
    return good, bad
