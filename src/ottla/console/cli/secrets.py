"""Secrets that are handed to a command: by a file, the standard input or a prompt; never by the command line."""

import argparse
import getpass
import sys
from pathlib import Path

from ottla.console.cli.session import UsageError


def add_password(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--password-file",
        metavar="FILE",
        help="the password is the first line of FILE, - is the standard input (default: asked for)",
    )


def read_password(arguments: argparse.Namespace, name: str) -> str:
    """`UsageError` when there is none."""
    file: str | None = arguments.password_file
    if file is None:
        if not sys.stdin.isatty():
            raise UsageError(
                "no terminal to ask for the password: give --password-file FILE, or - for the standard input"
            )
        password = getpass.getpass(f"Password of {name}: ")
        if password and getpass.getpass("Again: ") != password:
            raise UsageError("these were two different passwords")
    else:
        password = first_line(file)
    if not password:
        raise UsageError("an empty password lets nobody in: write one")
    return password


def first_line(file: str) -> str:
    """Of a file, or of the standard input (`-`)."""
    if file == "-":
        return sys.stdin.readline().rstrip("\r\n")
    try:
        lines = Path(file).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: {getattr(error, 'strerror', None) or error}") from None
    return lines[0] if lines else ""
