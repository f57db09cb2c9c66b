"""`ottla storage format|info|random-uuid|version-mapping`: log directories get their identity, as by `kafka-storage`.

The files are those that Apache Kafka writes, and either starts on what the other formatted. Options are those of
`kafka-storage`; `--data` and `--set` those of `ottla start`. A single node formats by itself when it starts.
"""

from __future__ import annotations

import re
import secrets
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ottla.broker.start_config import UsageError, read_properties
from ottla.broker.storage_format import (
    AlreadyFormattedError,
    FormatRequest,
    Storage,
    StorageError,
    format_storage,
)
from ottla.metadata.controller.bootstrap import bootstrap_records
from ottla.metadata.features import LATEST_METADATA_VERSION, METADATA_VERSION, MINIMUM_METADATA_VERSION
from ottla.metadata.record_serde import VersionedRecord
from ottla.metadata.release import (
    METADATA_VERSIONS,
    FeatureError,
    default_levels,
    initial_levels,
    metadata_version_name,
    metadata_version_of,
)
from ottla.protocol.types import uuid_text
from ottla.raft.voter_set import ReplicaKey, VoterNode, VoterSet
from ottla.runtime.config.definition import ConfigError
from ottla.runtime.config.endpoints import parse_endpoints
from ottla.runtime.config.server_config import ServerConfig
from ottla.runtime.config.static_config import EMBEDDED_DEFAULTS
from ottla.runtime.disk import Disk
from ottla.runtime.world import new_uuid

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_CLUSTER_ID = re.compile(r"[A-Za-z0-9._+/-]+")  # most are UUIDs; Kafka takes any text
EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="operation", required=True, metavar="OPERATION")

    formats = commands.add_parser("format", help="give the log directories of a node their identity")
    _add_config(formats)
    formats.add_argument(
        "-t", "--cluster-id", metavar="ID", help="of all nodes of the cluster (with --standalone: a new one)"
    )
    formats.add_argument("-g", "--ignore-formatted", action="store_true", help="leave directories alone that have one")
    first = formats.add_mutually_exclusive_group()
    first.add_argument("-s", "--standalone", action="store_true", help="this controller alone is the first voter")
    first.add_argument(
        "-I", "--initial-controllers", metavar="ID@HOST:PORT:DIRECTORY,…", help="the first voters, alike on all nodes"
    )
    first.add_argument(
        "-N", "--no-initial-controllers", action="store_true", help="a controller that joins a quorum, and a broker"
    )
    formats.add_argument("-r", "--release-version", metavar="RELEASE", help="start the cluster as of 3.9, 4.0-IV3, …")
    formats.add_argument("-f", "--feature", action="append", metavar="NAME=LEVEL", help="start with it; repeatable")
    formats.add_argument(
        "-S", "--add-scram", action="append", metavar="USER", help="SCRAM-SHA-512=[name=…,password=…]; repeatable"
    )

    info = commands.add_parser("info", help="what identity the log directories of a node have")
    _add_config(info)
    info.add_argument("--json", action="store_true", help="JSON for programs")

    commands.add_parser("random-uuid", help="print a new id, for a cluster or a directory")

    mapping = commands.add_parser("version-mapping", help="the feature levels of a release")
    mapping.add_argument("-r", "--release-version", metavar="RELEASE", help="3.9, 4.0-IV3, … (default: the latest)")


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-c", "--config", metavar="FILE", help="the server.properties of the node")
    parser.add_argument("--data", metavar="DIR", help="where data lies, in place of log.dirs")
    parser.add_argument("--environment", action="store_true", help="settings are in variables, too: KAFKA_NODE_ID, …")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="one setting; repeatable")


def run(arguments: argparse.Namespace) -> int:
    operations = {"format": _format, "info": _info, "random-uuid": _random_uuid, "version-mapping": _version_mapping}
    try:
        return operations[arguments.operation](arguments)
    except (UsageError, ConfigError, FeatureError) as error:
        print(f"ottla: {error}", file=sys.stderr)
        return EXIT_USAGE
    except AlreadyFormattedError as error:
        print(f"ottla: {error}; --ignore-formatted leaves it alone and formats the others", file=sys.stderr)
        return EXIT_FAILED
    except (StorageError, OSError) as error:
        print(f"ottla: {error}", file=sys.stderr)
        return EXIT_FAILED


def _format(arguments: argparse.Namespace) -> int:
    config = _config(arguments)
    voters = _first_voters(arguments, config)
    dynamic = voters is not None or (arguments.no_initial_controllers and not config.quorum_voters)
    levels = initial_levels(*_asked_levels(arguments), dynamic_quorum=dynamic)
    records = bootstrap_records(levels)
    for text in arguments.add_scram or []:
        try:
            from ottla.broker.scram_arguments import parse_scram

            records.append(VersionedRecord(parse_scram(text, secrets.token_bytes)))
        except ValueError as error:
            raise UsageError(f"--add-scram: {error}") from None
    request = FormatRequest(
        log_directories=_directories(config),
        metadata_directory=Path(config.metadata_log_dir),
        node_id=config.node_id,
        controller_endpoints=(),
        cluster_id=_cluster_id(arguments),
        is_voter=False,
        voters=voters,
        records=records,
    )
    storage = format_storage(
        Disk(),
        request,
        ignore_formatted=arguments.ignore_formatted,
        now_ms=int(time.time() * 1000),
        new_uuid=new_uuid,
    )
    _tell_formatted(storage, voters, levels[METADATA_VERSION])
    return EXIT_OK


def _tell_formatted(storage: Storage, voters: VoterSet | None, metadata_version: int) -> None:
    if not storage.formatted:
        print("All log directories are formatted already.")
        return
    print(
        f"Formatted for node {storage.node_id} of cluster {storage.cluster_id},"
        f" metadata.version {metadata_version_name(metadata_version)}:"
    )
    for directory in storage.formatted:
        print(f"  {directory} ({uuid_text(storage.directory_ids[directory])})")
    if voters is not None:
        print(f"First voters: {', '.join(map(str, voters.node_ids))}.")


def _info(arguments: argparse.Namespace) -> int:
    from ottla.broker.storage_info import describe_storage, print_storage

    description = describe_storage(Disk(), _directories(_config(arguments)))
    print_storage(description, as_json=arguments.json)
    return EXIT_FAILED if description.problems else EXIT_OK


def _random_uuid(arguments: argparse.Namespace) -> int:
    print(uuid_text(new_uuid()))
    return EXIT_OK


def _version_mapping(arguments: argparse.Namespace) -> int:
    release = arguments.release_version
    level = LATEST_METADATA_VERSION if release is None else metadata_version_of(release)
    print(f"{METADATA_VERSION}={level} ({metadata_version_name(level)})")
    for name, default in default_levels(level).items():
        print(f"{name}={default}")
    return EXIT_OK


def _config(arguments: argparse.Namespace) -> ServerConfig:
    """Without the checks of a start: what is formatted here may be another's to run."""
    properties = read_properties(
        arguments.config, arguments.data, None, arguments.set, environment=arguments.environment
    )
    if "log.dir" in properties:
        properties.setdefault("log.dirs", properties["log.dir"])
    return ServerConfig(EMBEDDED_DEFAULTS | properties, frozenset(properties), {}, {})


def _directories(config: ServerConfig) -> Sequence[Path]:
    return [Path(name) for name in dict.fromkeys([*config.log_dirs, config.metadata_log_dir])]


def _cluster_id(arguments: argparse.Namespace) -> str:
    if arguments.cluster_id is None:
        if not arguments.standalone:
            raise UsageError(
                "--cluster-id says which cluster; `ottla storage random-uuid` makes one for all of its nodes"
            )
        return uuid_text(new_uuid())
    if not _CLUSTER_ID.fullmatch(arguments.cluster_id):
        raise UsageError(f"--cluster-id: '{arguments.cluster_id}' is no id; `ottla storage random-uuid` makes one")
    return str(arguments.cluster_id)


def _first_voters(arguments: argparse.Namespace, config: ServerConfig) -> VoterSet | None:
    """`None`: they stand in the configuration, or in the log of a quorum that this node joins."""
    chosen = arguments.standalone or arguments.initial_controllers is not None
    if config.quorum_voters:
        if chosen:
            raise UsageError(
                "controller.quorum.voters says who votes: leave it out, and set controller.quorum.bootstrap.servers, to"
                " have voters that can change"
            )
        return None
    if not chosen:
        if config.is_controller and not arguments.no_initial_controllers:
            raise UsageError(
                "who votes first? Give --standalone, --initial-controllers or --no-initial-controllers,"
                " or set controller.quorum.voters"
            )
        return None
    names = config.controller_listener_names
    if arguments.initial_controllers is not None:
        from ottla.broker.initial_controllers import parse_initial_controllers

        if not names:
            raise UsageError("controller.listener.names does not say how the listener of the controllers is called")
        try:
            return parse_initial_controllers(arguments.initial_controllers, names[0])
        except ValueError as error:
            raise UsageError(f"--initial-controllers: {error}") from None
    if not config.is_controller:
        raise UsageError("--standalone is for a controller, and process.roles has none")
    return VoterSet((VoterNode(ReplicaKey(config.node_id, new_uuid()), _own_endpoints(config)),))


def _own_endpoints(config: ServerConfig) -> dict[str, tuple[str, int]]:
    """Where this controller is found: at the first of its listeners; at none in a quorum that is one node alone."""
    names = config.controller_listener_names[:1]
    for key in ("advertised.listeners", "listeners"):
        for endpoint in parse_endpoints(key, config.get_list(key), config.security_protocols):
            if endpoint.listener_name in names:
                return {endpoint.listener_name: (endpoint.host or "localhost", endpoint.port)}
    return {}


def _asked_levels(arguments: argparse.Namespace) -> tuple[int, dict[str, int]]:
    """`metadata.version`, and the levels of other features."""
    features: dict[str, int] = {}
    for word in arguments.feature or []:
        name, equals, level = word.partition("=")
        if not equals or not level.strip().isdecimal():
            raise UsageError(f"--feature wants NAME=LEVEL, not {word!r}")
        features[name.strip()] = int(level)
    asked = features.pop(METADATA_VERSION, None)
    if arguments.release_version is not None:
        if asked is not None:
            raise UsageError(f"--release-version and --feature {METADATA_VERSION}=… say the same: give one of them")
        return metadata_version_of(arguments.release_version), features
    if asked is None:
        return LATEST_METADATA_VERSION, features
    if asked not in METADATA_VERSIONS.values():
        raise UsageError(f"--feature {METADATA_VERSION} is {MINIMUM_METADATA_VERSION} to {LATEST_METADATA_VERSION}")
    return asked, features
