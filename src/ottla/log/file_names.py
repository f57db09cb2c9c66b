"""The names of a log's directory and of the files in it.

<topic>-<partition>/                          the log
<topic>-<partition>.<32 hex digits>-delete/   … that was deleted and waits to be removed; `-future`, `-stray` alike
    <20 digits>.log .index .timeindex .txnindex .snapshot     digits: base offset (snapshot: the offset it stands for)
    … .deleted   waits to be removed          … .cleaned  a cleaner's unfinished work      … .swap  its finished work
"""

import re
from typing import NamedTuple

LOG_SUFFIX = ".log"
INDEX_SUFFIX = ".index"
TIME_INDEX_SUFFIX = ".timeindex"
TRANSACTION_INDEX_SUFFIX = ".txnindex"
SNAPSHOT_SUFFIX = ".snapshot"
SEGMENT_SUFFIXES = (LOG_SUFFIX, INDEX_SUFFIX, TIME_INDEX_SUFFIX, TRANSACTION_INDEX_SUFFIX)

DELETED_SUFFIX = ".deleted"
CLEANED_SUFFIX = ".cleaned"
SWAP_SUFFIX = ".swap"

LEADER_EPOCHS = "leader-epoch-checkpoint"
PARTITION_METADATA = "partition.metadata"

DELETE_DIRECTORY = "-delete"
STRAY_DIRECTORY = "-stray"
FUTURE_DIRECTORY = "-future"

_DIRECTORY = re.compile(r"(?P<topic>[a-zA-Z0-9._-]+)-(?P<partition>\d+)")
_SUFFIXED = re.compile(r"(?P<log>\S+)\.[0-9a-f]{32}(?P<suffix>-delete|-stray|-future)")
_SEGMENT_FILE = re.compile(r"(?P<offset>\d{1,19}|\d{20})(?P<suffix>\.log|\.index|\.timeindex|\.txnindex|\.snapshot)")
_MAX_DIRECTORY_NAME = 255


class TopicPartition(NamedTuple):
    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"


class SegmentFileName(NamedTuple):
    offset: int
    suffix: str


def segment_file(offset: int, suffix: str) -> str:
    return f"{offset:020d}{suffix}"


def parse_segment_file(name: str) -> SegmentFileName | None:
    """None for every other file, `.deleted` and the like included."""
    match = _SEGMENT_FILE.fullmatch(name)
    return SegmentFileName(int(match["offset"]), match["suffix"]) if match else None


def parse_log_directory(name: str) -> TopicPartition | None:
    """The partition of a live log's directory; None for any other name."""
    match = _DIRECTORY.fullmatch(name)
    return TopicPartition(match["topic"], int(match["partition"])) if match else None


def suffix_of_directory(name: str) -> str | None:
    """`-delete`, `-stray` or `-future` for a directory that is no live log any more or not yet."""
    match = _SUFFIXED.fullmatch(name)
    return match["suffix"] if match else None


def suffixed_directory(log: TopicPartition, unique: bytes, suffix: str) -> str:
    """`unique`: 16 random bytes. The topic's name is cut so that the whole fits a file name, as Kafka does."""
    ending = f"-{log.partition}.{unique.hex()}{suffix}"
    return log.topic[: _MAX_DIRECTORY_NAME - len(ending)] + ending
