"""`ottla features describe|upgrade|downgrade`: which parts of Kafka a cluster uses, and at which level."""

import argparse
from collections.abc import Mapping

from ottla.clients.client import KafkaClient
from ottla.console.cli.output import print_json, table
from ottla.console.cli.session import EXIT_OK, UsageError, cluster_arguments, key_values, run_with_client
from ottla.console.operations import features
from ottla.console.operations.near_names import did_you_mean


def add_arguments(parser: argparse.ArgumentParser) -> None:
    common = [cluster_arguments(controllers=True)]
    commands = parser.add_subparsers(dest="operation", required=True, metavar="OPERATION")

    commands.add_parser("describe", parents=common, help="what is supported, and what is finalized")

    upgrade = commands.add_parser("upgrade", parents=common, help="raise levels")
    upgrade.add_argument("features", nargs="*", metavar="FEATURE=LEVEL")
    upgrade.add_argument("--latest", action="store_true", help="every feature to the level that the brokers support")
    upgrade.add_argument("--validate-only", action="store_true", help="only say whether it could be done")

    downgrade = commands.add_parser("downgrade", parents=common, help="lower levels; 0 turns a feature off")
    downgrade.add_argument("features", nargs="+", metavar="FEATURE=LEVEL")
    downgrade.add_argument("--unsafe", action="store_true", help="though metadata may be lost")
    downgrade.add_argument("--validate-only", action="store_true", help="only say whether it could be done")


def run(arguments: argparse.Namespace) -> int:
    operations = {"describe": _describe, "upgrade": _upgrade, "downgrade": _downgrade}
    return run_with_client(arguments, operations[arguments.operation])


async def _describe(client: KafkaClient, arguments: argparse.Namespace) -> int:
    found = await features.describe_features(client)
    if arguments.json:
        print_json({"epoch": found.epoch, "features": found.features})
        return EXIT_OK
    rows = [(each.name, each.oldest, each.latest, each.level) for each in found.features]
    print(table(("FEATURE", "OLDEST", "LATEST", "FINALIZED"), rows))
    return EXIT_OK


async def _upgrade(client: KafkaClient, arguments: argparse.Namespace) -> int:
    there = await features.describe_features(client)
    levels = _levels(arguments, there)
    if arguments.latest:
        latest = {each.name: each.latest for each in there.features if each.latest and each.latest > each.level}
        levels = {name: level for name, level in latest.items() if level} | levels
    elif not levels:
        raise UsageError("nothing to upgrade: give FEATURE=LEVEL, or --latest")
    if levels:
        await features.update_features(client, levels, validate_only=arguments.validate_only)
    return _tell(arguments, levels)


async def _downgrade(client: KafkaClient, arguments: argparse.Namespace) -> int:
    levels = _levels(arguments, await features.describe_features(client))
    kind = features.UNSAFE_DOWNGRADE if arguments.unsafe else features.SAFE_DOWNGRADE
    await features.update_features(client, levels, kind=kind, validate_only=arguments.validate_only)
    return _tell(arguments, levels)


def _levels(arguments: argparse.Namespace, there: features.Features) -> dict[str, int]:
    names = [each.name for each in there.features]
    levels: dict[str, int] = {}
    for name, text in key_values(arguments.features).items():
        if name not in names:
            raise UsageError(f"there is no feature '{name}'; there are {', '.join(names)}.{did_you_mean(name, names)}")
        if not text.isdecimal():
            raise UsageError(f"{name}: a level is a number, not '{text}'; see `ottla features describe`")
        levels[name] = int(text)
    return levels


def _tell(arguments: argparse.Namespace, levels: Mapping[str, int]) -> int:
    if arguments.json:
        print_json(levels)
    elif levels:
        done = "would be" if arguments.validate_only else "is"
        for name, level in levels.items():
            print(f"{name} {done} at level {level} now." if level else f"{name} {done} off now.")
    else:
        print("Every feature is at its latest level.")
    return EXIT_OK
