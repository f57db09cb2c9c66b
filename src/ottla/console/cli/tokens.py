"""`ottla tokens list|create|renew|expire`: delegation tokens, by which others log in for a while."""

import argparse
import base64

from ottla.clients.client import KafkaClient
from ottla.console.cli.argument_types import duration_ms, principal, typed
from ottla.console.cli.output import note, print_json, table, time_text
from ottla.console.cli.session import EXIT_OK, cluster_arguments, run_with_client
from ottla.console.operations import tokens


def _hmac(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise ValueError(f"'{text}' is no HMAC: it is the base64 text that `ottla tokens list` shows") from None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "Whoever makes a token must have logged in: by SASL or mutual TLS (--command-config), not by a token."
    )
    common = [cluster_arguments()]
    commands = parser.add_subparsers(dest="operation", required=True, metavar="OPERATION")

    listing = commands.add_parser("list", parents=common, help="the tokens that you may see")
    listing.add_argument("--owner", action="append", default=[], type=principal, metavar="USER", help="User:NAME")

    create = commands.add_parser("create", parents=common, help="make a token, and print it")
    create.add_argument("--owner", type=principal, metavar="USER", help="for this user (default: who is logged in)")
    create.add_argument(
        "--renewer",
        action="append",
        default=[],
        type=principal,
        metavar="USER",
        help="who may renew it, too; repeatable",
    )
    create.add_argument(
        "--max-lifetime", type=duration_ms, metavar="DURATION", help="7d, 12h … (default: the broker's)"
    )

    renew = commands.add_parser("renew", parents=common, help="let a token live longer")
    renew.add_argument("hmac", type=typed(_hmac), metavar="HMAC")
    renew.add_argument(
        "--for", dest="period", type=duration_ms, metavar="DURATION", help="from now (default: the broker's)"
    )

    expire = commands.add_parser("expire", parents=common, help="end a token")
    expire.add_argument("hmac", type=typed(_hmac), metavar="HMAC")
    expire.add_argument("--in", dest="period", type=duration_ms, metavar="DURATION", help="from now (default: at once)")


def run(arguments: argparse.Namespace) -> int:
    operations = {"list": _list, "create": _create, "renew": _renew, "expire": _expire}
    return run_with_client(arguments, operations[arguments.operation])


async def _list(client: KafkaClient, arguments: argparse.Namespace) -> int:
    _show(arguments, await tokens.list_tokens(client, arguments.owner))
    return EXIT_OK


async def _create(client: KafkaClient, arguments: argparse.Namespace) -> int:
    lifetime_ms = tokens.BROKER_LIFETIME if arguments.max_lifetime is None else arguments.max_lifetime
    made = await tokens.create_token(
        client, owner=arguments.owner, renewers=arguments.renewer, max_lifetime_ms=lifetime_ms
    )
    _show(arguments, [made])
    return EXIT_OK


async def _renew(client: KafkaClient, arguments: argparse.Namespace) -> int:
    period_ms = tokens.BROKER_LIFETIME if arguments.period is None else arguments.period
    _tell(arguments, await tokens.renew_token(client, arguments.hmac, period_ms=period_ms))
    return EXIT_OK


async def _expire(client: KafkaClient, arguments: argparse.Namespace) -> int:
    period_ms = tokens.AT_ONCE if arguments.period is None else arguments.period
    _tell(arguments, await tokens.expire_token(client, arguments.hmac, period_ms=period_ms))
    return EXIT_OK


def _tell(arguments: argparse.Namespace, expires_ms: int) -> None:
    if arguments.json:
        print_json({"expires_ms": expires_ms})
    else:
        print(f"The token expires at {time_text(expires_ms)}.")


def _show(arguments: argparse.Namespace, shown: list[tokens.Token]) -> None:
    if arguments.json:
        print_json([_as_json(each) for each in shown])
    elif shown:
        rows = [
            (
                each.token_id,
                base64.b64encode(each.hmac).decode(),
                each.owner,
                ", ".join(each.renewers) or None,
                time_text(each.issued_ms),
                time_text(each.expires_ms),
                time_text(each.max_ms),
            )
            for each in shown
        ]
        print(table(("ID", "HMAC", "OWNER", "RENEWERS", "ISSUED", "EXPIRES", "AT LATEST"), rows))
    else:
        note("There are no tokens that you may see.")


def _as_json(token: tokens.Token) -> dict[str, object]:
    return {
        "token_id": token.token_id,
        "hmac": base64.b64encode(token.hmac).decode(),
        "owner": token.owner,
        "requester": token.requester,
        "renewers": token.renewers,
        "issued_ms": token.issued_ms,
        "expires_ms": token.expires_ms,
        "max_ms": token.max_ms,
    }
