"""Who one is: the session, signing in and out, OpenID Connect, the clusters that one may see, the audit log."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from ottla import __version__
from ottla.console.web.access.audit import now_ms
from ottla.console.web.access.oidc import CALLBACK, LOGIN_LIFETIME_MS, OidcError
from ottla.console.web.access.permissions import VIEW, Identity
from ottla.console.web.access.sessions import COOKIE_BYTES_MAX, cookies_of, set_cookie
from ottla.console.web.message import ApiError, Response, not_found
from ottla.console.web.origin import session_cookie_name

if TYPE_CHECKING:
    from ottla.console.web.access.oidc import OidcProvider
    from ottla.console.web.cluster import Cluster
    from ottla.console.web.context import Context
    from ottla.console.web.message import Request

AUDIT_ENTRIES_MAX: Final = 2_000
LOGIN: Final = "/api/oidc/login"
_REMEMBERED: Final = "ottla_oidc"
_PURPOSE: Final = "oidc"


async def get_session(context: Context) -> Response:
    return Response(_session(context, context.identity))


async def sign_in(context: Context) -> Response:
    body = context.request.object("user", "password")
    user, password = body.text("user"), body.text("password")
    context.resource_name = user
    console = context.console
    if not console.passwords:
        raise ApiError(404, "NOT_CONFIGURED", "nobody signs in here with a password")
    if not await console.password_fits(user, password, context.request.address):
        raise ApiError(
            401, "UNAUTHENTICATED", "user or password is wrong", "`ottla console --hash-password` makes new ones"
        )
    cookie = console.sessions.begin(user, frozenset(), "password", now_ms())
    session = console.sessions.read(cookie, now_ms())
    assert session is not None
    context.identity = console.identity_of(session)
    return Response(_session(context, context.identity), 200, [_session_cookie(context, cookie)])


async def sign_out(context: Context) -> Response:
    """`sign_out` is where the browser goes to be signed out at the provider, too."""
    identity, console = context.identity, context.console
    if identity.session and identity.expires_ms is not None:
        console.sessions.end(identity.session, identity.expires_ms, now_ms())
    cookie = _session_cookie(context, "")
    if identity.method != "oidc" or console.oidc is None or console.oidc_sessions is None:
        return Response(None, 204, [cookie])
    id_token = console.oidc_sessions.forget(identity.session)
    try:
        url = await console.oidc.sign_out_url(id_token, _after_sign_out(context, console.oidc))
    except OidcError as error:
        context.details["provider"] = str(error)
        url = None
    return Response(None, 204, [cookie]) if url is None else Response({"sign_out": url}, 200, [cookie])


async def list_clusters(context: Context) -> Response:
    return Response({"clusters": _clusters(context, context.identity)})


async def get_audit(context: Context) -> Response:
    count = context.request.number("limit", 200, 1, AUDIT_ENTRIES_MAX)
    return Response({"entries": [asdict(each) for each in context.console.audit.last(count)]})


async def oidc_login(context: Context) -> Response:
    provider = _provider(context)
    return_to = context.request.text("return", "/") or "/"
    try:
        login = await provider.begin(return_to, _redirect_url(context, provider), now_ms())
    except OidcError as error:
        return _back(context, str(error))
    cookie = context.console.signer.sign(_PURPOSE, login.remembered)
    return Response(None, 302, [("Location", login.location), _login_cookie(context, cookie)])


async def oidc_callback(context: Context) -> Response:
    provider = _provider(context)
    cookie = cookies_of(context.request.headers.get("cookie", "")).get(_REMEMBERED, "")
    remembered = context.console.signer.read(_PURPOSE, cookie, now_ms())
    if remembered is None:
        return _back(context, "this sign-in took too long, or was not begun here: begin it again")
    try:
        found = await provider.finish(context.request.query, remembered)
    except OidcError as error:
        context.details["refused"] = str(error)
        return _back(context, str(error))
    console = context.console
    context.resource_name = found.user
    assert console.oidc_sessions is not None, "there is a provider"
    session_cookie = console.sessions.begin(
        found.user,
        console.groups_that_matter(found.groups),
        "oidc",
        now_ms(),
        console.oidc_sessions.refresh_by_ms(found, now_ms()),
    )
    if len(session_cookie) > COOKIE_BYTES_MAX:
        return _back(context, "the provider names more groups than a cookie can hold")
    session = console.sessions.read(session_cookie, now_ms())
    assert session is not None
    console.oidc_sessions.remember(str(session["i"]), found)
    headers = [("Location", found.return_to), _session_cookie(context, session_cookie), _login_cookie(context, "")]
    return Response(None, 302, headers)


def _back(context: Context, problem: str) -> Response:
    """To the sign-in page, which shows it."""
    return Response(None, 302, [("Location", f"/?sign_in_error={quote(problem)}"), _login_cookie(context, "")])


def _provider(context: Context) -> OidcProvider:
    if context.console.oidc is None:
        raise not_found("nobody signs in here by OpenID Connect")
    return context.console.oidc


def _redirect_url(context: Context, provider: OidcProvider) -> str:
    request = context.request
    return provider.settings.redirect_url or f"{request.scheme}://{request.headers.get('host', '')}{CALLBACK}"


def _after_sign_out(context: Context, provider: OidcProvider) -> str:
    """The first page of the console under the address that the provider knows."""
    known = provider.settings.sign_out_redirect_url
    return known or _redirect_url(context, provider).removesuffix(CALLBACK).rstrip("/") + "/"


def _session_cookie(context: Context, value: str) -> tuple[str, str]:
    console, request = context.console, context.request
    name = session_cookie_name(console.port)
    age_s = int(console.settings.session_hours * 3600)
    return set_cookie(name, value, path="/", max_age_s=age_s, secure=_is_secure(request))


def _login_cookie(context: Context, value: str) -> tuple[str, str]:
    age_s = LOGIN_LIFETIME_MS // 1000
    return set_cookie(_REMEMBERED, value, path="/api/oidc", max_age_s=age_s, secure=_is_secure(context.request))


def _is_secure(request: Request) -> bool:
    return request.scheme == "https"


def _session(context: Context, identity: Identity) -> dict[str, Any]:
    console = context.console
    signed_in = identity.method != "nobody"
    oidc = None if console.oidc is None else {"name": console.oidc.settings.name, "login": LOGIN}
    return {
        "signed_in": signed_in,
        "sign_in": {
            "required": console.settings.needs_sign_in,
            "password": bool(console.passwords),
            "oidc": oidc,
        },
        "user": identity.user,
        "roles": identity.role_names,
        "csrf": console.sessions.csrf_token(identity.session) if signed_in else None,
        "version": __version__,
        "read_only": console.settings.read_only,
        "clusters": _clusters(context, identity) if signed_in else [],
        "can_read_audit": identity.may_somewhere("audit", VIEW),
    }


def _clusters(context: Context, identity: Identity) -> list[dict[str, Any]]:
    return [
        _cluster(context, identity, cluster)
        for cluster in context.console.clusters.values()
        if identity.permissions(cluster.name)
    ]


def _cluster(context: Context, identity: Identity, cluster: Cluster) -> dict[str, Any]:
    settings = cluster.settings
    masks = context.console.settings.masks
    return {
        "name": cluster.name,
        "bootstrap": settings.bootstrap,
        "read_only": settings.read_only or context.console.settings.read_only,
        "registry": settings.registry is not None,
        "connect": list(settings.connect),
        "sql": cluster.has_sql,
        "metrics": bool(settings.metrics),
        "masked": any(rule.holds(cluster.name, identity.role_names) for rule in masks),
        "permissions": [each.to_json() for each in identity.permissions(cluster.name)],
    }
