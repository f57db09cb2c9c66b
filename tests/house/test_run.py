"""The suite outlives one crash of a client in its process, says so, and fails when a test failed (tests/run.py)."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.house.source import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

CRASH = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
ONCE = f"""marker = pathlib.Path(__file__).with_name("crashed")
    if not marker.exists():
        marker.touch()
        {CRASH}"""


def suite(folder: Path, body: str, *, before: str = "pass") -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text((REPOSITORY / "tests/conftest.py").read_text("utf-8"), "utf-8")
    (folder / "test_it.py").write_text(
        f"import pathlib\ndef test_before():\n    {before}\ndef test_crash():\n    {body}\ndef test_after(): pass\n",
        "utf-8",
    )
    command = [sys.executable, "-m", "tests.run", "-q", "-p", "no:faulthandler", "-p", "no:cacheprovider", str(folder)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120)


def test_a_crash_is_told_and_the_suite_goes_on(tmp_path: Path) -> None:
    found = suite(tmp_path, ONCE)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "ended by signal 11 in" in found.stderr
    assert "test_it.py::test_crash" in found.stderr
    assert "2 passed, 1 deselected" in found.stdout


@pytest.mark.parametrize(("body", "before"), [(CRASH, "pass"), (ONCE, "assert False"), ("assert False", "pass")])
def test_what_fails_for_good_fails_the_suite(tmp_path: Path, body: str, before: str) -> None:
    assert suite(tmp_path, body, before=before).returncode == 1
