"""`ottla COMMAND …` against one address, as a user types it."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ottla.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@dataclass(frozen=True)
class InProcessCli:
    """The same without a process for each command, for tests that give many. `options` follow every command."""

    options: tuple[str, ...] = field(default=())

    def __call__(self, *words: str, stdin: str = "") -> Outcome:
        out, err = io.StringIO(), io.StringIO()
        with _standard_input(stdin), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = main([*words, *self.options])
            except SystemExit as left:
                code = left.code if isinstance(left.code, int) else 1
        return Outcome(code, out.getvalue(), err.getvalue())

    def works(self, *words: str, stdin: str = "") -> Outcome:
        outcome = self(*words, stdin=stdin)
        assert outcome.code == 0, outcome.err or outcome.out
        return outcome

    def json(self, *words: str, stdin: str = "") -> Any:
        return self.works(*words, "--json", stdin=stdin).json


@contextlib.contextmanager
def _standard_input(text: str) -> Iterator[None]:
    with tempfile.TemporaryFile("w+") as file:  # with a descriptor, as what a shell gives has one
        file.write(text)
        file.seek(0)
        before, sys.stdin = sys.stdin, file
        try:
            yield
        finally:
            sys.stdin = before
