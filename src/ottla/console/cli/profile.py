"""`ottla profile list|show|set|use|delete|path`: clusters under names."""

import argparse
import dataclasses
import os

from ottla.clients.client import parse_bootstrap
from ottla.clients.errors import ClientError
from ottla.console.cli.output import note, print_json, table
from ottla.console.cli.session import EXIT_FAILED, EXIT_OK, EXIT_USAGE, UsageError, key_values
from ottla.console.operations import profiles
from ottla.console.operations.profiles import PROFILE_VARIABLE, Profile, ProfileError
from ottla.runtime.tls_files import add_client_arguments

_SECRET_WORDS = ("password", "jaas", "secret", "token")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        f"A command takes --profile NAME, else ${PROFILE_VARIABLE}, else the default profile;"
        " with --bootstrap and neither of the two, none. The command's own options win."
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="JSON for programs, instead of tables")
    commands = parser.add_subparsers(dest="operation", required=True, metavar="OPERATION")

    commands.add_parser("list", parents=[common], help="the profiles that there are")
    show = commands.add_parser("show", parents=[common], help="what a profile says")
    show.add_argument("name", nargs="?", metavar="PROFILE", help="(default: the one in use)")

    change = commands.add_parser("set", parents=[common], help="make a profile, or change what is named here")
    change.add_argument("name", metavar="PROFILE")
    change.add_argument("--bootstrap", metavar="HOST:PORT[,…]", help="where a broker of the cluster listens")
    change.add_argument("--registry", metavar="URL", help="of the schema registry")
    change.add_argument("--connect", metavar="URL", help="of a worker's REST API")
    change.add_argument("--command-config", metavar="FILE", help="a client.properties")
    add_client_arguments(change)
    change.add_argument("--timeout", type=float, metavar="SECONDS", help="how long commands try")
    change.add_argument("--set", action="append", metavar="KEY=VALUE", help="a property of the client; may be repeated")
    change.add_argument("--delete", action="append", default=[], metavar="KEY", help="such a property, or bootstrap …")

    use = commands.add_parser("use", parents=[common], help="make a profile the default")
    use.add_argument("name", metavar="PROFILE")
    delete = commands.add_parser("delete", parents=[common], help="forget a profile")
    delete.add_argument("name", metavar="PROFILE")
    commands.add_parser("path", parents=[common], help="where the file is")


def run(arguments: argparse.Namespace) -> int:
    operations = {"list": _list, "show": _show, "set": _set, "use": _use, "delete": _delete, "path": _path}
    try:
        operations[arguments.operation](arguments)
    except UsageError as error:
        note(f"ottla: {error}")
        return EXIT_USAGE
    except ProfileError as error:
        note(f"ottla: {error}")
        return EXIT_FAILED
    return EXIT_OK


def _list(arguments: argparse.Namespace) -> None:
    there = profiles.read_profiles(profiles.config_file())
    used = os.environ.get(PROFILE_VARIABLE) or there.default
    if arguments.json:
        print_json([{"name": name, "default": name == there.default, **_shown(p)} for name, p in there.by_name.items()])
    elif there.by_name:
        rows = [("*" if name == used else "", name, p.bootstrap, p.registry) for name, p in there.by_name.items()]
        print(table(("", "PROFILE", "BOOTSTRAP", "REGISTRY"), rows))
    else:
        note("There are no profiles yet: `ottla profile set NAME --bootstrap HOST:PORT`.")


def _show(arguments: argparse.Namespace) -> None:
    found = profiles.chosen(profiles.config_file(), arguments.name)
    if found is None:
        raise ProfileError("no profile is in use: `ottla profile list` shows which there are")
    name, profile = found
    if arguments.json:
        print_json({"name": name, **_shown(profile)})
        return
    print(name)
    for key, value in _shown(profile).items():
        for line in [f"{key}={value}"] if key != "properties" else [f"{k}={v}" for k, v in value.items()]:  # type: ignore[attr-defined]
            print(f"  {line}")


def _shown(profile: Profile) -> dict[str, object]:
    """What was said, without what is secret."""
    said = {key: value for key, value in dataclasses.asdict(profile).items() if value not in (None, {})}
    if profile.properties:
        said["properties"] = {
            key: "(hidden)" if any(word in key for word in _SECRET_WORDS) else value
            for key, value in profile.properties.items()
        }
    return said


def _set(arguments: argparse.Namespace) -> None:
    file = profiles.config_file()
    before = profiles.read_profiles(file).by_name.get(arguments.name, Profile())
    if arguments.bootstrap is not None:
        try:
            parse_bootstrap(arguments.bootstrap)
        except ClientError as error:
            raise UsageError(f"--bootstrap: {error}") from None
    given = {
        "bootstrap": arguments.bootstrap,
        "registry": arguments.registry,
        "connect": arguments.connect,
        "timeout_s": arguments.timeout,
    }
    files: dict[str, str | None] = {key: getattr(arguments, key) for key in profiles.FILES}
    given |= {key: os.path.abspath(name) if name else None for key, name in files.items()}  # noqa: PTH100
    changes: dict[str, object] = {key: value for key, value in given.items() if value is not None}
    properties = {**before.properties, **key_values(arguments.set)}
    for key in arguments.delete:
        if key.replace("-", "_") in given:
            changes[key.replace("-", "_")] = None
        elif properties.pop(key, None) is None:
            raise UsageError(f"profile {arguments.name} has no '{key}'")
    profile = dataclasses.replace(before, properties=properties, **changes)  # type: ignore[arg-type]
    profiles.save(file, arguments.name, profile)
    _tell(arguments, f"Profile {arguments.name} is in {file}.")


def _use(arguments: argparse.Namespace) -> None:
    profiles.make_default(profiles.config_file(), arguments.name)
    _tell(arguments, f"Profile {arguments.name} is the default.")


def _delete(arguments: argparse.Namespace) -> None:
    profiles.delete(profiles.config_file(), arguments.name)
    _tell(arguments, f"Profile {arguments.name} is gone.")


def _path(arguments: argparse.Namespace) -> None:
    file = profiles.config_file()
    if arguments.json:
        print_json({"path": str(file)})
    else:
        print(file)


def _tell(arguments: argparse.Namespace, text: str) -> None:
    if arguments.json:
        print_json({"name": arguments.name})
    else:
        print(text)
