"""The parser of every command: argparse's, whose errors name what one may have meant."""

import argparse
import re
from collections.abc import Iterator
from typing import NoReturn

_CHOICE = re.compile(r"invalid choice: '(?P<word>[^']*)' \(choose from (?P<choices>.*)\)")
_UNKNOWN = "unrecognized arguments: "


class Parser(argparse.ArgumentParser):
    """Its children are of the same class."""

    def error(self, message: str) -> NoReturn:
        super().error(f"{message}{self._near(message)}")

    def _near(self, message: str) -> str:
        from ottla.console.operations.near_names import did_you_mean

        if found := _CHOICE.search(message):
            choices = [choice.strip(" '\"") for choice in found["choices"].split(",")]
            return did_you_mean(found["word"], choices)
        if message.startswith(_UNKNOWN):
            word = message.removeprefix(_UNKNOWN).split()[0].partition("=")[0]
            return did_you_mean(word, set(_options(self))) if word.startswith("-") else ""
        return ""


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from _options(child)
