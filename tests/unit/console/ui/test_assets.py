"""The console's pages are whole: every file comes with the wheel, every import is there, every script is one."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pytest
from tests.house.source import REPOSITORY
from tests.unit.console.ui.source import UI, asked, exports, imports, routes, scripts

MAX_COMPRESSED_BYTES: Final = 150_000
MAX_VENDORED_BYTES: Final = 60_000
MAX_LINES: Final = 600
KINDS: Final = {".js", ".css", ".html", ".svg", ".txt"}


def test_nothing_of_it_is_left_out_of_a_wheel() -> None:
    """Hatchling leaves out what git ignores; all else below `src/ottla` is packed."""
    files = [path for path in UI.rglob("*") if path.is_file()]
    assert len(files) > 40
    assert {path.suffix for path in files} <= KINDS
    if shutil.which("git") is None or not (REPOSITORY / ".git").exists():
        pytest.skip("git says what is ignored: it, or the repository's own folder, is not here")
    ignored = subprocess.run(
        ["git", "check-ignore", "--no-index", *map(str, files)], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert ignored.stdout == ""


def test_all_of_it_is_small() -> None:
    compressed = sum(len(gzip.compress(path.read_bytes())) for path in UI.rglob("*") if path.is_file())
    assert compressed < MAX_COMPRESSED_BYTES
    assert all(path.stat().st_size < MAX_VENDORED_BYTES for path in (UI / "vendor").iterdir())
    assert {path.name: lines for path in scripts() if (lines := path.read_text().count("\n")) > MAX_LINES} == {}


def test_every_import_is_there() -> None:
    missing = []
    for script in scripts():
        for each in imports(script):
            if not each.target.is_file():
                missing.append(f"{script.relative_to(UI)} imports {each.target.name}, which is not there")
            elif unknown := set(each.names) - exports(each.target):
                missing.append(f"{script.relative_to(UI)} imports {unknown} of {each.target.name}, which has none")
    assert missing == []


def test_every_module_is_reached() -> None:
    """From `app.js` by imports; the theme by a tag of its own, as it must come before the first paint."""
    reached, ahead = set(), [UI / "app.js", UI / "theme.js"]
    while ahead:
        script = ahead.pop()
        if script not in reached:
            reached.add(script)
            ahead += [each.target for each in imports(script)]
    assert [path.relative_to(UI) for path in scripts() if path not in reached] == []


def test_every_import_is_used() -> None:
    unused = []
    for script in scripts():
        text = re.sub(r"^import .*?;$", "", script.read_text("utf-8"), flags=re.M)
        for each in imports(script):
            unused += [
                f"{script.relative_to(UI)}: {name}" for name in each.names if not re.search(rf"\b{name}\b", text)
            ]
    assert [line for line in unused if not line.endswith(": default")] == []


def test_every_route_that_is_asked_is_listed_and_every_listed_one_asked() -> None:
    names = set().union(*map(asked, scripts()))
    assert names == set(routes())


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.files: list[str] = []
        self.inline: list[str] = []
        self._tag = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = tag
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.files.append(value)
            if name == "style" or name.startswith("on"):
                self.inline.append(name)

    def handle_endtag(self, tag: str) -> None:
        self._tag = ""

    def handle_data(self, data: str) -> None:
        if self._tag in ("script", "style") and data.strip():
            self.inline.append(data)


def test_the_page_names_files_that_are_there_and_has_nothing_inline() -> None:
    """What the policy of content forbids would only be seen in a browser."""
    page = _Page()
    page.feed((UI / "index.html").read_text("utf-8"))
    assert [name for name in page.files if not (UI / name).is_file()] == []
    assert page.inline == []


def test_styles_have_a_colour_for_everything_in_both_themes() -> None:
    styles = "".join(path.read_text("utf-8") for path in (UI / "style").glob("*.css"))
    declared = set(re.findall(r"(--[\w-]+):", styles))
    assert set(re.findall(r"var\((--[\w-]+)\)", styles)) - declared == set()
    tokens = (UI / "style" / "tokens.css").read_text("utf-8")
    light, dark = tokens.split('[data-theme="dark"]')
    of_light = set(re.findall(r"(--[\w-]+): (?:#|rgb)", light.split("--ground", 1)[1])) | {"--ground"}
    assert of_light - set(re.findall(r"(--[\w-]+):", dark)) == set()


@pytest.mark.skipif(shutil.which("node") is None, reason="node parses the scripts: apt install nodejs")
def test_every_script_parses() -> None:
    program = """
    const { SourceTextModule } = require("vm");
    const { readFileSync } = require("fs");
    for (const path of process.argv.slice(1)) new SourceTextModule(readFileSync(path, "utf8"), { identifier: path });
    """
    command = ["node", "--experimental-vm-modules", "--no-warnings", "-e", program, *map(str, scripts())]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("node") is None, reason="node runs them: apt install nodejs")
def test_pure_parts() -> None:
    """What draws nothing, run by node: `pure_parts.mjs`."""
    done = subprocess.run(
        ["node", "--test", "--test-reporter=tap", "pure_parts.mjs"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
