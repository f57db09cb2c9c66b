"""`ottla doctor`: what ails a cluster, or a data directory, and what to do."""

import argparse
import shutil
import sys
from pathlib import Path

from ottla.clients.client import KafkaClient
from ottla.console.cli.output import note, print_json
from ottla.console.cli.progress import ByteProgress
from ottla.console.cli.session import EXIT_FAILED, EXIT_OK, add_cluster_arguments, run_with_client
from ottla.console.operations.health import DISK_PROBLEM, DISK_WARNING, Diagnosis, Level, examine
from ottla.tools.verification import Severity, verify

_LEVELS = {Severity.NOTE: Level.NOTE, Severity.REPAIRABLE: Level.WARNING, Severity.DAMAGE: Level.PROBLEM}
_SIGNS = {Level.OK: "ok", Level.NOTE: "note", Level.WARNING: "WARNING", Level.PROBLEM: "PROBLEM"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Look at a cluster: brokers, disks, quorum, partitions, throttles, transactions, groups, features; or, with"
        " --data, at the data directory of a node on this machine. Says what to do. Changes nothing. Ends with 1 if"
        " there is a warning or a problem."
    )
    add_cluster_arguments(parser)
    parser.add_argument("--data", metavar="DIRECTORY", help="a data directory, instead of a cluster")


def run(arguments: argparse.Namespace) -> int:
    if arguments.data is None:
        return run_with_client(arguments, _examine)
    directory = Path(arguments.data)
    try:
        return _report(arguments, _examine_directory(directory))
    except OSError as error:
        note(f"ottla: {error.filename or directory}: {error.strerror or error}")
        return EXIT_FAILED


async def _examine(client: KafkaClient, arguments: argparse.Namespace) -> int:
    return _report(arguments, await examine(client))


def _examine_directory(directory: Path) -> list[Diagnosis]:
    progress = ByteProgress() if sys.stderr.isatty() else None
    try:
        result = verify(directory, progress=progress.show if progress else None)
    finally:
        if progress is not None:
            progress.end()
    found = [Diagnosis(_LEVELS[each.severity], each.where, each.what, each.advice) for each in result.findings]
    read = f"{result.logs} logs with {result.records} records were read"
    if not any(each.level > Level.NOTE for each in found):
        found.append(Diagnosis(Level.OK, "files", f"well: {read}"))
    usage = shutil.disk_usage(directory)
    used = 1 - usage.free / usage.total
    level = Level.OK if used < DISK_WARNING else Level.WARNING if used < DISK_PROBLEM else Level.PROBLEM
    advice = "" if level is Level.OK else "lower retention, or move replicas to another node"
    found.append(Diagnosis(level, "disk", f"{used:.0%} full", advice))
    return sorted(found, key=lambda each: -each.level)


def _report(arguments: argparse.Namespace, found: list[Diagnosis]) -> int:
    worst = max(each.level for each in found)
    if arguments.json:
        print_json(
            [
                {"level": each.level.name.lower(), "subject": each.subject, "what": each.what, "advice": each.advice}
                for each in found
            ]
        )
    else:
        for each in found:
            print(f"{_SIGNS[each.level]:<8} {each.subject}: {each.what}")
            if each.advice:
                print(f"{'':<8} -> {each.advice}")
    return EXIT_FAILED if worst >= Level.WARNING else EXIT_OK
