"""Something that is shown again and again, until Ctrl-C."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import NoReturn

from ottla.clients.errors import RetriableError
from ottla.console.cli.output import note
from ottla.protocol.errors import KafkaError

DEFAULT_INTERVAL_S = 1.0
MIN_INTERVAL_S = 0.1
_HOME_AND_CLEAR = "\x1b[H\x1b[2J"


async def watch(show: Callable[[], Awaitable[str]], interval_s: float) -> NoReturn:
    """On a terminal each picture takes the place of the last; else they follow. What fails is tried again."""
    while True:
        try:
            text = await show()
        except RetriableError as error:
            note(f"ottla: {error}")
        except KafkaError as error:
            if not error.code.retriable:
                raise
            note(f"ottla: {error.message} [{error.code.name}]")
        else:
            print(f"{_HOME_AND_CLEAR if sys.stdout.isatty() else ''}{text}", flush=True)
        await asyncio.sleep(max(MIN_INTERVAL_S, interval_s))
