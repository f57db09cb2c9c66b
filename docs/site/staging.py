"""What the site is made of: the Markdown of the repository, laid out for MkDocs, and the source files that it names.

README.md is the front page; other pages keep their paths. A link to a page leads to the page, one to a source file or
a table to a page that shows it, coloured; a folder is a list of its files. What leads nowhere is an error, as is an
anchor that is not there (`mkdocs build --strict` looks for those).
"""

from __future__ import annotations

import os.path
import posixpath
import re
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

FRONT: Final = "README.md"
INDEX: Final = "index.md"
SOURCES: Final = "source"
"""Below it are the pages of source files."""
PAGES: Final = (
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/gaps.md",
    "docs/guide/*.md",
    "docs/reference/*.md",
    "docs/adr/*.md",
    "bench/README.md",
    "bench/results/*.md",
)
ASSETS: Final = ("docs/**/*.png", "docs/**/*.svg", "docs/**/*.webp")
LANGUAGES: Final = {
    ".py": "python",
    ".sh": "bash",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".json": "json",
    ".toml": "toml",
    ".java": "java",
    ".js": "javascript",
    ".css": "css",
    ".html": "html",
}
SOURCE_BYTES_MAX: Final = 512 * 1024

_FENCE: Final = re.compile(r"^( *)(```+|~~~+)")
_LINK: Final = re.compile(
    r"(?P<before>!?\[(?:[^\[\]]|\[[^\]]*\])*\]\()(?P<target>[^()\s]+)(?P<after>(?: \"[^\"]*\")?\))"
)
_CODE: Final = re.compile(r"(`+)(?:(?!\1).)*\1")


class BrokenLinkError(Exception):
    """Links that lead nowhere; the text has a line each."""


@dataclass(slots=True)
class Staging:
    repository: Path
    directory: Path
    pages: dict[str, str] = field(default_factory=dict)
    """Path in the repository -> path in the site."""
    broken: list[str] = field(default_factory=list)
    _sources: dict[str, str] = field(default_factory=dict)

    def lay_out(self) -> None:
        """`BrokenLinkError`."""
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        for pattern in PAGES:
            for path in sorted(self.repository.glob(pattern)):
                name = path.relative_to(self.repository).as_posix()
                self.pages[name] = INDEX if name == FRONT else name.removeprefix("docs/")
        for name, page in self.pages.items():
            self._write(page, self._page(name, page))
        for pattern in ASSETS:
            for path in self.repository.glob(pattern):
                target = self.directory / path.relative_to(self.repository / "docs")
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
        for name, page in self._sources.items():
            self._write(page, self._source(name))
        if self.broken:
            raise BrokenLinkError("\n".join(self.broken))

    def _write(self, page: str, text: str) -> None:
        target = self.directory / page
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")

    def _page(self, name: str, page: str) -> str:
        lines = []
        fence = ""
        for number, line in enumerate((self.repository / name).read_text("utf-8").splitlines(), 1):
            found = _FENCE.match(line)
            if found and (not fence or found[2].startswith(fence)):
                fence = "" if fence else found[2]
                line = _language_only(line)
            elif not fence:
                line = self._with_links(name, page, number, line)
            lines.append(line)
        return "\n".join(lines) + "\n"

    def _with_links(self, name: str, page: str, number: int, line: str) -> str:
        """Links within code are none."""
        codes = [found.span() for found in _CODE.finditer(line)]

        def replaced(found: re.Match[str]) -> str:
            start = found.start("target")
            if any(begin <= start < end for begin, end in codes):
                return found[0]
            return found["before"] + self._target(name, page, number, found["target"]) + found["after"]

        return _LINK.sub(replaced, line)

    def _target(self, name: str, page: str, number: int, target: str) -> str:
        if re.match(r"[a-z][a-z0-9+.-]*:|#", target):
            return target
        path, mark, anchor = target.partition("#")
        found = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
        where = self._where(found)
        if where is None:
            self.broken.append(f"{name}:{number}: {target} leads nowhere")
            return target
        relative = os.path.relpath(where, posixpath.dirname(page) or ".")
        return f"{relative}{mark}{anchor}"

    def _where(self, found: str) -> str | None:
        """In the site; `None`: there is nothing of that name in the repository."""
        if found in self.pages:
            return self.pages[found]
        path = self.repository / found
        if found.startswith("..") or not path.exists():
            return None
        if found.startswith("docs/") and path.suffix in (".png", ".svg", ".webp"):
            return found.removeprefix("docs/")
        self._sources.setdefault(found, f"{SOURCES}/{found}{'/index' if path.is_dir() else ''}.md")
        return self._sources[found]

    def _source(self, name: str) -> str:
        path = self.repository / name
        if path.is_dir():
            files = "\n".join(
                f"* `{each.name}`" for each in sorted(path.iterdir()) if not each.name.startswith((".", "_"))
            )
            return f"# {name}/\n\n{files}\n"
        text = path.read_bytes()[:SOURCE_BYTES_MAX].decode("utf-8", "replace")
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
        return f"# {name}\n\n{fence}{LANGUAGES.get(path.suffix, 'text')}\n{text.rstrip()}\n{fence}\n"


def _language_only(line: str) -> str:
    """The guide's blocks name a file behind the language (```` ```json orders.json ````); in the site it is a title."""
    found = re.fullmatch(r"( *```+)(\w+) (\S+)", line)
    return f'{found[1]}{found[2]} title="{found[3]}"' if found else line
