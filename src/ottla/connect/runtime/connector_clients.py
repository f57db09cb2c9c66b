"""Clients of the worker for one connector: the worker's own, unless the connector has another cluster or login."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from ottla.clients.client import KafkaClient
from ottla.clients.errors import ClientError
from ottla.clients.security import client_security
from ottla.connect.api.errors import ConnectError
from ottla.connect.runtime.client_properties import BOOTSTRAP, client_properties, servers
from ottla.connect.runtime.worker_config import CLIENT_PREFIXES
from ottla.protocol.errors import KafkaError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.connect.runtime.client_properties import Kind
    from ottla.connect.runtime.worker_config import WorkerConfig
    from ottla.runtime.network import Network

CLIENTS_MAX: Final = 200
"""Clients that are kept open; the one that was asked for longest ago gives way."""
_Identity = tuple[str, frozenset[tuple[str, str]]]


class ConnectorClients:
    """`shared` makes a client of the worker."""

    def __init__(self, network: Network, config: WorkerConfig, shared: Callable[[str], KafkaClient]) -> None:
        self._network = network
        self._config = config
        self._shared = shared
        self._clients: OrderedDict[_Identity, KafkaClient] = OrderedDict()
        self._opening = asyncio.Lock()

    def is_worker_cluster(self, connector: Mapping[str, str]) -> bool:
        """Whether what the connector produces goes where the worker's own topics are."""
        return servers(client_properties(self._config, connector, "producer")) == servers(
            {BOOTSTRAP: self._config.bootstrap}
        )

    def identity(self, connector: Mapping[str, str], kind: Kind, purpose: str) -> _Identity:
        """Clients with the same one are one."""
        return purpose, frozenset(self._connection(connector, kind).items())

    async def get(self, connector: Mapping[str, str], kind: Kind, purpose: str) -> KafkaClient:
        """What waits for records in a connection holds up what comes behind it: for that, name another `purpose`.

        `ConnectError`.
        """
        identity = self.identity(connector, kind, purpose)
        async with self._opening:
            found = self._clients.get(identity)
            if found is None:
                found = self._clients[identity] = await self._open(self._connection(connector, kind), purpose)
                while len(self._clients) > CLIENTS_MAX:
                    self._clients.popitem(last=False)[1].close()
            self._clients.move_to_end(identity)
        return found

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def _connection(self, connector: Mapping[str, str], kind: Kind) -> dict[str, str]:
        properties = client_properties(self._config, connector, kind)
        return {key: text for key, text in properties.items() if key == BOOTSTRAP or key.startswith(CLIENT_PREFIXES)}

    async def _open(self, properties: dict[str, str], purpose: str) -> KafkaClient:
        is_worker = properties == {BOOTSTRAP: self._config.bootstrap} | self._config.security
        try:
            if is_worker:
                client = self._shared(f"-{purpose}")
            else:
                security = client_security(properties)
                bootstrap = properties[BOOTSTRAP]
                client = KafkaClient(self._network, bootstrap, client_id=f"connect-{purpose}", security=security)
            await client.__aenter__()
        except (KafkaError, ClientError) as error:
            raise ConnectError(f"the cluster {properties[BOOTSTRAP]} cannot be asked: {error}") from error
        return client
