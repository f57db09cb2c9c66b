"""A node as whoever watches it sees it: its parts, as far as they are made. The node writes, watchers read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ottla.broker.dispatcher import Dispatcher

if TYPE_CHECKING:
    from ottla.broker.controller_node import ControllerNode
    from ottla.broker.listeners import Listeners
    from ottla.broker.parts import Parts
    from ottla.log.log_cleaner import LogCleaner
    from ottla.log.manager import LogManager


@dataclass(slots=True)
class NodeView:
    listeners: Listeners
    """Of the broker; a controller has its own (`metadata.listeners`)."""
    dispatcher: Dispatcher = field(default_factory=lambda: Dispatcher({}))
    """Of the broker's listeners."""
    metadata: ControllerNode | None = None
    logs: LogManager | None = None
    parts: Parts | None = None
    """`None`, too, of a controller alone."""
    cleaner: LogCleaner | None = None
    serves: bool = False
    """Started, and not asked to stop yet."""
    stops: bool = False
