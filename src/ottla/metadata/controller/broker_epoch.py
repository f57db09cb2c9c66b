"""Who asks: a broker that is registered, and the run of it that is. KIP-631; Kafka's `checkBrokerEpoch`."""

from ottla.metadata.controller.result import ControllerView
from ottla.metadata.registration import BrokerRegistration
from ottla.protocol.errors import ErrorCode, KafkaError


def registered_broker(view: ControllerView, broker_id: int) -> BrokerRegistration:
    broker = view.image.cluster.brokers.get(broker_id)
    if broker is None:
        raise KafkaError(ErrorCode.BROKER_ID_NOT_REGISTERED, f"No broker is registered as {broker_id}")
    return broker


def broker_in_epoch(view: ControllerView, broker_id: int, broker_epoch: int) -> BrokerRegistration:
    """Raises `KafkaError` STALE_BROKER_EPOCH: what an earlier run of a broker asks for is not done."""
    broker = view.image.cluster.brokers.get(broker_id)
    if broker is None:
        raise KafkaError(ErrorCode.STALE_BROKER_EPOCH, f"No broker is registered as {broker_id}")
    if broker.epoch != broker_epoch:
        raise KafkaError(
            ErrorCode.STALE_BROKER_EPOCH,
            f"Broker {broker_id} is registered in epoch {broker.epoch}, not in {broker_epoch}",
        )
    return broker
