"""Listeners and voters as `server.properties` writes them.

listeners                        NAME://HOST:PORT, …      an empty host: every interface; [::1] for IPv6
listener.security.protocol.map   NAME:PROTOCOL, …
controller.quorum.voters         ID@HOST:PORT, …
controller.quorum.bootstrap.servers   HOST:PORT, …
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from ottla.runtime.config.definition import ConfigError

SECURITY_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MAX_PORT = 65535

_ENDPOINT = r"(?P<name>[^:]+)://\[?(?P<host>[0-9a-zA-Z\-%._:]*?)\]?:(?P<port>-?\d{1,10})"
_SERVER = r"(?:[^:/]+://)?\[?(?P<host>[0-9a-zA-Z\-%._:]+?)\]?:(?P<port>\d{1,5})"
_VOTER = r"(?P<id>\d{1,10})@\[?(?P<host>[0-9a-zA-Z\-%._:]+?)\]?:(?P<port>\d{1,5})"


class Endpoint(NamedTuple):
    """One listener. An empty `host` means every interface; port 0 means any free port."""

    listener_name: str
    security_protocol: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.listener_name}://{host}:{self.port}"


class QuorumVoter(NamedTuple):
    id: int
    host: str
    port: int


def parse_protocol_map(key: str, text: str) -> dict[str, str]:
    """Security protocol by listener name; names are in upper case."""
    protocols: dict[str, str] = {}
    for item in filter(None, (item.strip() for item in text.split(","))):
        name, colon, protocol = (part.strip().upper() for part in item.rpartition(":"))
        if not colon or not name or protocol not in SECURITY_PROTOCOLS:
            raise ConfigError(key, text, f"each item must be NAME:PROTOCOL, of {', '.join(SECURITY_PROTOCOLS)}")
        if protocols.setdefault(name, protocol) != protocol:
            raise ConfigError(key, text, f"the listener name {name} stands there twice")
    return protocols


def parse_endpoints(key: str, items: tuple[str, ...], protocols: Mapping[str, str]) -> tuple[Endpoint, ...]:
    """The endpoints of `listeners` or `advertised.listeners`; each name once."""
    endpoints: dict[str, Endpoint] = {}
    for item in items:
        match = re.fullmatch(_ENDPOINT, item)
        if match is None or not 0 <= int(match["port"]) <= MAX_PORT:
            raise ConfigError(key, item, f"it must be NAME://HOST:PORT, with a port of 0 to {MAX_PORT}")
        name = match["name"].strip().upper()
        if name not in protocols:
            raise ConfigError(key, item, f"listener.security.protocol.map must say what the protocol of {name} is")
        if name in endpoints:
            raise ConfigError(key, ",".join(items), f"the listener name {name} stands there twice")
        endpoints[name] = Endpoint(name, protocols[name], match["host"], int(match["port"]))
    return tuple(endpoints.values())


def parse_voters(key: str, items: tuple[str, ...]) -> tuple[QuorumVoter, ...]:
    voters: dict[int, QuorumVoter] = {}
    for item in items:
        match = re.fullmatch(_VOTER, item)
        if match is None or int(match["port"]) > MAX_PORT:
            raise ConfigError(key, item, "it must be ID@HOST:PORT")
        voter = QuorumVoter(int(match["id"]), match["host"], int(match["port"]))
        if voter.id in voters:
            raise ConfigError(key, ",".join(items), f"the voter {voter.id} stands there twice")
        voters[voter.id] = voter
    return tuple(voters.values())


def parse_servers(key: str, items: tuple[str, ...]) -> list[tuple[str, int]]:
    """HOST:PORT, …, as of `controller.quorum.bootstrap.servers`."""
    servers = []
    for item in items:
        match = re.fullmatch(_SERVER, item.strip())
        if match is None or not 0 < int(match["port"]) <= MAX_PORT:
            raise ConfigError(key, item, "it must be HOST:PORT")
        servers.append((match["host"], int(match["port"])))
    return servers
