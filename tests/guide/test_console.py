"""docs/guide/console.md, run from top to bottom."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from tests.guide.reader import BLOCK, Reader
from tests.house.source import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

PAGE = REPOSITORY / "docs" / "guide" / "console.md"

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl (apt install curl)")


@pytest.mark.long
def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        for block in BLOCK.finditer(PAGE.read_text("utf-8")):
            reader.do(block["kind"], block["file"], block["text"])
        assert json.loads(reader.said_by("overview"))["topics"] == 1
        shown = json.loads(reader.said_by("limit=3"))["messages"]
        assert [each["value"]["data"]["id"] for each in shown] == [100, 99, 98]
        assert reader.said_by("--hash-password").startswith('[[user]]\nname = "ada"\npassword = "scrypt:')
        (masked,) = json.loads(reader.said_by("-u bob:secret localhost"))["messages"]
        (whole,) = json.loads(reader.said_by("-u ada:secret localhost"))["messages"]
        number = whole["value"]["data"]["card"]["number"]
        assert masked["value"]["data"]["card"]["number"] == "*" * (len(number) - 4) + number[-4:]
        assert json.loads(reader.said_by("DELETE"))["error"]["code"] == "FORBIDDEN"
        entries = [json.loads(line) for line in reader.said_by("audit.jsonl").splitlines()]
        told = [(each["user"], each["action"], each["outcome"]) for each in entries]
        assert told == [
            ("bob", "topic.read", "done"),
            ("bob", "topic.delete", "refused"),
            ("ada", "topic.read", "done"),
        ]
