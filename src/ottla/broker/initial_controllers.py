"""Who votes first, as `kafka-storage format --initial-controllers` takes it: `ID@HOST:PORT:DIRECTORY,…`. KIP-853."""

import ipaddress
import re

from ottla.protocol.types import ZERO_UUID, uuid_from_text
from ottla.raft.voter_set import ReplicaKey, VoterNode, VoterSet
from ottla.runtime.config.endpoints import MAX_PORT

_VOTER = re.compile(r"(\d{1,10})@(?:\[([0-9a-fA-F:.%]+)\]|([^\[\]:@]+)):(\d{1,5}):([A-Za-z0-9_-]+)")


def parse_initial_controllers(text: str, listener_name: str) -> VoterSet:
    """`ValueError` names the item that is wrong. A voter is known at one listener only: the first of controllers."""
    voters: dict[int, VoterNode] = {}
    for item in filter(None, (item.strip() for item in text.split(","))):
        match = _VOTER.fullmatch(item)
        if match is None or not 0 < int(match[4]) <= MAX_PORT:
            raise ValueError(f"'{item}' is no voter: write ID@HOST:PORT:DIRECTORY, as 1@localhost:9093:4HuAHP0mTD2hv…")
        node_id, host = int(match[1]), _as_java_has_it(match[2]) if match[2] else match[3]
        try:
            directory_id = uuid_from_text(match[5])
        except ValueError:
            raise ValueError(
                f"'{match[5]}' of '{item}' is no directory id: `ottla storage random-uuid` makes one"
            ) from None
        if directory_id == ZERO_UUID:
            raise ValueError(f"the directory id of '{item}' is all zero")
        if node_id in voters:
            raise ValueError(f"node {node_id} stands there twice")
        voters[node_id] = VoterNode(ReplicaKey(node_id, directory_id), {listener_name: (host, int(match[4]))})
    if not voters:
        raise ValueError("no voter: write ID@HOST:PORT:DIRECTORY,…")
    return VoterSet(tuple(voters[node_id] for node_id in sorted(voters)))


def _as_java_has_it(host: str) -> str:
    """`::1` is `0:0:0:0:0:0:0:1` there; `ValueError` for what is no address."""
    address = ipaddress.IPv6Address(host)
    return ":".join(f"{int(group, 16):x}" for group in address.exploded.split(":"))
