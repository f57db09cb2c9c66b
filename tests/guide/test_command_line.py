"""docs/guide/command-line.md, run from top to bottom, and every command of it understood."""

from __future__ import annotations

import contextlib
import shlex
from pathlib import Path

import pytest
from tests.guide.reader import BLOCK, PORTS, Reader
from tests.peers.ottla_cli import InProcessCli

from ottla.__main__ import COMMANDS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "command-line.md"


class InProcessReader(Reader):
    """Runs `ottla …` in this process, where no shell is needed: there are many."""

    def _run(self, line: str) -> None:
        command, separator, rest = line.partition(" || ")
        if not command.startswith("ottla ") or "|" in command or rest not in ("", "true"):
            super()._run(line)
            return
        with contextlib.chdir(self.directory):
            done = InProcessCli()(*shlex.split(command)[1:])
        assert done.code == 0 or separator, f"{line}\n{done.out}\n{done.err}"
        self.said[PORTS.sub("localhost", line)] = done.out + done.err


@pytest.mark.long
def test_the_page_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("OTTLA_PROFILE", raising=False)
    with InProcessReader(tmp_path) as reader:
        for block in BLOCK.finditer(PAGE.read_text("utf-8")):
            reader.do(block["kind"], block["file"], block["text"])
        said = reader.said_by
        assert sorted(said("{key} paid").splitlines()) == ["ann paid 42", "ann paid 8", "bob paid 17"]
        assert "classic group, Empty" in said("groups describe")
        assert "Did you mean 'orders'?" in said("topics describe ordes")
        assert "User:ann" in said("acls list")
        assert "Removed 3 ACLs" in said("User:loader --execute")
        assert "10485760" in said("quotas list")
        assert "would refuse it" in said("schemas check")
        assert '+      "name": "total",' in said("schemas diff")
        assert "+ topic payments" in said("--dry-run || true")
        assert said("cluster.toml --dry-run").startswith("+")
        again = [text for line, text in reader.said.items() if line == "ottla apply -f cluster.toml --dry-run"]
        assert again == ["All is as the file says.\n"]
        assert "No transaction hangs." in said("transactions hanging")
        assert "there and back" in said("perf latency")
        assert "PROBLEM" not in said("ottla doctor")
        assert "all is well" in said("ottla verify")
        assert "ann  42" in said("dump-log data/orders-0") or "bob  17" in said("dump-log data/orders-0")


def test_every_command_for_clusters_is_told_of() -> None:
    """Here, or on another page."""
    pages = [*PAGE.parent.glob("*.md"), PAGE.parents[1] / "reference" / "operations.md"]
    told = "".join(page.read_text("utf-8") for page in pages)
    ours = [name for name, (module, _) in COMMANDS.items() if module.startswith("ottla.console.")]
    assert [name for name in ours if f"ottla {name}" not in told and name != "protocol"] == []
