"""The other brokers of the cluster, by node id, at the inter-broker listener that each has registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.peer.peer import Address, Peer, PeerContext

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.metadata.image import MetadataImage


class Peers:
    """One `Peer` a broker, kept for as long as its address stays."""

    def __init__(
        self,
        context: PeerContext,
        listener_name: str,
        image: Callable[[], MetadataImage],
        lost: Callable[[int, Address], None] = lambda node_id, address: None,
    ) -> None:
        """`lost`: told of a node, and where it was, when a connection to it that was open is gone."""
        self._context = context
        self._lost = lost
        self._listener_name = listener_name
        self._image = image
        self._by_id: dict[int, Peer] = {}

    def of(self, node_id: int) -> Peer | None:
        """`None`: nobody is registered as that, or not at that listener."""
        address = self._address(node_id)
        peer = self._by_id.get(node_id)
        if peer is not None and peer.address != address:
            self._by_id.pop(node_id).close()
            peer = None
        if peer is None and address is not None:
            peer = self._by_id[node_id] = self._new(node_id, address)
        return peer

    def dedicated(self, node_id: int) -> Peer | None:
        """A connection of the caller's own, which long requests may keep busy; the caller closes it."""
        address = self._address(node_id)
        return None if address is None else self._new(node_id, address)

    def _new(self, node_id: int, address: Address) -> Peer:
        return Peer(self._context, address, lambda: self._lost(node_id, address))

    def _address(self, node_id: int) -> Address | None:
        broker = self._image().cluster.brokers.get(node_id)
        endpoint = None if broker is None else broker.listeners.get(self._listener_name)
        return None if endpoint is None else (endpoint.host, endpoint.port)

    def close(self) -> None:
        for peer in self._by_id.values():
            peer.close()
        self._by_id.clear()
