"""docs/guide/five-minutes.md, run from top to bottom as a new user does: everything on its ports, which are free ones
here, and a home of its own that says so to the commands that are typed without an address."""

from __future__ import annotations

import ast
import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest
from tests.guide.reader import BLOCK, Reader
from tests.house.source import REPOSITORY
from tests.peers.postgres import PostgresServer
from tests.peers.process import free_port

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

PAGE = REPOSITORY / "docs" / "guide" / "five-minutes.md"
PARTS = ("registry", "connect", "console")

pytestmark = pytest.mark.skipif(shutil.which("kcat") is None, reason="needs kcat (apt install kcat)")


class NewUser(Reader):
    def __init__(self, directory: Path, home: Path) -> None:
        super().__init__(directory)
        ports = {name: free_port() for name in ("broker", "metrics", *PARTS)}
        self._ports["9092"] = ports["broker"]
        listen = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
        self._options = f"--listen {listen['broker']} --metrics {listen['metrics']}"
        self._options += "".join(f" --with {name}={listen[name]}" for name in PARTS)
        (home / "ottla").mkdir(parents=True)
        (home / "ottla" / "config.toml").write_text(
            'default = "here"\n\n[profiles.here]\n'
            f'bootstrap = "{listen["broker"]}"\n'
            f'registry = "http://{listen["registry"]}"\nconnect = "http://{listen["connect"]}"\n'
        )

    def start(self, line: str, word: str = "") -> subprocess.Popen[bytes]:
        assert line == "ottla start --all --data data"
        return super().start(f"{line} {self._options}", "Ctrl-C ends it.")


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_page_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("OTTLA_PROFILE", raising=False)
    directory = tmp_path / "clone"
    directory.mkdir()
    with PostgresServer() as server, server.connect("postgres") as db, NewUser(directory, tmp_path / "home") as reader:
        for block in BLOCK.finditer(PAGE.read_text("utf-8")):
            if block["kind"] == "sql":
                db.execute(block["text"])
            else:
                text = block["text"].replace("database.port=5432", f"database.port={server.port}")
                reader.do(block["kind"], block["file"], text)
        assert reader.said_by("kcat -C") == "Dear sister\n"
        assert "Dear sister" in reader.said_by("consume greetings")
        assert "that is the question" in reader.said_by("letters --from beginning --count 2")
        changes = [
            json.loads(line)["op"] for line in reader.said_by("customers --from beginning --count 3").splitlines()
        ]
        assert changes == ["r", "r", "u"]
        assert reader.said_by("select after.name").split() == ["name", "credit", "Franz", "15", "Ottla", "20"]
        assert "RUNNING" in reader.said_by("connectors status").upper()
        counted = dict(ast.literal_eval(reader.said_by("counting.py")))
        assert counted == {"be": 2, "is": 1, "not": 1, "or": 1, "question": 1, "that": 1, "the": 1, "to": 2}
        assert reader.said_by("latest(orders) order by").split() == ["_key", "amount", "a", "15", "b", "20"]
        then = reader.said_by("latest(orders) as of offsets '0:2' order by")
        assert then.split() == ["_key", "amount", "a", "10", "b", "20"]
        assert reader.said_by("as more").split() == ["_key", "more", "a", "5", "b", "0"]
        page, shown = PAGE.read_text("utf-8"), reader.log_of(reader.nodes[0])
        for name in ("broker", *PARTS, "metrics"):
            assert re.search(rf"^  {name} ", page, re.MULTILINE) and re.search(rf"^  {name} ", shown, re.MULTILINE)
