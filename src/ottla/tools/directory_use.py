"""Whether a node is running on a data directory: its `.lock` is held, as Apache Kafka and Ottla hold it."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from ottla.runtime.lock import LOCK_FILE

if TYPE_CHECKING:
    from pathlib import Path


def is_in_use(directory: Path) -> bool:
    """Asked for an instant with a shared lock; a directory without a lock file is nobody's."""
    try:
        descriptor = os.open(directory / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
