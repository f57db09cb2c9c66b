"""Stores of a topology that is still written: a name, and how a builder is made when the configuration is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.state.store import StoreBuilder
    from ottla.streams.topology.defaults import Defaults


@dataclass(eq=False, slots=True)
class StoreFactory:
    """`StoreFactory` of Kafka Streams: settings may still change, and processors be connected."""

    name: str
    make: Callable[[Defaults], StoreBuilder]
    identity: object
    """Two factories of one name are the same store when this is the same object, or equal."""

    logging_enabled: bool = True
    history_retention_ms: int | None = None
    """Of versioned stores."""

    connected: dict[str, None] = field(default_factory=dict)
    """The processors that use it, in the order in which they were connected."""

    @classmethod
    def of(cls, builder: StoreBuilder | StoreFactory) -> StoreFactory:
        if isinstance(builder, StoreFactory):
            return builder
        return cls(
            builder.name,
            lambda defaults: builder,
            builder,
            builder.logging_enabled,
            getattr(builder, "history_retention_ms", None),
        )

    def is_compatible_with(self, other: StoreFactory) -> bool:
        return self is other or self.identity is other.identity or self.identity == other.identity
