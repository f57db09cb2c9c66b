"""`python -m tests.plugins [PATTERN …]`: connectors of others, installed and run one after the other.

Packages come by pip and Maven; nothing else leaves this machine. What ran well is noted in the catalogue, with the day
and the version. `--home DIR` keeps plugins elsewhere than in the user's cache; `--dry` notes nothing.
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
import time
import traceback
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from tests.plugins.airbyte import CASES as AIRBYTE
from tests.plugins.catalogue import CATALOGUE
from tests.plugins.java import CASES as JAVA
from tests.plugins.taps import CASES as TAPS
from tests.plugins.targets import CASES as TARGETS
from tests.plugins.world import World

from ottla.connect.catalogue.entries import catalogue_text, parse_catalogue

if TYPE_CHECKING:
    from tests.plugins.case import Case

CASES = (*TAPS, *TARGETS, *AIRBYTE, *JAVA)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.plugins", description=__doc__)
    parser.add_argument("patterns", nargs="*", metavar="PATTERN")
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    parser.add_argument("--home", type=Path, default=Path(cache) / "ottla" / "plugins")
    parser.add_argument("--dry", action="store_true")
    arguments = parser.parse_args()
    wanted = arguments.patterns or ["*"]
    cases = [each for each in CASES if any(fnmatchcase(each.name, pattern) for pattern in wanted)]
    passed, failed = 0, 0
    with World(arguments.home.absolute()) as world:
        for case in cases:
            began = time.monotonic()
            try:
                version = world.install(case.package, case.name)
                case.run(world)
            except Exception as error:
                failed += 1
                print(f"FAILED {case.name}: {error}\n{traceback.format_exc(limit=-2)}", flush=True)
                continue
            passed += 1
            print(f"passed {case.name} {version} in {time.monotonic() - began:.0f} s", flush=True)
            if not arguments.dry:
                note(case, version)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def note(case: Case, version: str) -> None:
    """In the catalogue: this version, today."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    entries = parse_catalogue(CATALOGUE.read_text("utf-8"))
    noted = [each._replace(version=version, tested=today) if each.name == case.name else each for each in entries]
    CATALOGUE.write_text(catalogue_text(noted), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
