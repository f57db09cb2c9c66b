"""A cancellation that a failure has hidden.

    cancel() ─► task ─► gather ─┬─ one has just failed ─► the task hears of the failure alone
                                └─ the others are cancelled

A loop that goes on after failures would never end: it asks here first. (`asyncio.wait_for` hides one, too, before
Python 3.12: a loop waits with `asyncio.timeout`.)
"""

import asyncio


def raise_if_cancelled() -> None:
    """`CancelledError`, if the task that runs has been cancelled and goes on all the same."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
