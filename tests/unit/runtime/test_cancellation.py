"""A loop that goes on after failures ends when it is cancelled, even where a failure hides the cancellation."""

from __future__ import annotations

import asyncio

from ottla.clients.client import KafkaClient
from ottla.clients.errors import RetriableError
from ottla.mirror.keep_running import keep_running
from ottla.mirror.progress import FlowProgress
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.runtime.cancellation import raise_if_cancelled
from ottla.runtime.sockets import SocketNetwork


class Pair:
    """Two that are waited for together, and how often."""

    def __init__(self) -> None:
        self.first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.second: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.begun = asyncio.Event()
        self.times = 0

    async def both(self) -> None:
        self.times += 1
        self.begun.set()
        await asyncio.gather(self.first, self.second)


async def ended(task: asyncio.Task[None], pair: Pair, failure: Exception) -> bool:
    """It is cancelled in the moment in which one of the two has failed."""
    await pair.begun.wait()
    pair.first.set_exception(failure)
    task.cancel()
    await asyncio.wait((task,), timeout=30)
    return task.cancelled()


async def test_the_race_is_there() -> None:
    pair, seen = Pair(), []

    async def work() -> None:
        try:
            await pair.both()
        except KafkaError as error:
            seen.append(error.code)
            raise_if_cancelled()

    assert await ended(asyncio.ensure_future(work()), pair, KafkaError(ErrorCode.PRODUCER_FENCED))
    assert seen == [ErrorCode.PRODUCER_FENCED]


async def test_what_is_kept_running_ends() -> None:
    pair = Pair()
    task = asyncio.ensure_future(keep_running("work", pair.both, FlowProgress("a->b")))
    assert await ended(task, pair, KafkaError(ErrorCode.PRODUCER_FENCED))
    assert pair.times == 1


async def test_what_a_client_tries_again_ends() -> None:
    pair = Pair()
    client = KafkaClient(SocketNetwork(asyncio.get_running_loop()), "127.0.0.1:1")
    task = asyncio.ensure_future(client.retry(pair.both))
    assert await ended(task, pair, RetriableError("later"))
    assert pair.times == 1


async def test_who_is_not_cancelled_goes_on() -> None:
    raise_if_cancelled()
