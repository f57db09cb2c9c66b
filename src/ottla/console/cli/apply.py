"""`ottla apply --file FILE`: make a cluster what a file says, after showing what that changes."""

import argparse
import sys
from pathlib import Path

from ottla.clients.client import KafkaClient
from ottla.clients.errors import ClientError
from ottla.console.cli.connectors import DEFAULT_URL
from ottla.console.cli.output import note, print_json
from ottla.console.cli.quantities import parse_bytes
from ottla.console.cli.rest_clients import connect_api, registry_client
from ottla.console.cli.schemas import DEFAULT_REGISTRY
from ottla.console.cli.session import (
    EXIT_FAILED,
    EXIT_OK,
    UsageError,
    add_cluster_arguments,
    run_with_client,
)
from ottla.console.operations.apply.change import ALTER, CREATE, DELETE, REFUSE, Change
from ottla.console.operations.apply.document import SECTIONS, Document, DocumentError, load
from ottla.console.operations.apply.plan import make_plan
from ottla.console.operations.apply.wishes import read_document
from ottla.console.operations.connectors import ConnectApi, ConnectorsError
from ottla.protocol.errors import KafkaError
from ottla.registry.client.registry_client import RegistryClientError
from ottla.runtime.tls_files import add_client_arguments

_SIGNS = {CREATE: "+", ALTER: "~", DELETE: "-", REFUSE: "!"}
_DONE = {CREATE: "Created", ALTER: "Altered", DELETE: "Deleted"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Make a cluster what a file says: topics, configs, users, ACLs, quotas, schemas, connectors. Shows the plan"
        " first; what is as it should be is left alone, and nothing is deleted unless --prune says so."
    )
    add_cluster_arguments(parser)
    parser.add_argument("-f", "--file", required=True, metavar="FILE", help=".toml, .json, or .yaml (ottla[yaml])")
    parser.add_argument(
        "--registry", metavar="URL", help=f"for schemas (default: the profile's, else {DEFAULT_REGISTRY})"
    )
    parser.add_argument(
        "--connect",
        metavar="URL",
        help=f"for connectors: a worker's REST API (default: the profile's, else {DEFAULT_URL})",
    )
    add_client_arguments(parser)
    parser.add_argument("--dry-run", action="store_true", help="only show the plan; 0 if nothing would change, else 1")
    parser.add_argument("-y", "--yes", action="store_true", help="do it without asking")
    parser.add_argument(
        "--prune",
        action="append",
        default=[],
        choices=SECTIONS,
        help="delete what this section does not name; may be repeated. configs: keys of what the file names",
    )
    parser.add_argument("--secrets", action="store_true", help="set passwords again, which no broker tells")


def run(arguments: argparse.Namespace) -> int:
    return run_with_client(arguments, _apply)


async def _apply(client: KafkaClient, arguments: argparse.Namespace) -> int:
    path = Path(arguments.file)
    try:
        document = read_document(load(path), path.parent, parse_bytes)
    except DocumentError as error:
        raise UsageError(str(error)) from None
    _check_prune(arguments, document)
    connect = None
    if document.connectors is not None:
        connect = connect_api(arguments, arguments.connect, DEFAULT_URL)
    try:
        return await _apply_document(client, connect, document, arguments)
    except (RegistryClientError, ConnectorsError) as error:
        raise ClientError(str(error)) from None
    finally:
        if connect is not None:
            connect.close()


async def _apply_document(
    client: KafkaClient, connect: ConnectApi | None, document: Document, arguments: argparse.Namespace
) -> int:
    registry = None
    if document.schemas is not None:
        registry = registry_client(arguments, DEFAULT_REGISTRY)
    plan = await make_plan(
        client, document, registry=registry, connect=connect, prune=arguments.prune, secrets=arguments.secrets
    )
    refused = [change for change in plan if change.action == REFUSE]
    if not arguments.json:
        _show(plan)
    if arguments.dry_run or refused or not plan:
        if arguments.json:
            print_json({"changes": [_as_json(change) for change in plan], "applied": 0})
        if refused:
            note("Nothing was changed: what is marked with ! cannot be done.")
        return EXIT_FAILED if plan else EXIT_OK
    _ask(arguments, plan)
    return await _carry_out(arguments, plan)


def _check_prune(arguments: argparse.Namespace, document: Document) -> None:
    for section in arguments.prune:
        there = getattr(document, section) is not None or (section == "configs" and document.topics is not None)
        if not there:
            raise UsageError(f"--prune {section}: the file has no section {section}, which would delete all of it")


def _show(plan: list[Change]) -> None:
    for change in plan:
        print(f"{_SIGNS[change.action]} {change.kind} {change.name}")
        for detail in change.details:
            print(f"    {detail}")
    counts = {action: sum(change.action == action for change in plan) for action in _SIGNS}
    if plan:
        note(f"{counts[CREATE]} to create, {counts[ALTER]} to alter, {counts[DELETE]} to delete.")
    else:
        note("All is as the file says.")


def _ask(arguments: argparse.Namespace, plan: list[Change]) -> None:
    if arguments.yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{len(plan)} changes, and no terminal to ask: give --yes, or --dry-run to see them only")
    sys.stderr.write("Do it? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("nothing was changed")


async def _carry_out(arguments: argparse.Namespace, plan: list[Change]) -> int:
    """One after the other; what fails does not keep the rest from being done."""
    failed: list[tuple[Change, str]] = []
    for change in plan:
        assert change.run is not None
        try:
            await change.run()
        except KafkaError as error:
            failed.append((change, f"{error.message} [{error.code.name}]"))
        except (ClientError, RegistryClientError, ConnectorsError) as error:
            failed.append((change, str(error)))
        else:
            if not arguments.json:
                print(f"{_DONE[change.action]} {change.kind} {change.name}.")
    for change, why in failed:
        note(f"ottla: {change.kind} {change.name}: {why}")
    if arguments.json:
        errors = {id(change): why for change, why in failed}
        changes = [{**_as_json(change), "error": errors.get(id(change))} for change in plan]
        print_json({"changes": changes, "applied": len(plan) - len(failed)})
    return EXIT_FAILED if failed else EXIT_OK


def _as_json(change: Change) -> dict[str, object]:
    return {"action": change.action, "kind": change.kind, "name": change.name, "details": change.details}
