"""`ottla reassign plan|start|status|cancel`: move replicas to other brokers; files are those of Kafka's own tool."""

import argparse
import asyncio
from collections.abc import Sequence

from ottla.clients.client import KafkaClient
from ottla.clients.errors import RetriableError
from ottla.console.cli.output import bytes_text, note, print_json, table
from ottla.console.cli.progress import ByteProgress
from ottla.console.cli.quantities import parse_bytes
from ottla.console.cli.session import EXIT_FAILED, EXIT_OK, UsageError, cluster_arguments, run_with_client
from ottla.console.operations.partition_files import (
    Assignment,
    FileError,
    assignments_json,
    read_assignments,
    read_topics,
    write_assignments,
)
from ottla.console.operations.reassignment_plan import PlanError
from ottla.console.operations.reassignment_proposal import propose_for, replaced_by
from ottla.console.operations.reassignment_status import PlanStatus, bytes_left, settled_status
from ottla.console.operations.reassignments import (
    Progress,
    Refusal,
    cancel_reassignments,
    ongoing_reassignments,
    reassignment_progress,
    start_reassignments,
)
from ottla.console.operations.replica_directories import move_into_directories
from ottla.console.operations.replication_throttles import remove_throttles, set_throttles

POLL_INTERVAL_S = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    common = [cluster_arguments()]
    commands = parser.add_subparsers(dest="operation", required=True, metavar="OPERATION")

    plan = commands.add_parser("plan", parents=common, help="propose where replicas could be; changes nothing")
    plan.add_argument("--topic", action="append", metavar="TOPIC", help="of this topic; may be repeated (default: all)")
    plan.add_argument("--topics-file", metavar="FILE", help="of these topics: a --topics-to-move-json-file")
    plan.add_argument("--brokers", metavar="ID,…", help="on these brokers (default: all that are active)")
    plan.add_argument("--replication-factor", type=int, metavar="N", help="so many replicas (default: as many as now)")
    plan.add_argument("--no-racks", action="store_true", help="wherever the racks are")
    plan.add_argument("--out", metavar="FILE", help="write the plan there, for `start`")

    start = commands.add_parser("start", parents=common, help="move replicas as a plan says")
    _add_plan(start, required=True)
    start.add_argument(
        "--throttle", metavar="RATE", help="at most so many bytes a second and broker: 10M, 500K, 1048576"
    )
    start.add_argument("--directory-throttle", metavar="RATE", help="the same between log directories of one broker")
    start.add_argument("--additional", action="store_true", help="though others are on the move; or throttle anew")
    start.add_argument("--save-current", metavar="FILE", help="write there how it is now: the plan of the way back")
    start.add_argument("--wait", action="store_true", help="until all is moved; then take the throttles away")

    status = commands.add_parser("status", parents=common, help="what moves, and how much is left")
    _add_plan(status)
    status.add_argument("--wait", action="store_true", help="until nothing (of the plan) moves")
    status.add_argument("--keep-throttles", action="store_true", help="even if the plan is done")

    cancel = commands.add_parser("cancel", parents=common, help="back to where replicas were")
    _add_plan(cancel)
    cancel.add_argument("--all", action="store_true", help="whatever moves")
    cancel.add_argument("--keep-throttles", action="store_true", help="leave them as they are")


def _add_plan(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    parser.add_argument("--plan", required=required, metavar="FILE", help="a --reassignment-json-file")


def run(arguments: argparse.Namespace) -> int:
    operations = {"plan": _plan, "start": _start, "status": _status, "cancel": _cancel}
    return run_with_client(arguments, operations[arguments.operation])


async def _plan(client: KafkaClient, arguments: argparse.Namespace) -> int:
    brokers = None if arguments.brokers is None else _ids(arguments.brokers)
    try:
        found = await propose_for(
            client,
            await _topics(client, arguments),
            brokers=brokers,
            replication_factor=arguments.replication_factor,
            racks=not arguments.no_racks,
        )
    except PlanError as error:
        raise UsageError(f"no plan: {error}") from None
    current, proposed, changed = found.current, found.proposed, found.changed
    if arguments.out is not None:
        _write(arguments.out, proposed)
    if arguments.json:
        print_json({"current": assignments_json(current), "proposed": assignments_json(proposed)})
        return EXIT_OK
    if changed:
        rows = [
            (after.topic, after.partition, _text(before.replicas), _text(after.replicas)) for before, after in changed
        ]
        print(table(("TOPIC", "PARTITION", "REPLICAS", "PROPOSED"), rows))
    moved = found.copied_replicas
    note(f"{len(changed)} of {len(current)} partitions would change, {moved} replicas would be copied.")
    if arguments.out is not None:
        note(f"Nothing was changed: `ottla reassign start --plan {arguments.out}` does it.")
    return EXIT_OK


async def _topics(client: KafkaClient, arguments: argparse.Namespace) -> list[str]:
    if arguments.topics_file is not None:
        if arguments.topic:
            raise UsageError("--topic and --topics-file both say which topics: give one of them")
        try:
            return read_topics(arguments.topics_file)
        except FileError as error:
            raise UsageError(f"--topics-file {error}") from None
    return arguments.topic or sorted((await client.refresh_metadata(None)).topics)


async def _start(client: KafkaClient, arguments: argparse.Namespace) -> int:
    plan = _read_plan(arguments)
    rate, directory_rate = (
        _rate("--throttle", arguments.throttle),
        _rate("--directory-throttle", arguments.directory_throttle),
    )
    moving = await ongoing_reassignments(client)
    if moving and not arguments.additional:
        raise UsageError(
            f"{len(moving)} partitions are on the move already (`ottla reassign status`): wait, cancel them, or give"
            " --additional"
        )
    try:
        current = await replaced_by(client, plan)
    except PlanError as error:
        raise UsageError(f"--plan {arguments.plan}: {error}") from None
    if arguments.save_current is not None:
        _write(arguments.save_current, current)
    await set_throttles(client, plan, current, moving, rate=rate, directory_rate=directory_rate)
    refusals = await move_into_directories(client, plan)
    refusals += await start_reassignments(client, plan)
    if refusals:
        _tell_refusals(refusals)
        return EXIT_FAILED
    if arguments.wait:
        return await _wait_for_plan(client, arguments, plan, keep_throttles=False)
    if arguments.json:
        print_json({"current": assignments_json(current), "proposed": assignments_json(plan)})
    else:
        print(f"Started: {len(plan)} partitions.")
        if arguments.throttle or arguments.directory_throttle:
            note(f"The throttles stay until `ottla reassign status --plan {arguments.plan} --wait` has seen it done.")
    return EXIT_OK


async def _status(client: KafkaClient, arguments: argparse.Namespace) -> int:
    if arguments.plan is not None:
        plan = _read_plan(arguments)
        if arguments.wait:
            return await _wait_for_plan(client, arguments, plan, keep_throttles=arguments.keep_throttles)
        status = await settled_status(client, plan)
        return await _finish(client, arguments, plan, status, keep_throttles=arguments.keep_throttles)
    progress = await _all_progress(client)
    bar = ByteProgress()
    while arguments.wait and progress:
        bar.show(bytes_left(progress), f"{len(progress)} partitions move")
        await asyncio.sleep(POLL_INTERVAL_S)
        progress = await client.retry(lambda: _all_progress(client))
    bar.end()
    if arguments.json:
        print_json([_as_json(each) for each in progress])
    elif progress:
        rows = [
            (
                each.reassignment.topic,
                each.reassignment.partition,
                _text(each.reassignment.replicas),
                _text(each.reassignment.adding),
                _text(each.reassignment.removing),
                bytes_text(each.bytes_left),
            )
            for each in progress
        ]
        print(table(("TOPIC", "PARTITION", "REPLICAS", "ADDING", "REMOVING", "LEFT"), rows))
    else:
        note("Nothing is on the move.")
    return EXIT_OK


async def _cancel(client: KafkaClient, arguments: argparse.Namespace) -> int:
    if (arguments.plan is None) == (not arguments.all):
        raise UsageError("say what to cancel: --plan FILE or --all")
    moving = await ongoing_reassignments(client)
    topics = {each.topic for each in moving}
    if arguments.plan is not None:
        plan = _read_plan(arguments)
        planned = {each.where for each in plan}
        moving = [each for each in moving if each.where in planned]
        topics = {each.topic for each in plan}
    refusals = await cancel_reassignments(client, [each.where for each in moving]) if moving else []
    refusals = [each for each in refusals if each.error != "NO_REASSIGNMENT_IN_PROGRESS"]  # done meanwhile
    if refusals:
        _tell_refusals(refusals)
        return EXIT_FAILED
    if not arguments.keep_throttles:
        _tell_throttles(await remove_throttles(client, topics))
    if arguments.json:
        print_json([{"topic": each.topic, "partition": each.partition} for each in moving])
    else:
        print(f"Cancelled: {len(moving)} partitions.")
    return EXIT_OK


async def _wait_for_plan(
    client: KafkaClient, arguments: argparse.Namespace, plan: Sequence[Assignment], *, keep_throttles: bool
) -> int:
    """A broker that does not answer for a while is no reason to wait no longer."""
    bar = ByteProgress()
    try:
        while True:
            try:
                status = await settled_status(client, plan)
            except RetriableError as error:
                bar.end()
                note(f"ottla: {error}")
            else:
                if not status.is_moving:
                    break
                bar.show(bytes_left(status.partitions), f"{status.moving} of {len(plan)} partitions move")
            await asyncio.sleep(POLL_INTERVAL_S)
    except asyncio.CancelledError:
        bar.end()
        note(f"It goes on: `ottla reassign status --plan {arguments.plan} --wait` waits again.")
        raise
    bar.end()
    return await _finish(client, arguments, plan, status, keep_throttles=keep_throttles)


async def _finish(
    client: KafkaClient,
    arguments: argparse.Namespace,
    plan: Sequence[Assignment],
    status: PlanStatus,
    *,
    keep_throttles: bool,
) -> int:
    """Say how far the plan is; when nothing of it moves any more, take the throttles away."""
    if not status.is_moving and not keep_throttles:
        _tell_throttles(await remove_throttles(client, {each.topic for each in plan}))
    if arguments.json:
        print_json({"done": status.is_done, "partitions": status.partitions, "directories": status.directories})
    else:
        rows = [
            (
                each.topic,
                each.partition,
                each.state,
                _text(each.replicas),
                _text(each.target),
                bytes_text(each.bytes_left),
            )
            for each in status.partitions
        ]
        print(table(("TOPIC", "PARTITION", "STATE", "REPLICAS", "PLAN", "LEFT"), rows))
        if status.directories:
            moves = [
                (each.topic, each.partition, each.broker_id, each.directory, each.state) for each in status.directories
            ]
            print(table(("TOPIC", "PARTITION", "BROKER", "LOG DIRECTORY", "STATE"), moves))
    return EXIT_OK if status.is_done or status.is_moving else EXIT_FAILED


async def _all_progress(client: KafkaClient) -> list[Progress]:
    return await reassignment_progress(client, await ongoing_reassignments(client))


def _as_json(progress: Progress) -> dict[str, object]:
    each = progress.reassignment
    return {
        "topic": each.topic,
        "partition": each.partition,
        "replicas": each.replicas,
        "adding": each.adding,
        "removing": each.removing,
        "bytes_left": progress.bytes_left,
    }


def _tell_refusals(refusals: Sequence[Refusal]) -> None:
    for each in refusals:
        note(f"ottla: {each.topic}-{each.partition}: {each.message or 'refused'} [{each.error}]")


def _tell_throttles(names: Sequence[str]) -> None:
    if names:
        note(f"Throttles removed: {', '.join(names)}.")


def _read_plan(arguments: argparse.Namespace) -> list[Assignment]:
    try:
        return read_assignments(arguments.plan)
    except FileError as error:
        raise UsageError(f"--plan {error}") from None


def _write(name: str, assignments: Sequence[Assignment]) -> None:
    try:
        write_assignments(name, assignments)
    except FileError as error:
        raise UsageError(str(error)) from None


def _rate(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_bytes(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None


def _ids(text: str) -> list[int]:
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() for word in words):
        raise UsageError(f"--brokers: '{text}' is no list of ids: write 1,2,3")
    return [int(word) for word in words]


def _text(nodes: Sequence[int]) -> str:
    return ",".join(map(str, nodes)) or "-"
