"""Who may do what on the cluster: ACLs, users with SCRAM passwords, quotas."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from ottla.clients.acls import AclFilter
from ottla.console.operations.acls import (
    MATCH,
    OPERATIONS,
    PATTERN_TYPES,
    PERMISSIONS,
    RESOURCE_TYPES,
    Acl,
    check_principal,
    create_acls,
    delete_acls,
    known_name,
    list_acls,
    only,
)
from ottla.console.operations.quotas import ENTITY_TYPES, QUOTA_KEYS, alter_quotas, list_quotas
from ottla.console.operations.users import (
    DEFAULT_ITERATIONS,
    DEFAULT_MECHANISM,
    delete_user,
    list_users,
    set_password,
)
from ottla.console.web.message import Body, Response, bad_request
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.sasl.scram import SCRAM_MECHANISMS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.console.web.context import Context

ACLS_MAX: Final = 100
ITERATIONS_MIN: Final = 4_096
ITERATIONS_MAX: Final = 16_384
ACL_FIELDS: Final = (
    "resource_type",
    "resource_name",
    "pattern_type",
    "principal",
    "host",
    "operation",
    "permission",
)
_ACL_DEFAULTS: Final = {"pattern_type": "LITERAL", "host": "*", "permission": "ALLOW"}


async def get_acls(context: Context) -> Response:
    request = context.request
    kind, name = request.text("resource_type"), request.text("resource_name")
    number = AclFilter().resource_type
    if kind is not None:
        number = RESOURCE_TYPES[_known("resource_type", kind, RESOURCE_TYPES)]
    pattern = MATCH if name is not None else AclFilter().pattern_type
    wanted = AclFilter(number, name, pattern, request.text("principal"))
    enabled = True
    try:
        found = await list_acls(context.client, wanted)
    except KafkaError as error:
        if error.code is not ErrorCode.SECURITY_DISABLED:
            raise
        enabled, found = False, []
    return Response({
        "acls": [asdict(each) for each in found],
        "enabled": enabled,
        "operations": list(OPERATIONS),
        "resource_types": list(RESOURCE_TYPES),
    })  # fmt: skip


async def post_acls(context: Context) -> Response:
    listed = context.request.object("acls").list("acls", at_most=ACLS_MAX)
    if not listed:
        raise bad_request("'acls' is empty")
    acls = []
    for number, each in enumerate(listed, 1):
        body = Body.of(each, f"ACL {number}", ACL_FIELDS)
        acls.append(_acl(lambda name, body=body: body.text(name, _ACL_DEFAULTS.get(name))))  # type: ignore[misc]
    context.details["acls"] = [asdict(each) for each in acls]
    await create_acls(context.client, acls)
    return Response({"acls": [asdict(each) for each in acls]}, 201)


async def remove_acl(context: Context) -> Response:
    acl = _acl(context.request.needed)
    context.details["acl"] = asdict(acl)
    deleted = await delete_acls(context.client, [only(acl)])
    return Response({"deleted": [asdict(each) for each in deleted]})


def _acl(text: Callable[[str], str]) -> Acl:
    try:
        principal = check_principal(text("principal"))
    except ValueError as error:
        raise bad_request(f"'principal': {error}") from None
    return Acl(
        _known("resource_type", text("resource_type"), RESOURCE_TYPES),
        text("resource_name"),
        _known("pattern_type", text("pattern_type"), PATTERN_TYPES),
        principal,
        text("host"),
        _known("operation", text("operation"), OPERATIONS),
        _known("permission", text("permission"), PERMISSIONS),
    )


def _known(name: str, word: str, names: Mapping[str, int]) -> str:
    try:
        return known_name(name.replace("_", " "), word, names)
    except ValueError as error:
        raise bad_request(f"'{name}': {error}") from None


async def get_users(context: Context) -> Response:
    by_name: dict[str, list[dict[str, Any]]] = {}
    for each in await list_users(context.client):
        if context.may_view("user", each.user):
            credential = {"mechanism": each.mechanism, "iterations": each.iterations}
            by_name.setdefault(each.user, []).append(credential)
    shown = [{"name": name, "credentials": credentials} for name, credentials in by_name.items()]
    return Response({"users": shown, "mechanisms": list(SCRAM_MECHANISMS)})


async def put_user(context: Context) -> Response:
    body = context.request.object("password", "mechanism", "iterations")
    mechanism = body.text("mechanism", DEFAULT_MECHANISM)
    if mechanism not in SCRAM_MECHANISMS:
        raise bad_request(f"'mechanism' is one of {', '.join(SCRAM_MECHANISMS)}, not '{mechanism}'")
    iterations = body.number("iterations", ITERATIONS_MIN, ITERATIONS_MAX, DEFAULT_ITERATIONS)
    context.details |= {"mechanism": mechanism, "iterations": iterations}
    await set_password(
        context.client,
        context.parameter("user"),
        body.text("password"),
        mechanism=mechanism,
        iterations=iterations,
    )
    return Response(None, 204)


async def remove_user(context: Context) -> Response:
    mechanism = context.request.text("mechanism")
    if mechanism is not None and mechanism not in SCRAM_MECHANISMS:
        raise bad_request(f"'mechanism' is one of {', '.join(SCRAM_MECHANISMS)}, not '{mechanism}'")
    await delete_user(context.client, context.parameter("user"), [mechanism] if mechanism else [])
    return Response(None, 204)


async def get_quotas(context: Context) -> Response:
    found = await list_quotas(context.client)
    return Response({"quotas": [asdict(each) for each in found], "keys": list(QUOTA_KEYS)})


async def put_quotas(context: Context) -> Response:
    body = context.request.object("entity", "values")
    entity = body.strings("entity")
    if not entity or any(kind not in ENTITY_TYPES for kind in entity):
        raise bad_request(f"'entity' names one or more of {', '.join(ENTITY_TYPES)}")
    values: dict[str, float | None] = {}
    for key, value in body.mapping("values").items():
        if key not in QUOTA_KEYS:
            raise bad_request(f"'values' are of {', '.join(QUOTA_KEYS)}, not '{key}'")
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or value < 0):
            raise bad_request(f"'values.{key}' is to be a number, or null")
        values[key] = value
    if not values:
        raise bad_request("'values' is empty")
    context.details |= {"entity": entity, "values": values}
    await alter_quotas(context.client, entity, values)
    return Response(None, 204)
