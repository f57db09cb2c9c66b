"""`ottla connectors available|install|installed|uninstall`: connectors of others, on this machine."""

import argparse
import sys
from typing import Any

from ottla.console.cli.output import note, print_json, table
from ottla.console.cli.session import EXIT_FAILED, EXIT_OK

PLUGIN_OPERATIONS = ("available", "install", "installed", "uninstall")


def add_plugin_arguments(commands: "argparse._SubParsersAction[Any]") -> None:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="JSON for programs, instead of tables")
    home = argparse.ArgumentParser(add_help=False)
    home.add_argument(
        "--home", metavar="DIR", help="where plugins are kept (default: $OTTLA_PLUGINS, or your own data)"
    )

    available = commands.add_parser("available", parents=[common], help="connectors of others that can be installed")
    available.add_argument("pattern", nargs="?", metavar="PATTERN", help="part of a name, or with * and ?")
    available.add_argument("--tested", action="store_true", help="only those that were run with Ottla")
    install = commands.add_parser(
        "install", parents=[common, home], help="install a connector of others; workers of this machine have it at once"
    )
    install.add_argument(
        "name",
        metavar="NAME",
        help="of `available`, NAME==VERSION, GROUP:ARTIFACT:VERSION, a manifest (YAML), or a folder of jars",
    )
    install.add_argument("--yes", action="store_true", help="take its licence without being asked")
    commands.add_parser("installed", parents=[common, home], help="what is installed, at which version")
    uninstall = commands.add_parser("uninstall", parents=[common, home], help="remove an installed connector of others")
    uninstall.add_argument("name", metavar="NAME")


def run_plugin_operation(arguments: argparse.Namespace) -> int:
    from ottla.connect.catalogue.home import PluginError

    operations = {
        "available": _available,
        "install": _install,
        "installed": _installed,
        "uninstall": _uninstall,
    }
    try:
        return operations[arguments.operation](arguments)
    except PluginError as error:
        note(f"ottla: {error}")
        return EXIT_FAILED


def _home(arguments: argparse.Namespace) -> Any:
    from pathlib import Path

    from ottla.connect.catalogue.home import PluginHome

    return PluginHome(Path(arguments.home).absolute() if arguments.home else None)


def _available(arguments: argparse.Namespace) -> int:
    from ottla.connect.catalogue.entries import read_catalogue, search

    found = [each for each in search(read_catalogue(), arguments.pattern) if each.tested or not arguments.tested]
    if arguments.json:
        print_json([each._asdict() for each in found])
    elif found:
        rows = [
            (each.name, each.kind, each.route, each.package, each.licence or "-", each.tested or "should work")
            for each in found
        ]
        print(table(("NAME", "KIND", "ROUTE", "PACKAGE", "LICENCE", "TESTED"), rows))
    else:
        note("The catalogue has none of that name; packages of PyPI and Maven Central can be installed all the same.")
    return EXIT_OK


def _install(arguments: argparse.Namespace) -> int:
    from ottla.connect.catalogue.installation import install, resolve

    home = _home(arguments)
    wanted = resolve(arguments.name)
    note(
        f"{wanted.name} is {wanted.package} {wanted.version}. Its licence: {wanted.licence or 'it says with its jars'}."
    )
    if not arguments.yes and not _agreed():
        note("Nothing was installed. `--yes` takes the licence.")
        return EXIT_FAILED
    plugin = install(wanted, home, note)
    if plugin is None:
        return _done(arguments, wanted.name, "installed")
    if arguments.json:
        print_json(_described(plugin))
    else:
        names = ", ".join(each.name for each in plugin.connectors)
        print(f"{plugin.name} {plugin.version} is installed ({plugin.licence}). connector.class={names}")
    return EXIT_OK


def _agreed() -> bool:
    if not sys.stdin.isatty():
        return False
    note("Install it? [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _installed(arguments: argparse.Namespace) -> int:
    found = _home(arguments).installed()
    if arguments.json:
        print_json([_described(each) for each in found])
    elif found:
        rows = [
            (each.name, each.version, each.route, each.licence, ", ".join(one.name for one in each.connectors))
            for each in found
        ]
        print(table(("NAME", "VERSION", "ROUTE", "LICENCE", "CONNECTOR.CLASS"), rows))
    else:
        note("None yet: `ottla connectors available` lists what there is.")
    return EXIT_OK


def _described(plugin: Any) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "version": plugin.version,
        "route": plugin.route,
        "package": plugin.package,
        "licence": plugin.licence,
        "installed_at": plugin.installed_at,
        "connectors": [{"class": each.name, "kind": each.kind} for each in plugin.connectors],
    }


def _uninstall(arguments: argparse.Namespace) -> int:
    if not _home(arguments).remove(arguments.name):
        note(f"ottla: {arguments.name} is not installed; `ottla connectors installed` lists what is.")
        return EXIT_FAILED
    return _done(arguments, arguments.name, "uninstalled")


def _done(arguments: argparse.Namespace, name: str, what: str) -> int:
    if arguments.json:
        print_json({"name": name, "done": what})
    else:
        print(f"{name}: {what}")
    return EXIT_OK
