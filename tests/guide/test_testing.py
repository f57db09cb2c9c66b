"""docs/guide/testing.md, run from top to bottom; and what its fixtures promise."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import tomllib
from typing import TYPE_CHECKING

import pytest
from tests.guide.reader import BLOCK, Reader
from tests.house.source import REPOSITORY
from tests.peers.process import wait_for

from ottla.testing import Broker, BrokerError

if TYPE_CHECKING:
    from pathlib import Path

PAGE = REPOSITORY / "docs" / "guide" / "testing.md"
MAKER = """from ottla.testing import Broker
broker = Broker()
broker.start()
print(broker.bootstrap_servers, flush=True)
input()
"""


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an installation has it, also where this checkout was installed before there was one."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p ottla.testing.plugin")


@pytest.mark.usefixtures("plugin")
def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        for block in BLOCK.finditer(PAGE.read_text("utf-8")):
            reader.do(block["kind"], block["file"], block["text"])
        assert "1 passed" in reader.said_by("test_orders.py")
        assert "1 passed" in reader.said_by("test_outage.py")
        assert re.fullmatch(r"(127\.0\.0\.1:\d+\n){2}", reader.said_by("by_hand.py"))


def test_the_plugin_is_what_pytest_is_told_of() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"ottla": "ottla.testing.plugin"}


def test_a_broker_that_does_not_start_says_why_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(BrokerError, match=r"num\.io\.threads"):
        Broker({"num.io.threads": "many"}).start()
    assert list(tmp_path.iterdir()) == []


def test_a_broker_that_was_not_started_has_no_address() -> None:
    with pytest.raises(BrokerError, match="not started"):
        _ = Broker().bootstrap_servers


def test_what_it_made_is_gone_at_the_end_and_what_was_there_stays(tmp_path: Path) -> None:
    with Broker() as broker:
        made = broker.data
        assert made.is_dir()
    assert not made.exists()
    with Broker(data=tmp_path / "mine"):
        pass
    assert (tmp_path / "mine").is_dir()


def test_it_ends_with_whoever_made_it() -> None:
    program = (
        "from ottla.testing import Broker; b = Broker(); b.start(); print(b.bootstrap_servers, flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as maker:
        assert maker.stdout is not None
        port = int(maker.stdout.readline().rpartition(b":")[2])
        os.kill(maker.pid, signal.SIGKILL)

    def is_gone() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) != 0

    wait_for(is_gone, "the broker's end")
