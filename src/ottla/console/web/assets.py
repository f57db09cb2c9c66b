"""The pages: files of `ottla/console/ui`, read once, with validators, compressed, under a strict policy of content."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Final

from ottla.console.web.message import Response

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from ottla.console.web.message import Request

PACKAGE: Final = "ottla.console"
FOLDER: Final = "ui"
INDEX: Final = "index.html"
FILES_MAX: Final = 500
DEPTH_MAX: Final = 8
COMPRESSED_FROM: Final = 1_024
CONTENT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
SAFETY_HEADERS: Final = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
_TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
_COMPRESSED: Final = ("text/", "image/svg", "application/json", "application/manifest")
_NO_PAGES: Final = (
    b"<!doctype html><html lang=en><meta charset=utf-8><title>Ottla</title><h1>Ottla</h1>"
    b"<p>The pages of the console are not installed here. Its API is under <a href=/api/session>/api</a>."
)


@dataclass(frozen=True, slots=True)
class Asset:
    data: bytes
    compressed: bytes | None
    content_type: str
    etag: str

    @classmethod
    def of(cls, name: str, data: bytes) -> Asset:
        suffix = "." + name.rpartition(".")[2]
        content_type = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        small = None
        if len(data) >= COMPRESSED_FROM and content_type.startswith(_COMPRESSED):
            small = gzip.compress(data, 9, mtime=0)
        return cls(data, small, content_type, f'"{hashlib.sha256(data).hexdigest()[:32]}"')


class Assets:
    def __init__(self, root: Traversable | None = None) -> None:
        folder = resources.files(PACKAGE).joinpath(FOLDER) if root is None else root
        self._by_path: dict[str, Asset] = {}
        if folder.is_dir():
            self._read(folder, "", 0)
        if INDEX not in self._by_path:
            self._by_path[INDEX] = Asset.of(INDEX, _NO_PAGES)

    @property
    def paths(self) -> list[str]:
        return sorted(self._by_path)

    def _read(self, folder: Traversable, prefix: str, depth: int) -> None:
        for each in folder.iterdir():
            if each.name.startswith((".", "__")) or each.name.endswith(".py") or len(self._by_path) >= FILES_MAX:
                continue
            if each.is_dir():
                if depth < DEPTH_MAX:
                    self._read(each, f"{prefix}{each.name}/", depth + 1)
            else:
                self._by_path[prefix + each.name] = Asset.of(each.name, each.read_bytes())

    def answer(self, request: Request) -> Response | None:
        """`None`: there is no such file. What has no dot in its last part is a page of the application."""
        path = "/".join(request.segments)
        asset = self._by_path.get(path)
        if asset is None:
            if "." in (request.segments[-1] if request.segments else ""):
                return None
            asset = self._by_path[INDEX]
        headers = [("ETag", asset.etag), ("Cache-Control", "no-cache"), ("Vary", "Accept-Encoding")]
        headers.append(("Content-Security-Policy", CONTENT_POLICY))
        known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
        if asset.etag in known:
            return Response(None, 304, headers)
        data = asset.data
        if asset.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            data = asset.compressed
            headers.append(("Content-Encoding", "gzip"))
        return Response(data, 200, headers, asset.content_type)
