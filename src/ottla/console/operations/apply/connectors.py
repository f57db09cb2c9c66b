"""Connectors of a worker of Connect as a file asks for them."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from ottla.console.operations.apply.change import ALTER, CREATE, DELETE, Change, refuse
from ottla.console.operations.connectors import ConnectApi, ConnectorsError, path_of

if TYPE_CHECKING:
    from ottla.console.operations.apply.document import ConnectorWish

STATES: Final = {"running": "resume", "paused": "pause", "stopped": "stop"}
"""What a connector can be, and how one asks for it."""
REBALANCE_ATTEMPTS: Final = 40
REBALANCE_WAIT_S: Final = 0.5
_REBALANCING: Final = 409


async def plan_connectors(api: ConnectApi, wanted: list[ConnectorWish], *, prunes: bool) -> list[Change]:
    """`ConnectorsError` when the worker does not answer."""
    there: dict[str, Any] = await api.ask("GET", "/connectors?expand=info&expand=status")
    changes: list[Change] = []
    for wish in wanted:
        current = there.get(wish.name)
        before: dict[str, str] = (current or {}).get("info", {}).get("config") or {}
        after = {**wish.config, "name": wish.name}
        if before != after:
            changes.append(await _config(api, wish, before, after))
        state = str((current or {}).get("status", {}).get("connector", {}).get("state", "")).lower()
        if current is not None and wish.state not in (None, state):
            run = partial(_ask, api, "PUT", path_of(wish.name, STATES[wish.state or ""]))
            changes.append(Change(ALTER, "connector", wish.name, [f"state: {state or '-'} -> {wish.state}"], run))
    if prunes:
        names = {wish.name for wish in wanted}
        changes += [
            Change(DELETE, "connector", name, run=partial(_ask, api, "DELETE", path_of(name)))
            for name in sorted(there)
            if name not in names
        ]
    return changes


async def _config(api: ConnectApi, wish: ConnectorWish, before: dict[str, str], after: dict[str, str]) -> Change:
    connector_class = after.get("connector.class")
    if connector_class is None:
        return refuse("connector", wish.name, "it has no connector.class")
    target = f"/connector-plugins/{quote(connector_class, safe='')}/config/validate"
    try:
        validated = await api.ask("PUT", target, after)
    except ConnectorsError as error:
        if not error.status:
            raise
        return refuse("connector", wish.name, str(error))
    errors = [text for each in validated.get("configs", ()) for text in each.get("value", {}).get("errors") or ()]
    if errors:
        return refuse("connector", wish.name, "; ".join(errors[:5]))
    hidden = {
        each["definition"]["name"]
        for each in validated.get("configs", ())
        if each.get("definition", {}).get("type") == "PASSWORD"
    }
    details = [
        f"{key}: {_shown(key, before, hidden)} -> {_shown(key, after, hidden)}"
        for key in sorted({*before, *after} - {"name"})
        if before.get(key) != after.get(key)
    ]
    if before:
        return Change(
            ALTER, "connector", wish.name, details, partial(_ask, api, "PUT", path_of(wish.name, "config"), after)
        )
    body = {"name": wish.name, "config": after, **({"initial_state": wish.state.upper()} if wish.state else {})}
    details = [f"{key}: {_shown(key, after, hidden)}" for key in sorted(after) if key != "name"]
    return Change(CREATE, "connector", wish.name, details, partial(_ask, api, "POST", "/connectors", body))


def _shown(key: str, config: dict[str, str], hidden: set[str]) -> str:
    if key not in config:
        return "(default)"
    return "(hidden)" if key in hidden else config[key]


async def _ask(api: ConnectApi, method: str, target: str, body: object = None) -> None:
    """Again while the workers of a group share their work anew."""
    for attempt in range(REBALANCE_ATTEMPTS):
        try:
            await api.ask(method, target, body)
            return
        except ConnectorsError as error:
            if error.status != _REBALANCING or "already exists" in str(error) or attempt == REBALANCE_ATTEMPTS - 1:
                raise
        await asyncio.sleep(REBALANCE_WAIT_S)
