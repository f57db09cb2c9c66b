"""`ottla schemas list|describe|get|register|check|diff|compatibility|delete`: what a schema registry has."""

import argparse
from pathlib import Path

from ottla.console.cli.output import note, print_json, table
from ottla.console.cli.rest_clients import registry_client
from ottla.console.cli.session import EXIT_FAILED, EXIT_OK, EXIT_USAGE, UsageError
from ottla.console.operations import schemas
from ottla.registry.client.registry_client import Registered, RegistryClient, RegistryClientError, Schema
from ottla.registry.schema.reference import Reference
from ottla.runtime.tls_files import add_client_arguments

DEFAULT_REGISTRY = "http://localhost:8081"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    common = [_registry_arguments()]
    commands = parser.add_subparsers(dest="operation", required=True, metavar="OPERATION")

    listing = commands.add_parser("list", parents=common, help="the subjects")
    listing.add_argument("--prefix", default="", metavar="TEXT", help="only those that begin so")
    listing.add_argument("--deleted", action="store_true", help="deleted ones, too")

    describe = commands.add_parser("describe", parents=common, help="versions, ids and references of subjects")
    describe.add_argument("subjects", nargs="+", metavar="SUBJECT")

    get = commands.add_parser("get", parents=common, help="print a schema")
    get.add_argument("subject", nargs="?", metavar="SUBJECT")
    get.add_argument("--version", type=int, metavar="N", help="(default: the latest)")
    get.add_argument("--id", type=int, metavar="ID", help="by its id, instead of a subject")
    get.add_argument("--raw", action="store_true", help="as the registry has it, not indented")

    register = commands.add_parser("register", parents=common, help="make a file a version of a subject")
    _add_schema(register)

    check = commands.add_parser("check", parents=common, help="whether a file could be the next version; 1 if not")
    _add_schema(check)
    check.add_argument("--version", type=int, metavar="N", help="against this one (default: as the level says)")

    diff = commands.add_parser("diff", parents=common, help="what changed between two versions; 1 if something did")
    diff.add_argument("subject", metavar="SUBJECT")
    diff.add_argument("before", type=int, nargs="?", metavar="VERSION", help="(default: the one before the latest)")
    diff.add_argument("after", type=int, nargs="?", metavar="VERSION", help="(default: the latest)")

    level = commands.add_parser("compatibility", parents=common, help="show or set the level of compatibility")
    level.add_argument("subject", nargs="?", metavar="SUBJECT", help="(default: of the registry)")
    level.add_argument("--set", type=str.upper, choices=schemas.LEVELS, metavar="LEVEL", help=", ".join(schemas.LEVELS))
    level.add_argument("--delete", action="store_true", help="back to the registry's, or to its default")

    delete = commands.add_parser("delete", parents=common, help="delete a subject, or one version of it")
    delete.add_argument("subject", metavar="SUBJECT")
    delete.add_argument("--version", type=int, metavar="N", help="only this version")
    delete.add_argument("--permanent", action="store_true", help="for good; what was deleted before without it")


def _registry_arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--registry",
        metavar="URL",
        help=f"http://[USER:PASSWORD@]HOST:PORT (default: the profile's, else {DEFAULT_REGISTRY})",
    )
    parser.add_argument("--profile", metavar="PROFILE", help="a cluster by its name; see `ottla profile`")
    add_client_arguments(parser)
    parser.add_argument("--json", action="store_true", help="JSON for programs, instead of tables")
    return parser


def _add_schema(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("subject", metavar="SUBJECT")
    parser.add_argument("--file", required=True, metavar="FILE", help=".avsc, .json or .proto")
    parser.add_argument("--type", type=str.upper, choices=schemas.TYPES, help="(default: as the file's name says)")
    parser.add_argument(
        "--reference",
        action="append",
        default=[],
        metavar="NAME=SUBJECT:VERSION",
        help="what the schema calls NAME; may be repeated",
    )
    parser.add_argument("--normalize", action="store_true", help="schemas that mean the same are one")


def run(arguments: argparse.Namespace) -> int:
    operations = {
        "list": _list,
        "describe": _describe,
        "get": _get,
        "register": _register,
        "check": _check,
        "diff": _diff,
        "compatibility": _compatibility,
        "delete": _delete,
    }
    try:
        return operations[arguments.operation](registry_client(arguments, DEFAULT_REGISTRY), arguments)
    except UsageError as error:
        note(f"ottla: {error}")
        return EXIT_USAGE
    except RegistryClientError as error:
        hint = (
            "" if error.code else "\nIs a registry running? `ottla registry` starts one; --registry URL names another."
        )
        note(f"ottla: {error}{hint}")
        return EXIT_FAILED


def _list(client: RegistryClient, arguments: argparse.Namespace) -> int:
    names = schemas.list_subjects(client, prefix=arguments.prefix, deleted=arguments.deleted)
    if arguments.json:
        print_json(names)
    elif names:
        print("\n".join(names))
    else:
        note("There are no subjects yet: `ottla schemas register SUBJECT --file FILE`.")
    return EXIT_OK


def _describe(client: RegistryClient, arguments: argparse.Namespace) -> int:
    described = [schemas.describe_subject(client, name) for name in arguments.subjects]
    if arguments.json:
        print_json(
            [
                {"subject": s.name, "level": s.level, "versions": [_as_json(each) for each in s.versions]}
                for s in described
            ]
        )
        return EXIT_OK
    for position, subject in enumerate(described):
        level = subject.level or "of the registry"
        print(f"{chr(10) if position else ''}{subject.name}  (compatibility {level})")
        rows = [
            (
                each.version,
                each.id,
                each.schema.schema_type,
                ", ".join(f"{r.name}={r.subject}:{r.version}" for r in each.schema.references) or None,
            )
            for each in subject.versions
        ]
        print(table(("VERSION", "ID", "TYPE", "REFERENCES"), rows))
    return EXIT_OK


def _get(client: RegistryClient, arguments: argparse.Namespace) -> int:
    if (arguments.subject is None) == (arguments.id is None):
        raise UsageError("which schema? give a SUBJECT (and --version N), or --id ID")
    if arguments.id is not None:
        schema = client.schema(arguments.id)
        if arguments.json:
            print_json({"id": arguments.id, **schema.to_json()})
            return EXIT_OK
    else:
        found = schemas.find(client, arguments.subject, arguments.version)
        schema = found.schema
        if arguments.json:
            print_json(_as_json(found))
            return EXIT_OK
    print(schema.text if arguments.raw else schemas.readable(schema))
    return EXIT_OK


def _register(client: RegistryClient, arguments: argparse.Namespace) -> int:
    made = client.register(arguments.subject, _schema(arguments), normalize=arguments.normalize)
    if not made.version:  # a registry that only tells the id
        found = schemas.registered(client, arguments.subject, made.schema, normalize=arguments.normalize)
        made = found or made
    if arguments.json:
        print_json(_as_json(made))
    else:
        print(f"{arguments.subject} has it as version {made.version}, id {made.id}.")
    return EXIT_OK


def _check(client: RegistryClient, arguments: argparse.Namespace) -> int:
    result = schemas.check(client, arguments.subject, _schema(arguments), version=arguments.version)
    if arguments.json:
        print_json(result)
    else:
        for message in result.messages:
            print(message)
        print(f"{arguments.subject} {'could take it' if result.is_compatible else 'would refuse it'}.")
    return EXIT_OK if result.is_compatible else EXIT_FAILED


def _diff(client: RegistryClient, arguments: argparse.Namespace) -> int:
    versions = [each.version for each in schemas.describe_subject(client, arguments.subject).versions]
    if arguments.before is None and len(versions) < 2:
        raise UsageError(f"{arguments.subject} has one version: name two to compare")
    before = arguments.before if arguments.before is not None else versions[-2]
    after = arguments.after if arguments.after is not None else versions[-1]
    both = [schemas.find(client, arguments.subject, version) for version in (before, after)]
    lines = schemas.diff(both[0], both[1])
    fits = schemas.check(client, arguments.subject, both[1].schema, version=before)
    if arguments.json:
        print_json({"before": before, "after": after, "diff": lines, "compatibility": fits})
    else:
        if lines:
            print("\n".join(lines))
        for message in fits.messages:
            note(message)
        level = "is compatible with" if fits.is_compatible else "is NOT compatible with"
        note(f"Version {after} {level} version {before} at the subject's level.")
    return EXIT_FAILED if lines else EXIT_OK


def _compatibility(client: RegistryClient, arguments: argparse.Namespace) -> int:
    if arguments.set and arguments.delete:
        raise UsageError("--set and --delete contradict each other")
    if arguments.set or arguments.delete:
        schemas.set_level(client, arguments.set, arguments.subject)
    level = schemas.get_level(client, arguments.subject)
    if arguments.json:
        print_json({"subject": arguments.subject, "level": level})
    else:
        print(level or f"{arguments.subject} has no level of its own: {schemas.get_level(client)} holds.")
    return EXIT_OK


def _delete(client: RegistryClient, arguments: argparse.Namespace) -> int:
    gone = schemas.delete(client, arguments.subject, arguments.version, permanent=arguments.permanent)
    if arguments.json:
        print_json({"subject": arguments.subject, "versions": gone})
    else:
        plural = "" if len(gone) == 1 else "s"
        print(f"Deleted version{plural} {', '.join(map(str, gone))} of {arguments.subject}.")
    return EXIT_OK


def _schema(arguments: argparse.Namespace) -> Schema:
    kind = arguments.type or schemas.type_of_file(arguments.file)
    if kind is None:
        raise UsageError(f"{arguments.file}: is it avro, json or protobuf? its name does not say: give --type")
    try:
        text = Path(arguments.file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--file {arguments.file}: {getattr(error, 'strerror', None) or error}") from None
    return Schema(text, kind, tuple(map(_reference, arguments.reference)))


def _reference(word: str) -> Reference:
    name, separator, place = word.rpartition("=")
    subject, colon, version = place.rpartition(":")
    if not (separator and colon and name and subject and version.isdecimal()):
        raise UsageError(f"--reference: '{word}' is none: write NAME=SUBJECT:VERSION")
    return Reference(name, subject, int(version))


def _as_json(each: Registered) -> dict[str, object]:
    return {"subject": each.subject, "version": each.version, "id": each.id, **each.schema.to_json()}
