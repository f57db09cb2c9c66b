"""What argparse makes of words: durations, principals, names of a table; an error says what can be written."""

import argparse
from collections.abc import Callable, Iterable
from typing import TypeVar

from ottla.console.cli.quantities import parse_duration_ms
from ottla.console.operations.acls import check_principal, known_name

T = TypeVar("T")


def typed(parse: Callable[[str], T]) -> Callable[[str], T]:
    """A function that raises `ValueError`, as a type whose message argparse shows."""

    def convert(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


duration_ms = typed(parse_duration_ms)
principal = typed(check_principal)


def one_of(kind: str, names: Iterable[str]) -> Callable[[str], str]:
    """A name of these, however it is written."""
    there = list(names)
    return typed(lambda word: known_name(kind, word, there))
