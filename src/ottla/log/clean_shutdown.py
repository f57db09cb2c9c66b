"""`.kafka_cleanshutdown`: says that every log of a directory was closed as it should be (`CleanShutdownFileHandler`).

{"version":0,"brokerEpoch":15}      the epoch tells the controller whose shutdown it was (KIP-966)
"""

import json
from pathlib import PurePath

from ottla.log.checkpoint import read_whole, replace_whole
from ottla.runtime.files import FileSystem

CLEAN_SHUTDOWN = ".kafka_cleanshutdown"


def write_clean_shutdown(files: FileSystem, directory: PurePath, broker_epoch: int) -> None:
    content = json.dumps({"version": 0, "brokerEpoch": broker_epoch}, separators=(",", ":"))
    replace_whole(files, directory / CLEAN_SHUTDOWN, content.encode())


def was_clean(files: FileSystem, directory: PurePath) -> bool:
    return CLEAN_SHUTDOWN in files.list(directory)


def read_broker_epoch(files: FileSystem, directory: PurePath) -> int:
    """-1 if there is no file, or it does not tell."""
    content = read_whole(files, directory / CLEAN_SHUTDOWN)
    try:
        found = json.loads(content) if content else {}
    except ValueError:
        return -1
    epoch = found.get("brokerEpoch") if isinstance(found, dict) else None
    return epoch if isinstance(epoch, int) else -1


def remove_clean_shutdown(files: FileSystem, directory: PurePath) -> None:
    """Before the first append: from now on a stop without `write_clean_shutdown` means recovery."""
    if was_clean(files, directory):
        files.remove(directory / CLEAN_SHUTDOWN)
        files.sync_directory(directory)
