"""`ottla log-dirs describe`: which replica has how many bytes, in which directory of which broker."""

import argparse

from ottla.clients.client import KafkaClient
from ottla.console.cli.output import bytes_text, note, print_json, table
from ottla.console.cli.session import EXIT_FAILED, EXIT_OK, cluster_arguments, run_with_client
from ottla.console.operations.log_directories import describe_log_directories


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="operation", required=True, metavar="OPERATION")
    describe = commands.add_parser("describe", parents=[cluster_arguments()], help="replicas by directory, with sizes")
    describe.add_argument("topics", nargs="*", metavar="TOPIC", help="only of these (default: all)")
    describe.add_argument("--broker", type=int, action="append", default=[], metavar="BROKER", help="may be repeated")


def run(arguments: argparse.Namespace) -> int:
    return run_with_client(arguments, _describe)


async def _describe(client: KafkaClient, arguments: argparse.Namespace) -> int:
    replicas, failed = await describe_log_directories(client, brokers=arguments.broker, topics=arguments.topics)
    if arguments.json:
        print_json({"replicas": replicas, "failed": failed})
    else:
        if replicas:
            rows = [
                (each.broker, each.log_dir, each.topic, each.partition, bytes_text(each.size_bytes), each.offset_lag,
                 "moving here" if each.future else "")
                for each in replicas
            ]  # fmt: skip
            print(table(("BROKER", "LOG DIRECTORY", "TOPIC", "PARTITION", "SIZE", "LAG", ""), rows))
        else:
            note("No replica is there yet.")
        for each in failed:
            note(f"{each.log_dir} of broker {each.broker} is out of service: {each.error}")
    return EXIT_FAILED if failed else EXIT_OK
