"""The running controller: raft and metadata over a real log. (Signatures first; see ARCHITECTURE.md.)"""

from asyncio import Future
from collections.abc import Callable
from typing import TypeVar

from ottla.metadata.controller.result import Decision
from ottla.metadata.delta import MetadataDelta
from ottla.metadata.image import MetadataImage

T = TypeVar("T")

Subscriber = Callable[[MetadataDelta, MetadataImage], None]


class ControllerShell:
    @property
    def image(self) -> MetadataImage:
        """The committed image."""
        raise NotImplementedError

    def start(self) -> None:
        """Load the snapshot and the log, become leader, write the bootstrap records."""
        raise NotImplementedError

    def subscribe(self, subscriber: Subscriber) -> None:
        """Called at once with (a delta that holds everything, the image), then synchronously at every commit."""
        raise NotImplementedError

    def submit(self, decision: Decision[T]) -> "Future[T]":
        """Decide now, append, and answer when committed and published. Commits of one turn of the loop share a sync."""
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError
