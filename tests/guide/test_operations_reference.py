"""docs/reference/operations.md: every command that it shows is one that there is, with the options that it shows."""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from ottla.__main__ import COMMANDS

if TYPE_CHECKING:
    from ottla.__main__ import Command

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "operations.md"
LINES = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]


@pytest.mark.parametrize("line", LINES)
def test_a_line_is_understood(line: str) -> None:
    program, name, *words = shlex.split(line)
    assert program == "ottla"
    parser = argparse.ArgumentParser(exit_on_error=False)
    cast("Command", importlib.import_module(COMMANDS[name][0])).add_arguments(parser)
    parser.parse_args(words)


def test_every_operation_is_shown() -> None:
    shown = {tuple(line.split()[1:3]) for line in LINES}
    for name in ("brokers", "quorum", "reassign", "storage"):
        parser = argparse.ArgumentParser()
        cast("Command", importlib.import_module(COMMANDS[name][0])).add_arguments(parser)
        (operations,) = (each for each in parser._actions if isinstance(each, argparse._SubParsersAction))
        assert {(name, operation) for operation in operations.choices} <= shown
