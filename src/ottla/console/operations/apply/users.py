"""SCRAM users as a file asks for them."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from ottla.console.operations.apply.change import ALTER, CREATE, DELETE, Change, refuse
from ottla.console.operations.users import delete_user, list_users, set_password

if TYPE_CHECKING:
    from ottla.clients.client import KafkaClient
    from ottla.console.operations.apply.document import UserWish


async def plan_users(client: KafkaClient, wanted: list[UserWish], *, prunes: bool, secrets: bool) -> list[Change]:
    """No broker tells a password: one that is there stays, unless `secrets`, or other iterations are asked for."""
    there = {(each.user, each.mechanism): each.iterations for each in await list_users(client)}
    changes: list[Change] = []
    for wish in wanted:
        for mechanism in wish.mechanisms:
            before = there.get((wish.name, mechanism))
            if before == wish.iterations and not secrets:
                continue
            password = _password(wish)
            if not password:
                changes.append(refuse("user", wish.name, _no_password(wish)))
                break
            run = partial(set_password, client, wish.name, password, mechanism=mechanism, iterations=wish.iterations)
            details = [f"{mechanism}, {wish.iterations} iterations"]
            changes.append(Change(CREATE if before is None else ALTER, "user", wish.name, details, run))
    if prunes:
        kept = {(wish.name, mechanism) for wish in wanted for mechanism in wish.mechanisms}
        changes += [
            Change(DELETE, "user", user, [mechanism], partial(delete_user, client, user, [mechanism]))
            for user, mechanism in sorted(there)
            if (user, mechanism) not in kept
        ]
    return changes


def _password(wish: UserWish) -> str:
    if wish.password_file is not None:
        try:
            lines = wish.password_file.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return ""
        return lines[0] if lines else ""
    return os.environ.get(wish.password_env, "") if wish.password_env is not None else ""


def _no_password(wish: UserWish) -> str:
    if wish.password_file is not None:
        return f"{wish.password_file} has no password that can be read"
    if wish.password_env is not None:
        return f"the variable {wish.password_env} is not set"
    return "it has no password: give password_file or password_env"
