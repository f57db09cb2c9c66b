"""The shape of the source: sizes, names, docstrings, and no trace of the machine that it was written on."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from tests.house.source import REPOSITORY, modules, where

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 70

EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "base", "stuff"}
MACHINE_PATH = re.compile(r"/(?:work|root|home|Users|mnt)/[A-Za-z0-9_.]")
TEMPORARY = "/" + "tmp/"
OF_THE_IMAGE = "/mnt/" + "shared/config"  # where the image apache/kafka looks for a file
KAFKA_DEFAULTS = (TEMPORARY + "kafka-logs", TEMPORARY + "kraft")  # default values of Apache Kafka's configuration
TEXT_SUFFIXES = {".py", ".md", ".toml", ".txt", ".tsv", ".sh", ".yml", ".yaml", ".xml", ".properties", ""}


def test_files_are_small() -> None:
    big = [f"{module.name}: {lines}" for module in modules() if (lines := module.text.count("\n")) > MAX_FILE_LINES]
    assert big == []


def test_functions_are_short() -> None:
    long = [
        f"{where(module, node.lineno)} {node.name}: {length}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > MAX_FUNCTION_LINES
    ]
    assert long == []


def test_names_say_something() -> None:
    wrong = [module.name for module in modules() if EMPTY_NAMES & set(module.name.split("."))]
    assert wrong == []


def test_file_names_are_snake_case() -> None:
    wrong = [module.name for module in modules() if not re.fullmatch(r"[a-z0-9_.]+", module.name)]
    assert wrong == []


def test_every_file_says_what_it_owns() -> None:
    silent = [module.name for module in modules() if module.text.strip() and not ast.get_docstring(module.tree)]
    assert silent == []


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    wrong = []
    for path in _texts():
        text = path.read_text("utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            if MACHINE_PATH.search(line.replace(OF_THE_IMAGE, "")) or (
                TEMPORARY in line and not any(default in line for default in KAFKA_DEFAULTS)
            ):
                wrong.append(f"{path.relative_to(REPOSITORY)}:{number}: {line.strip()}")
    assert wrong == []


def test_the_rules_see_what_they_look_for() -> None:
    assert MACHINE_PATH.search("open('/" + "home/somebody')")
    assert not MACHINE_PATH.search("see docs/homepage")
    text = "def f():\n" + "    pass\n" * MAX_FUNCTION_LINES
    function = ast.parse(text).body[0]
    assert isinstance(function, ast.FunctionDef)
    assert (function.end_lineno or 0) - function.lineno + 1 > MAX_FUNCTION_LINES


def _texts() -> Iterator[Path]:
    for folder in ("src", "tests", "docs", "bench", ".ci"):
        for path in sorted((REPOSITORY / folder).rglob("*")):
            if path.is_file() and path.suffix in TEXT_SUFFIXES:
                yield path
    for path in sorted(REPOSITORY.iterdir()):
        if path.is_file() and path.name != ".git" and (path.suffix in TEXT_SUFFIXES or path.name == "Makefile"):
            yield path
