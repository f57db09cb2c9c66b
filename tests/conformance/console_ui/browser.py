"""Chromium, driven by playwright: found where Debian puts it, and told to leave the network alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AXE: Final = "axe-core@4.10.3"
NPM_TIMEOUT_S: Final = 120
WIDTH: Final = 1280
HEIGHT: Final = 800
TIMEOUT_MS: Final = 60_000
QUIET: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_RUN_AXE: Final = """async () => {
    const ending = document.getAnimations().filter(each => each.effect.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(ending.map(each => each.finished));
    return (await axe.run()).violations.map(each => each.id);
}"""


def launched() -> Iterator[Any]:
    """A browser, closed at the end; skips with a reason where there is none."""
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="pip install -e '.[browser-test]' (no browser of its own is needed)"
    )
    path = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )
    if path is None:
        pytest.skip("no Chromium: apt install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield browser
        browser.close()


def axe_source() -> str:
    """axe-core's script, fetched once by npm; skips where it cannot be had."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ottla" / AXE
    script = root / "package" / "axe.min.js"
    if not script.exists():
        if shutil.which("npm") is None:
            pytest.skip("axe-core comes by npm: apt install npm")
        root.mkdir(parents=True, exist_ok=True)
        command = ["npm", "pack", "--silent", AXE]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=NPM_TIMEOUT_S)
        if done.returncode != 0:
            pytest.skip(f"{AXE} cannot be had: {done.stderr.strip()[:200]}")
        with tarfile.open(root / done.stdout.split()[-1]) as packed:
            found = packed.extractfile("package/axe.min.js")
            assert found is not None, "it is a file"
            script.parent.mkdir(exist_ok=True)
            script.write_bytes(found.read())
    return script.read_text("utf-8")


def axe_violations(page: Any) -> list[str]:
    """What axe finds wrong with the page as it is to be looked at: colours that still fade in are nobody's."""
    page.evaluate(axe_source())
    found: list[str] = page.evaluate(_RUN_AXE)
    return found


class Screen:
    """A page of the browser, at the console; what its scripts complain of is kept."""

    def __init__(self, page: Any, url: str, cluster: str) -> None:
        self.page = page
        self.url = url
        self.cluster = cluster
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(f"{error.name}: {error.message}\n{error.stack}"))
        page.on("console", self._said)

    def _said(self, message: Any) -> None:
        """A refused request is logged by the browser as an error; the page shows it, so it is none here."""
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def open(self, *path: str, **query: str) -> None:
        """A page of the console by its address, loaded anew."""
        from urllib.parse import quote, urlencode

        where = "/".join(quote(each, safe="") for each in (self.cluster, *path))
        self.page.goto(f"{self.url}/#/{where}{'?' + urlencode(query) if query else ''}")
        self.page.reload()

    def title(self) -> Any:
        return self.page.get_by_role("heading", level=1)

    def button(self, name: str) -> Any:
        return self.page.get_by_role("button", name=name, exact=True)

    def grid_rows(self) -> Any:
        return self.page.locator(".grid-body .grid-row")

    def until(self, condition: Callable[[], bool], what: str, timeout_ms: int = TIMEOUT_MS) -> None:
        """Waits for what no locator says."""
        waited = 0
        while not condition():
            assert waited < timeout_ms, f"not within {timeout_ms} ms: {what}"
            self.page.wait_for_timeout(50)
            waited += 50
