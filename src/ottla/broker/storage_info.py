"""What lies in log directories while no node runs: identities, first levels, voters, and what does not fit together."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ottla.broker.storage_format import (
    BOOTSTRAP_CHECKPOINT,
    CLUSTER_METADATA_DIRECTORY,
    MetaProperties,
    StorageError,
    read_meta_properties,
)
from ottla.log.checkpoint import read_whole
from ottla.metadata.record_serde import MetadataError, decode_record
from ottla.metadata.release import metadata_version_name
from ottla.protocol.errors import ProtocolError
from ottla.protocol.metadata_record.feature_level_record import FeatureLevelRecord
from ottla.protocol.types import uuid_text
from ottla.raft.batches import RaftLogError
from ottla.raft.snapshot import Snapshot, read_snapshot
from ottla.raft.snapshot_id import SnapshotId
from ottla.raft.voter_set import VoterNode
from ottla.runtime.files import FileSystem


@dataclass(slots=True)
class StorageDescription:
    directories: dict[Path, MetaProperties | None] = field(default_factory=dict)
    """`None`: it is there, and not formatted."""
    first_levels: dict[str, int] = field(default_factory=dict)
    """Of `bootstrap.checkpoint`: what the cluster began with, or will."""
    voters: list[VoterNode] = field(default_factory=list)
    """Of the newest snapshot of the metadata log."""
    problems: list[str] = field(default_factory=list)

    @property
    def cluster_ids(self) -> list[str]:
        return sorted({each.cluster_id for each in self.directories.values() if each is not None})


def describe_storage(files: FileSystem, directories: Sequence[Path]) -> StorageDescription:
    description = StorageDescription()
    for directory in directories:
        if not directory.is_dir():
            description.problems.append(f"{directory} is not there")
            continue
        try:
            description.directories[directory] = read_meta_properties(files, directory)
            _read_bootstrap(files, directory, description)
            _read_voters(files, directory / CLUSTER_METADATA_DIRECTORY, description)
        except (StorageError, RaftLogError, MetadataError, ProtocolError, OSError) as error:
            description.problems.append(str(error))
    _check(description)
    return description


def print_storage(description: StorageDescription, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_as_json(description)))
        return
    for directory, properties in description.directories.items():
        if properties is None:
            print(f"{directory}: not formatted")
        else:
            print(
                f"{directory}: node {properties.node_id} of cluster {properties.cluster_id},"
                f" directory {uuid_text(properties.directory_id)}"
            )
    if description.first_levels:
        levels = ", ".join(f"{name}={_level(name, level)}" for name, level in description.first_levels.items())
        print(f"began with {levels}")
    for voter in description.voters:
        endpoints = " ".join(f"{name}://{host}:{port}" for name, (host, port) in voter.endpoints.items())
        print(f"voter {voter.key.node_id} {endpoints} directory {uuid_text(voter.key.directory_id)}")
    for problem in description.problems:
        print(f"problem: {problem}")


def _level(name: str, level: int) -> str:
    return metadata_version_name(level) if name == "metadata.version" else str(level)


def _as_json(description: StorageDescription) -> dict[str, object]:
    return {
        "directories": {
            str(directory): None
            if properties is None
            else {
                "cluster_id": properties.cluster_id,
                "node_id": properties.node_id,
                "directory_id": uuid_text(properties.directory_id),
            }
            for directory, properties in description.directories.items()
        },
        "first_levels": description.first_levels,
        "voters": [
            {
                "node_id": voter.key.node_id,
                "directory_id": uuid_text(voter.key.directory_id),
                "endpoints": [f"{name}://{host}:{port}" for name, (host, port) in voter.endpoints.items()],
            }
            for voter in description.voters
        ],
        "problems": description.problems,
    }


def _check(description: StorageDescription) -> None:
    formatted = [each for each in description.directories.values() if each is not None]
    if len(description.cluster_ids) > 1:
        description.problems.append(f"directories belong to different clusters: {', '.join(description.cluster_ids)}")
    if len({each.node_id for each in formatted}) > 1:
        description.problems.append("directories belong to different nodes")
    if len({each.directory_id for each in formatted}) < len(formatted):
        description.problems.append("two directories have the same directory.id: one is a copy of the other")
    description.problems += [
        f"{directory} is not formatted" for directory, each in description.directories.items() if each is None
    ]


def _read_bootstrap(files: FileSystem, directory: Path, description: StorageDescription) -> None:
    snapshot = _read(files, directory / BOOTSTRAP_CHECKPOINT)
    if snapshot is not None:
        records = (decode_record(value) for value in snapshot.values)
        levels = {each.name: each.feature_level for each in records if isinstance(each, FeatureLevelRecord)}
        description.first_levels = description.first_levels or levels


def _read_voters(files: FileSystem, directory: Path, description: StorageDescription) -> None:
    if not directory.is_dir():
        return
    ids = [found for name in files.list(directory) if (found := SnapshotId.from_file_name(name)) is not None]
    if not ids:
        return
    snapshot = _read(files, directory / max(ids).file_name)
    if snapshot is not None and snapshot.voters is not None:
        description.voters = list(snapshot.voters)


def _read(files: FileSystem, path: Path) -> Snapshot | None:
    content = read_whole(files, path)
    if content is None:
        return None
    try:
        return read_snapshot(content)
    except (RaftLogError, ProtocolError) as error:
        raise StorageError(f"{path} cannot be read: {error}") from error
