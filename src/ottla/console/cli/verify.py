"""`ottla verify DIRECTORY…`: whether a data directory is whole. Changes nothing."""

import argparse
import sys
from pathlib import Path

from ottla.console.cli.output import bytes_text, note, print_json
from ottla.console.cli.progress import ByteProgress
from ottla.console.cli.session import EXIT_FAILED, EXIT_OK
from ottla.tools.verification import Finding, Severity, Verification, verify

_EXIT_BY_SEVERITY = {
    None: EXIT_OK,
    Severity.NOTE: EXIT_OK,
    Severity.REPAIRABLE: EXIT_FAILED,
    Severity.DAMAGE: EXIT_FAILED,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Read a data directory, or the directory of one partition, from end to end: checksums, offsets, leader epochs,"
        " indexes, snapshots, checkpoints. Changes nothing. Ends with 1 if something is damaged or to be repaired."
    )
    parser.add_argument("directories", nargs="+", metavar="DIRECTORY")
    parser.add_argument("--records", action="store_true", help="decode every record, too; takes longer")
    parser.add_argument("--json", action="store_true", help="JSON for programs")


def run(arguments: argparse.Namespace) -> int:
    code = EXIT_OK
    for name in arguments.directories:
        progress = ByteProgress() if sys.stderr.isatty() else None
        try:
            result = verify(Path(name), records=arguments.records, progress=progress.show if progress else None)
        except OSError as error:
            note(f"ottla: {error.filename or name}: {error.strerror or error}")
            return EXIT_FAILED
        finally:
            if progress is not None:
                progress.end()
        _show(arguments, name, result)
        code = max(code, _EXIT_BY_SEVERITY[result.worst])
    return code


def _show(arguments: argparse.Namespace, name: str, result: Verification) -> None:
    if arguments.json:
        print_json({"directory": name, **as_json(result)})
        return
    for finding in result.findings:
        print(finding_text(finding))
    read = f"{result.logs} logs, {result.segments} segments, {result.batches} batches, {result.records} records"
    verdict = {
        None: "all is well",
        Severity.NOTE: "all is well",
        Severity.REPAIRABLE: "something is to be repaired",
        Severity.DAMAGE: "DAMAGED",
    }[result.worst]
    print(f"{name}: {verdict}; {read}, {bytes_text(result.bytes)}.")


def finding_text(finding: Finding) -> str:
    advice = f" ({finding.advice})" if finding.advice else ""
    return f"{finding.severity.name.lower()}: {finding.where}: {finding.what}{advice}"


def as_json(result: Verification) -> dict[str, object]:
    return {
        "verdict": "whole" if not result.worst else result.worst.name.lower(),
        "logs": result.logs,
        "segments": result.segments,
        "batches": result.batches,
        "records": result.records,
        "bytes": result.bytes,
        "findings": [
            {"severity": each.severity.name.lower(), "where": each.where, "what": each.what, "advice": each.advice}
            for each in result.findings
        ],
    }
