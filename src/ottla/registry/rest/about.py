"""/, /contexts and /v1/metadata: what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla import __version__
from ottla.registry.errors import RegistryError
from ottla.registry.rest.access import WRITE
from ottla.registry.rest.message import BAD_REQUEST, Request, Response
from ottla.registry.store.delete import delete_context
from ottla.registry.subject import DEFAULT_CONTEXT, InvalidContextError, context_prefix

if TYPE_CHECKING:
    from ottla.registry.rest.service import Service

NO_CONTENT: Final = 204


async def root(service: Service, request: Request) -> Response:
    return Response({})


async def list_contexts(service: Service, request: Request) -> Response:
    prefix = request.text("contextPrefix") or ""
    contexts = [each for each in (DEFAULT_CONTEXT, *service.state.contexts) if each.startswith(prefix)]
    return Response(request.page(contexts))


async def remove_context(service: Service, request: Request) -> Response:
    try:
        prefix = context_prefix(request.parameters["context"])
    except InvalidContextError as error:
        raise RegistryError(BAD_REQUEST, str(error)) from None
    service.allow(request, WRITE, None)
    await service.registry.submit(lambda: delete_context(service.state, prefix))
    return Response(None, NO_CONTENT)


async def metadata_id(service: Service, request: Request) -> Response:
    registry = service.registry
    cluster = {"kafka-cluster": registry.cluster_id, "schema-registry-cluster": registry.settings.group}
    return Response({"scope": {"path": [], "clusters": cluster}, "id": ""})


async def metadata_version(service: Service, request: Request) -> Response:
    return Response({"version": __version__, "commitId": ""})


async def metadata_deployment(service: Service, request: Request) -> Response:
    return Response({"attributes": ["deploymentScope:opensource", "ottla"]})
