"""`ottla quorum status|add|remove`."""

import argparse
import json
from pathlib import Path

from ottla.clients.client import KafkaClient
from ottla.console.cli.output import duration_text, print_json, table
from ottla.console.cli.session import EXIT_OK, UsageError, cluster_arguments, run_with_client
from ottla.console.cli.watch import DEFAULT_INTERVAL_S, watch
from ottla.console.operations import quorum
from ottla.protocol.types import uuid_from_text, uuid_text
from ottla.runtime.config.definition import ConfigError
from ottla.runtime.config.endpoints import parse_endpoints
from ottla.runtime.config.properties import parse_properties

META_PROPERTIES = "meta.properties"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    common = [cluster_arguments(controllers=True)]
    commands = parser.add_subparsers(dest="operation", required=True, metavar="OPERATION")

    status = commands.add_parser(
        "status", parents=common, help="leader, epoch, high watermark, how far each replica is"
    )
    status.add_argument(
        "--watch",
        nargs="?",
        type=float,
        const=DEFAULT_INTERVAL_S,
        metavar="SECONDS",
        help=f"again and again, until Ctrl-C (every {DEFAULT_INTERVAL_S:g} s)",
    )

    add = commands.add_parser("add", parents=common, help="let a controller that runs and has caught up vote")
    add.add_argument("node", nargs="?", type=int, metavar="NODE", help="its node id")
    add.add_argument("--endpoint", metavar="[LISTENER://]HOST:PORT", help="where it listens for the other controllers")
    add.add_argument(
        "--directory-id", metavar="ID", help="of its metadata directory (default: as it is seen following)"
    )
    add.add_argument("--config", metavar="FILE", help="its server.properties, on the machine it runs on; says it all")

    remove = commands.add_parser("remove", parents=common, help="let a controller vote no more")
    remove.add_argument("node", type=int, metavar="NODE", help="its node id")
    remove.add_argument("--directory-id", metavar="ID", help="of its metadata directory (default: the voter's)")


def run(arguments: argparse.Namespace) -> int:
    operations = {"status": _status, "add": _add, "remove": _remove}
    return run_with_client(arguments, operations[arguments.operation])


async def _status(client: KafkaClient, arguments: argparse.Namespace) -> int:
    async def show() -> str:
        found = await quorum.quorum_status(client)
        if not arguments.json:
            return _text(found)
        return json.dumps({"cluster_id": found.cluster_id, **quorum.quorum_json(found)})

    if arguments.watch is not None:
        await watch(show, arguments.watch)
    print(await show())
    return EXIT_OK


def _text(status: quorum.QuorumStatus) -> str:
    head = (
        f"cluster {status.cluster_id}: node {status.leader_id} leads in epoch {status.leader_epoch},"
        f" high watermark {status.high_watermark}"
    )
    rows = [
        (
            each.node_id,
            each.role,
            each.log_end_offset,
            each.lag,
            None if each.caught_up_ago_ms is None else f"{duration_text(each.caught_up_ago_ms)} ago",
            each.directory,
            " ".join(map(str, each.endpoints)) or None,
        )
        for each in status.replicas
    ]
    return f"{head}\n{table(('NODE', 'ROLE', 'END', 'LAG', 'CAUGHT UP', 'DIRECTORY', 'ENDPOINT'), rows)}"


async def _add(client: KafkaClient, arguments: argparse.Namespace) -> int:
    status = await quorum.quorum_status(client)
    if arguments.config is not None:
        node_id, directory_id, endpoints = _read_config(arguments.config)
    else:
        if arguments.node is None or arguments.endpoint is None:
            raise UsageError("give --config FILE, or NODE and --endpoint HOST:PORT")
        node_id = arguments.node
        directory_id = _directory_of_observer(status, node_id) if arguments.directory_id is None else b""
        endpoints = [_endpoint(arguments.endpoint, status)]
    if arguments.directory_id is not None:
        directory_id = _directory_id(arguments.directory_id)
    await quorum.add_voter(client, node_id, directory_id, endpoints)
    return _changed(arguments, "Added", node_id, directory_id)


async def _remove(client: KafkaClient, arguments: argparse.Namespace) -> int:
    status = await quorum.quorum_status(client)
    voter = next((each for each in status.voters if each.node_id == arguments.node), None)
    if arguments.directory_id is not None:
        directory_id = _directory_id(arguments.directory_id)
    elif voter is None:
        voters = ", ".join(map(str, sorted(each.node_id for each in status.voters)))
        raise UsageError(f"node {arguments.node} does not vote; the voters are {voters}")
    else:
        directory_id = voter.directory_id
    await quorum.remove_voter(client, arguments.node, directory_id)
    return _changed(arguments, "Removed", arguments.node, directory_id)


def _changed(arguments: argparse.Namespace, what: str, node_id: int, directory_id: bytes) -> int:
    if arguments.json:
        print_json({"node_id": node_id, "directory_id": uuid_text(directory_id)})
    else:
        print(f"{what} voter {node_id} with directory {uuid_text(directory_id)}.")
    return EXIT_OK


def _directory_of_observer(status: quorum.QuorumStatus, node_id: int) -> bytes:
    found = status.replica(node_id)
    if found is None or found.directory is None:
        observers = ", ".join(str(each.node_id) for each in status.replicas if each.role == quorum.OBSERVER) or "none"
        raise UsageError(
            f"node {node_id} does not follow the quorum (observers: {observers}): start it, or give --directory-id"
        )
    return found.directory_id


def _directory_id(text: str) -> bytes:
    try:
        return uuid_from_text(text)
    except ValueError:
        raise UsageError(f"--directory-id: '{text}' is no id; its meta.properties has it") from None


def _endpoint(text: str, status: quorum.QuorumStatus) -> quorum.Endpoint:
    """Without a listener's name, that of the voters."""
    if "://" not in text:
        names = [endpoint.listener for voter in status.voters for endpoint in voter.endpoints]
        if not names:
            raise UsageError(f"--endpoint: write LISTENER://{text}; the quorum does not say how its listener is called")
        text = f"{names[0]}://{text}"
    name = text.partition("://")[0].strip().upper()
    return _endpoints("--endpoint", text, (name,))[0]


def _endpoints(what: str, text: str, names: tuple[str, ...]) -> list[quorum.Endpoint]:
    """Those of these listeners."""
    items = tuple(item.strip() for item in text.split(","))
    wanted = tuple(item for item in items if item.partition("://")[0].strip().upper() in names)
    try:
        found = parse_endpoints(what, wanted, dict.fromkeys(names, "PLAINTEXT"))
    except ConfigError as error:
        raise UsageError(str(error)) from None
    if any(not each.host or not each.port for each in found):
        raise UsageError(f"{what}: {text} names no host and port that others can reach")
    return [quorum.Endpoint(each.listener_name, each.host, each.port) for each in found]


def _read_config(name: str) -> tuple[int, bytes, list[quorum.Endpoint]]:
    """Node id, directory id and endpoints out of a node's own files."""
    properties = _properties(Path(name))
    names = tuple(each.strip().upper() for each in properties.get("controller.listener.names", "").split(","))
    endpoints: list[quorum.Endpoint] = []
    for key in ("advertised.listeners", "listeners"):  # as Kafka: what is not advertised is reached where it listens
        endpoints = endpoints or _endpoints(f"{key} of {name}", properties.get(key, ""), names)
    directories = properties.get("log.dirs") or properties.get("log.dir", "")
    directory = properties.get("metadata.log.dir") or directories.split(",")[0].strip()
    if not endpoints or not directory:
        raise UsageError(f"--config {name}: it has no listener of controller.listener.names, or no log.dirs")
    meta = _properties(Path(directory) / META_PROPERTIES)
    node_id = meta.get("node.id", "")
    if not node_id.isdecimal() or "directory.id" not in meta:
        raise UsageError(f"{directory}/{META_PROPERTIES} has no node.id or no directory.id")
    return int(node_id), _directory_id(meta["directory.id"]), endpoints


def _properties(path: Path) -> dict[str, str]:
    try:
        return parse_properties(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        raise UsageError(f"{path}: {reason}") from None
