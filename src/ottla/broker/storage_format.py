"""Log directories get their identity: `meta.properties`, and what a fresh quorum starts from. KIP-631, 853, 858.

<log dir>/
    meta.properties          version=1, cluster.id, node.id, directory.id     written last: with it, it is formatted
    bootstrap.checkpoint     the feature levels that the first leader writes
    __cluster_metadata-0/    only in the metadata log directory
        00000000000000000000-0000000000.checkpoint     the first voters

as `kafka-storage format` of 4.3 leaves it (a static quorum has no first voters). A directory that is added to a
formatted node gets an id of its own at the next start.
"""

import errno
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePath

from ottla.log.checkpoint import read_whole, replace_whole
from ottla.metadata.controller.bootstrap import default_bootstrap_records
from ottla.metadata.record_serde import VersionedRecord, encode_record
from ottla.metadata.registration import Endpoint
from ottla.protocol.types import uuid_from_text, uuid_text
from ottla.raft.snapshot import write_snapshot
from ottla.raft.snapshot_id import BOOTSTRAP_SNAPSHOT_ID, SnapshotId
from ottla.raft.voter_set import ReplicaKey, VoterNode, VoterSet
from ottla.runtime.config.properties import parse_properties
from ottla.runtime.files import FileSystem

META_PROPERTIES = "meta.properties"
BOOTSTRAP_CHECKPOINT = "bootstrap.checkpoint"
CLUSTER_METADATA_DIRECTORY = "__cluster_metadata-0"
KRAFT_VERSION = 1


class StorageError(Exception):
    """The log directories are not what this node can start on; the text says what to do."""


@dataclass(frozen=True, slots=True)
class MetaProperties:
    cluster_id: str
    node_id: int
    directory_id: bytes

    def to_text(self, now_ms: int) -> str:
        """As `java.util.Properties` stores it: an empty comment, the date, the keys."""
        date = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%a %b %d %H:%M:%S UTC %Y")
        return (
            f"#\n#{date}\nnode.id={self.node_id}\ndirectory.id={uuid_text(self.directory_id)}\n"
            f"version=1\ncluster.id={self.cluster_id}\n"
        )

    @classmethod
    def from_text(cls, text: str, path: PurePath) -> "MetaProperties":
        """Raises `StorageError`."""
        try:
            properties = parse_properties(text)
            if properties.get("version") != "1":
                raise StorageError(f"{path} has version {properties.get('version')}; version 1 is what KRaft uses")
            directory_id = properties.get("directory.id")
            if directory_id is None:
                raise StorageError(f"{path} has no directory.id: Apache Kafka 3.7 or later adds it when it starts")
            return cls(properties["cluster.id"], int(properties["node.id"]), uuid_from_text(directory_id))
        except KeyError as error:
            raise StorageError(f"{path} has no {error.args[0]}") from error
        except ValueError as error:
            raise StorageError(f"{path} is malformed: {error}") from error


@dataclass(frozen=True, slots=True)
class FormatRequest:
    """What identity the directories are to have, if they have none."""

    log_directories: Sequence[PurePath]
    metadata_directory: PurePath
    """One of them (`metadata.log.dir`, by default the first)."""
    node_id: int
    controller_endpoints: Sequence[Endpoint]
    """Where this node's controller listens; the first voter is known by it."""
    cluster_id: str | None = None
    """`None`: take the one that is there, or make one up."""
    is_voter: bool = True
    """False: nobody votes by what is written; a static quorum, or a node that joins one."""
    voters: VoterSet | None = None
    """The first voters, if they are others than this node alone; with them the directory id of each."""
    records: Sequence[VersionedRecord] | None = None
    """What the first leader writes; `None`: the levels of a new cluster."""
    may_format: bool = True
    """False: who starts without being formatted belongs to a cluster that must be named first."""


@dataclass(slots=True)
class Storage:
    """The identity of the node's directories."""

    cluster_id: str
    node_id: int
    directory_ids: dict[PurePath, bytes]
    formatted: list[PurePath] = field(default_factory=list)
    """Directories that were formatted now."""
    unreadable: dict[PurePath, OSError] = field(default_factory=dict)
    """Directories, never the metadata's, that do not say whose they are: they are out of service."""


class AlreadyFormattedError(StorageError):
    """There is an identity already."""

    def __init__(self, directory: PurePath) -> None:
        super().__init__(f"{directory} is formatted already")


def format_storage(
    files: FileSystem,
    request: FormatRequest,
    *,
    ignore_formatted: bool,
    now_ms: int,
    new_uuid: Callable[[], bytes],
) -> Storage:
    """What an operator asks for: all directories must be new, or with `ignore_formatted` those that are.

    Raises `StorageError`, `OSError`.
    """
    found = {directory: read_meta_properties(files, directory) for directory in request.log_directories}
    formatted = [directory for directory, properties in found.items() if properties is not None]
    if formatted and not ignore_formatted:
        raise AlreadyFormattedError(formatted[0])
    return _format_missing(files, request, found, now_ms=now_ms, new_uuid=new_uuid)


def open_storage(files: FileSystem, request: FormatRequest, *, now_ms: int, new_uuid: Callable[[], bytes]) -> Storage:
    """Read `meta.properties` of every directory; format those that have none. Raises `StorageError`, `OSError`.

    One that cannot be read is `unreadable`, as in Apache Kafka; that of the metadata ends the start.
    """
    found: dict[PurePath, MetaProperties | None] = {}
    unreadable: dict[PurePath, OSError] = {}
    for directory in request.log_directories:
        try:
            found[directory] = read_meta_properties(files, directory)
        except (StorageError, OSError) as error:
            if directory == request.metadata_directory:
                raise
            unreadable[directory] = error if isinstance(error, OSError) else OSError(errno.EINVAL, str(error))
    known = [directory for directory, properties in found.items() if properties is not None]
    if not known and not request.may_format:
        raise StorageError(
            f"{request.metadata_directory} is not formatted, and this node is one of several: "
            "run ottla storage format first, with the id of the cluster"
        )
    if known and request.metadata_directory not in known and request.is_voter:
        raise StorageError(
            f"{request.metadata_directory}, which holds the cluster's metadata, is empty, while other log directories "
            "are not. Is a disk not mounted?"
        )
    storage = _format_missing(files, request, found, now_ms=now_ms, new_uuid=new_uuid)
    storage.unreadable = unreadable
    return storage


def _format_missing(
    files: FileSystem,
    request: FormatRequest,
    found: Mapping[PurePath, MetaProperties | None],
    *,
    now_ms: int,
    new_uuid: Callable[[], bytes],
) -> Storage:
    known = {directory: properties for directory, properties in found.items() if properties is not None}
    cluster_id = _agreed_cluster_id(known, request) or uuid_text(new_uuid())
    for directory, properties in known.items():
        if properties.node_id != request.node_id:
            raise StorageError(
                f"{directory} belongs to node {properties.node_id}, and this one is node.id={request.node_id}. "
                "Start with that node.id, or with another directory."
            )
    storage = Storage(cluster_id, request.node_id, {d: p.directory_id for d, p in known.items()})
    if len(set(storage.directory_ids.values())) != len(known):
        raise StorageError("two log directories have the same directory.id: one is a copy of the other")
    for directory, there in found.items():
        if there is None:
            properties = MetaProperties(cluster_id, request.node_id, _directory_id(request, directory) or new_uuid())
            _format(files, request, directory, properties, now_ms)
            storage.directory_ids[directory] = properties.directory_id
            storage.formatted.append(directory)
    return storage


def read_meta_properties(files: FileSystem, directory: PurePath) -> MetaProperties | None:
    """`None` if there is none. Raises `StorageError`."""
    path = directory / META_PROPERTIES
    content = read_whole(files, path)
    return None if content is None else MetaProperties.from_text(content.decode("utf-8", "replace"), path)


def _agreed_cluster_id(known: dict[PurePath, MetaProperties], request: FormatRequest) -> str | None:
    ids = {properties.cluster_id for properties in known.values()}
    if len(ids) > 1:
        raise StorageError(f"the log directories belong to different clusters: {', '.join(sorted(ids))}")
    if ids and request.cluster_id is not None and request.cluster_id not in ids:
        raise StorageError(f"the log directories belong to cluster {ids.pop()}, not to {request.cluster_id}")
    return ids.pop() if ids else request.cluster_id


def _directory_id(request: FormatRequest, directory: PurePath) -> bytes | None:
    """A first voter's metadata directory has the id by which the others know it."""
    if request.voters is None or directory != request.metadata_directory:
        return None
    voter = request.voters.get(request.node_id)
    return None if voter is None else voter.key.directory_id


def _format(
    files: FileSystem, request: FormatRequest, directory: PurePath, properties: MetaProperties, now_ms: int
) -> None:
    files.make_directory(directory)
    bootstrap = write_snapshot(
        SnapshotId(0, 0),
        (encode_record(record) for record in request.records or default_bootstrap_records()),
        last_contained_timestamp_ms=0,
        now_ms=now_ms,
    )
    replace_whole(files, directory / BOOTSTRAP_CHECKPOINT, b"".join(bootstrap))
    if directory == request.metadata_directory and (request.is_voter or request.voters is not None):
        metadata_log = directory / CLUSTER_METADATA_DIRECTORY
        files.make_directory(metadata_log)
        first = write_snapshot(
            BOOTSTRAP_SNAPSHOT_ID,
            (),
            last_contained_timestamp_ms=now_ms,
            now_ms=now_ms,
            kraft_version=KRAFT_VERSION,
            voters=request.voters or _only_voter(request, properties.directory_id),
        )
        replace_whole(files, metadata_log / BOOTSTRAP_SNAPSHOT_ID.file_name, b"".join(first))
    replace_whole(files, directory / META_PROPERTIES, properties.to_text(now_ms).encode())


def _only_voter(request: FormatRequest, directory_id: bytes) -> VoterSet:
    endpoints = {endpoint.listener_name: (endpoint.host, endpoint.port) for endpoint in request.controller_endpoints}
    return VoterSet((VoterNode(ReplicaKey(request.node_id, directory_id), endpoints),))
