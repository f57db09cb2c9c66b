"""As long as there are client quotas, and no longer, something stands around the handlers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.settings import quota_windows

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.broker.dispatcher import Dispatcher
    from ottla.broker.listeners import Listeners
    from ottla.broker.quotas.client_quotas import ClientQuotas
    from ottla.broker.quotas.quota_layer import QuotaLayer
    from ottla.metadata.image import MetadataImage
    from ottla.runtime.config.server_config import ServerConfig
    from ottla.runtime.time import Clock


def follow_client_quotas(
    config: ServerConfig,
    clock: Clock,
    listeners: Listeners,
    dispatcher: Dispatcher,
    image: Callable[[], MetadataImage],
) -> Callable[[object, MetadataImage], None]:
    """A subscriber of the metadata."""
    layer: QuotaLayer | None = None
    quotas: ClientQuotas | None = None

    def follow(_: object, now: MetadataImage) -> None:
        nonlocal layer, quotas
        if quotas is None:
            if not now.client_quotas.by_entity:
                return
            from ottla.broker.quotas.client_quotas import ClientQuotas
            from ottla.broker.quotas.quota_layer import QuotaLayer

            quotas = ClientQuotas(clock, quota_windows(config))
            layer = QuotaLayer(quotas, image, config.get_int("num.partitions"))
        if now.client_quotas is not quotas.image:
            active = quotas.update(now.client_quotas)
            listeners.set_host_rates(quotas.connection_rates)
            dispatcher.put_around(layer.around if layer is not None and active else None)

    return follow
