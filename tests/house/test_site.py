"""The documentation as a site: every link leads somewhere; and MkDocs builds it, strictly."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from docs.site.staging import BrokenLinkError, Staging
from tests.house.source import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path


def test_no_link_of_the_documentation_leads_nowhere(tmp_path: Path) -> None:
    staging = Staging(REPOSITORY, tmp_path / "pages")
    staging.lay_out()
    assert {"index.md", "gaps.md", "guide/sql.md", "reference/configs.md"} <= set(staging.pages.values())
    assert (tmp_path / "pages" / "source" / "src" / "ottla" / "log" / "log.py.md").exists()


def test_links_are_found_and_rewritten(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    (repository / "docs" / "guide").mkdir(parents=True)
    (repository / "code.py").write_text("x = '```'\n")
    (repository / "README.md").write_text(
        "[a](docs/guide/a.md#b) [`c`](code.py) `[no](link)` [out](https://ottla.example) [here](#there)\n"
        "```sh\n[no](link)\n```\n[folder](docs/)\n"
    )
    (repository / "docs" / "guide" / "a.md").write_text("[up](../../README.md)\n```json x.json\n{}\n```\n")
    Staging(repository, tmp_path / "pages").lay_out()
    page = (tmp_path / "pages" / "index.md").read_text()
    assert page.startswith(
        "[a](guide/a.md#b) [`c`](source/code.py.md) `[no](link)` [out](https://ottla.example) [here]"
    )
    assert page.endswith("[folder](source/docs/index.md)\n")
    assert (tmp_path / "pages" / "guide" / "a.md").read_text() == '[up](../index.md)\n```json title="x.json"\n{}\n```\n'
    assert (tmp_path / "pages" / "source" / "code.py.md").read_text() == "# code.py\n\n````python\nx = '```'\n````\n"
    (repository / "docs" / "guide" / "a.md").write_text("one\n[gone](../gone.md) [out](../../../x.md)\n")
    with pytest.raises(BrokenLinkError, match=r"docs/guide/a\.md:2: \.\./gone\.md leads nowhere\n.*x\.md"):
        Staging(repository, tmp_path / "pages").lay_out()


@pytest.mark.long
@pytest.mark.skipif(importlib.util.find_spec("material") is None, reason="needs the extra docs")
def test_the_site_is_built(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "docs.site", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Apache Kafka" in (tmp_path / "site" / "index.html").read_text("utf-8")
    assert (tmp_path / "site" / "search" / "search_index.json").stat().st_size > 100_000
    outside = [path for path in (tmp_path / "site").rglob("*.html") if "fonts.googleapis" in path.read_text("utf-8")]
    assert outside == []
