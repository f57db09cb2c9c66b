"""Which files are served, how they are kept by browsers, and what is not served."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from ottla.console.web.assets import CONTENT_POLICY, Assets
from ottla.console.web.message import Request, Response

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def assets(tmp_path: Path) -> Assets:
    (tmp_path / "ui" / "pages").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "ui" / "index.html").write_text("<!doctype html>")
    (tmp_path / "ui" / "pages" / "big.js").write_text("export const a = 1;\n" * 200)
    (tmp_path / "ui" / "mark.svg").write_text("<svg/>")
    (tmp_path / "ui" / "code.py").write_text("x = 1")
    (tmp_path / "ui" / ".hidden").write_text("x")
    return Assets(tmp_path / "ui")


def ask(assets: Assets, path: str, **headers: str) -> Response | None:
    segments = [each for each in path.split("/") if each]
    return assets.answer(Request("GET", path, segments, {}, {k.replace("_", "-"): v for k, v in headers.items()}, ""))


def test_files_are_served_with_their_type(assets: Assets) -> None:
    assert assets.paths == ["index.html", "mark.svg", "pages/big.js"]
    script = ask(assets, "/pages/big.js")
    assert script is not None
    assert script.content_type == "text/javascript; charset=utf-8"
    assert ("Content-Security-Policy", CONTENT_POLICY) in script.headers
    assert "unsafe" not in CONTENT_POLICY


def test_every_page_is_the_index(assets: Assets) -> None:
    for path in ("/", "/local/topics", "/index.html"):
        page = ask(assets, path)
        assert page is not None
        assert page.body == b"<!doctype html>"


@pytest.mark.parametrize("path", ["/code.py", "/.hidden", "/../secret.txt", "/pages/../../secret.txt", "/missing.js"])
def test_nothing_else_is_served(assets: Assets, path: str) -> None:
    assert ask(assets, path) is None


def test_a_browser_keeps_what_has_not_changed(assets: Assets) -> None:
    first = ask(assets, "/mark.svg")
    assert first is not None
    etag = dict(first.headers)["ETag"]
    again = ask(assets, "/mark.svg", if_none_match=f'"other", W/{etag}')
    assert again is not None
    assert (again.status, again.body) == (304, None)
    other = ask(assets, "/mark.svg", if_none_match='"other"')
    assert other is not None
    assert other.status == 200


def test_what_is_large_is_compressed(assets: Assets) -> None:
    script = ask(assets, "/pages/big.js", accept_encoding="gzip, br")
    assert script is not None
    assert ("Content-Encoding", "gzip") in script.headers
    assert isinstance(script.body, bytes)
    assert gzip.decompress(script.body).startswith(b"export")
    small = ask(assets, "/mark.svg", accept_encoding="gzip")
    assert small is not None
    assert small.body == b"<svg/>"


def test_without_pages_it_says_so(tmp_path: Path) -> None:
    page = ask(Assets(tmp_path / "nothing"), "/")
    assert page is not None
    assert b"not installed" in (page.body if isinstance(page.body, bytes) else b"")
