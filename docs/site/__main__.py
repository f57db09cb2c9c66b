"""`python -m docs.site [DIRECTORY]`: the documentation as static pages, in `build/site`. Broken links fail.

Needs the extra `docs` (MkDocs with its theme Material). Nothing is loaded from elsewhere: fonts are the system's, and
the search runs in the browser.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from docs.site.staging import BrokenLinkError, Staging

REPOSITORY: Final = Path(__file__).resolve().parents[2]
DIRECTORY: Final = REPOSITORY / "build" / "site"
GUIDES: Final = (
    "five-minutes",
    "running-it",
    "command-line",
    "schema-registry",
    "connect",
    "connectors",
    "change-data-capture",
    "connectors-of-others",
    "streams",
    "sql",
    "lake",
    "console",
    "testing",
    "observability",
    "security",
    "mirroring",
    "outgrowing-one-machine",
)
"""In the order in which they are read; those that are not named follow."""
REFERENCES: Final = ("cli", "operations", "configs", "connectors", "apis", "rest", "console-api", "console", "metrics")


def main(directory: Path = DIRECTORY) -> int:
    staged = directory.with_name(f"{directory.name}-pages")
    staging = Staging(REPOSITORY, staged)
    try:
        staging.lay_out()
    except BrokenLinkError as error:
        print(error, file=sys.stderr)
        return 1
    config = directory.with_name(f"{directory.name}.yml")
    config.write_text(_yaml(_config(staging, directory)), "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--clean", "--config-file", str(config)],
        check=False,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )
    if done.returncode == 0:
        print(f"{directory}/index.html")
    return done.returncode


def _config(staging: Staging, directory: Path) -> dict[str, Any]:
    return {
        "site_name": "Ottla",
        "site_description": "Apache Kafka's little sister, in Python",
        "docs_dir": str(staging.directory),
        "site_dir": str(directory),
        "use_directory_urls": False,
        "theme": {
            "name": "material",
            "font": False,
            "features": ["navigation.indexes", "navigation.top", "content.code.copy", "search.suggest", "toc.follow"],
            "palette": [
                {
                    "media": f"(prefers-color-scheme: {scheme})",
                    "scheme": name,
                    "primary": "blue grey",
                    "toggle": {"icon": icon, "name": f"Show it {other}"},
                }
                for scheme, name, icon, other in (
                    ("light", "default", "material/weather-night", "dark"),
                    ("dark", "slate", "material/weather-sunny", "light"),
                )
            ],
        },
        "plugins": ["search"],
        "markdown_extensions": [
            "tables",
            "attr_list",
            {"toc": {"permalink": True}},
            {"pymdownx.highlight": {"guess_lang": False}},
            "pymdownx.superfences",
        ],
        "validation": {
            "nav": {"omitted_files": "ignore", "not_found": "warn", "absolute_links": "warn"},
            "links": {"not_found": "warn", "absolute_links": "warn", "unrecognized_links": "warn", "anchors": "warn"},
        },
        "nav": _nav(staging),
    }


def _nav(staging: Staging) -> list[Any]:
    pages = list(staging.pages.values())
    benchmarks = sorted((each for each in pages if each.startswith("bench/results/")), reverse=True)
    compatibility = [each for each in ("reference/foreign-suites.md", "gaps.md") if each in pages]
    return [
        {"Ottla": "index.md"},
        {"Guides": _ordered(pages, "guide/", GUIDES)},
        {"Reference": _ordered([each for each in pages if each not in compatibility], "reference/", REFERENCES)},
        {"Compatibility": compatibility},
        {"Benchmarks": [each for each in ("bench/README.md", *benchmarks) if each in pages]},
        {"How it works inside": ["ARCHITECTURE.md", *_ordered(pages, "adr/", ("README",)), "CONTRIBUTING.md"]},
        {"Changes": "CHANGELOG.md"},
    ]


def _ordered(pages: list[str], folder: str, first: tuple[str, ...]) -> list[str]:
    found = sorted(each for each in pages if each.startswith(folder))
    named = [f"{folder}{name}.md" for name in first]
    return [each for each in named if each in found] + [each for each in found if each not in named]


def _yaml(value: Any) -> str:
    """JSON is YAML."""
    import json

    return json.dumps(value, indent=1)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve() if sys.argv[1:] else DIRECTORY))
