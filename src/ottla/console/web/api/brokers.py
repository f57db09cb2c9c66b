"""The brokers of a cluster: each with what it leads and stores; one that is gone for good is unregistered."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from ottla.console.operations.brokers import describe_brokers, unregister_broker
from ottla.console.web.message import ApiError, Response, whole_number

if TYPE_CHECKING:
    from ottla.console.operations.brokers import BrokerDescription
    from ottla.console.web.context import Context

BROKER_ID_MAX: Final = 2**31 - 1


async def list_all(context: Context) -> Response:
    brokers = await describe_brokers(context.client)
    controller = context.client.metadata.controller_id
    return Response({"brokers": [broker_json(each, controller) for each in brokers]})


async def unregister(context: Context) -> Response:
    """One that is fenced, and that no replica is assigned to: `ottla brokers unregister --force` asks less."""
    broker_id = whole_number("broker", context.parameter("broker"), 0, BROKER_ID_MAX)
    context.resource_name = f"broker {broker_id}"
    (described,) = await describe_brokers(context.client, [broker_id])
    if not described.broker.fenced:
        raise ApiError(409, "CONFLICT", f"broker {broker_id} is active", "stop it first")
    if described.replicas:
        text = f"{described.replicas} replicas are assigned to broker {broker_id}"
        raise ApiError(409, "CONFLICT", text, "move them to other brokers first (Brokers, Reassignments)")
    await unregister_broker(context.client, broker_id)
    return Response(None, 204)


def broker_json(each: BrokerDescription, controller_id: int) -> dict[str, Any]:
    return {
        **asdict(each.broker),
        "is_controller": each.broker.broker_id == controller_id,
        "leads": each.leads,
        "replicas": each.replicas,
        "out_of_sync": each.out_of_sync,
        "size_bytes": each.replica_bytes,
        "log_directories": [asdict(directory) for directory in each.log_directories],
        "unreachable": each.unreachable,
    }
