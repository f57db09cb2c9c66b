"""`ottla COMMAND …` against one address, as a user types it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

COMMAND_TIMEOUT_S = 120


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Cli:
    address: str
    option: str = "--bootstrap"

    def __call__(self, *words: str, stdin: str = "") -> Outcome:
        command = [sys.executable, "-m", "ottla", *words, self.option, self.address]
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=False
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def works(self, *words: str, stdin: str = "") -> Outcome:
        outcome = self(*words, stdin=stdin)
        assert outcome.code == 0, outcome.err
        return outcome
