"""The unit of systemd: understood, and closed to what a broker does not need."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.house.source import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

UNIT = REPOSITORY / "packaging" / "systemd" / "ottla.service"
MAX_EXPOSURE = 2.0
"""Of ten, as `systemd-analyze security` counts."""


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """With a program that is there."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not there (apt install systemd)")
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text("utf-8").replace("/opt/ottla/bin/ottla", "/bin/true"), "utf-8")
    return copy


def test_systemd_understands_it(unit: Path) -> None:
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    told = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert (done.returncode, told) == (0, [])


def test_it_is_closed(unit: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=true", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) <= MAX_EXPOSURE
