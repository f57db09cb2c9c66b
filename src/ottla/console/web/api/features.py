"""The features of a cluster: their levels, raised and lowered, or only tried (KIP-584, KIP-1022)."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from ottla.console.operations.features import (
    SAFE_DOWNGRADE,
    UNSAFE_DOWNGRADE,
    UPGRADE,
    describe_features,
    update_features,
)
from ottla.console.operations.near_names import did_you_mean
from ottla.console.web.message import Response, bad_request

if TYPE_CHECKING:
    from ottla.console.web.context import Context

KINDS: Final = {"upgrade": UPGRADE, "safe_downgrade": SAFE_DOWNGRADE, "unsafe_downgrade": UNSAFE_DOWNGRADE}
LEVEL_MAX: Final = 2**15 - 1


async def get(context: Context) -> Response:
    return Response(asdict(await describe_features(context.client)))


async def update(context: Context) -> Response:
    body = context.request.object("levels", "kind", "validate_only")
    kind, levels = body.text("kind", "upgrade"), body.mapping("levels")
    if kind not in KINDS:
        raise bad_request(f"'kind' is one of {', '.join(KINDS)}, not '{kind}'")
    if not levels:
        raise bad_request("'levels' is empty")
    names = [each.name for each in (await describe_features(context.client)).features]
    for name, level in levels.items():
        if name not in names:
            raise bad_request(f"there is no feature '{name}'", did_you_mean(name, names).strip() or None)
        if isinstance(level, bool) or not isinstance(level, int) or not 0 <= level <= LEVEL_MAX:
            raise bad_request(f"'levels.{name}' is to be a whole number from 0 to {LEVEL_MAX}")
    validate_only = body.flag("validate_only")
    context.details |= {"levels": levels, "kind": kind, "validate_only": validate_only}
    await update_features(context.client, levels, kind=KINDS[kind], validate_only=validate_only)
    return Response({"levels": levels, "validate_only": validate_only})
