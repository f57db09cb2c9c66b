"""What a shell is told when it asks: options of one command, and profiles."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def complete(line: str, tmp_path: Path) -> set[str]:
    """As bash asks: the line in variables, the answer on descriptor 8."""
    environment = {
        **os.environ,
        "XDG_CONFIG_HOME": str(tmp_path),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
    }
    command = ["bash", "-c", 'exec "$@" 8>&1 9>/dev/null', "-", sys.executable, "-m", "ottla"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return {word.strip() for word in done.stdout.split("\n") if word.strip()}


def test_options_and_profiles(tmp_path: Path) -> None:
    (tmp_path / "ottla").mkdir()
    (tmp_path / "ottla" / "config.toml").write_text("[profiles.here]\nbootstrap = '127.0.0.1:1'\n")
    assert complete("ottla topics create --part", tmp_path) == {"--partitions"}
    assert complete("ottla topics list --profile ", tmp_path) == {"here"}
