"""Reads `console.toml`. Files that it names are looked for beside it; what is wrong is said with its place."""

from __future__ import annotations

import os
import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ottla.clients.client import parse_bootstrap
from ottla.clients.errors import ClientError
from ottla.clients.security import client_security
from ottla.console.web.access.masking import REDACT, WAYS, FieldPath, MaskRule
from ottla.console.web.access.passwords import PasswordHash
from ottla.console.web.access.permissions import ACTIONS, ADMIN, ALL, RESOURCES, Permission, Role
from ottla.console.web.access.sessions import SECRET_BYTES
from ottla.console.web.section import ConfigError, Section
from ottla.console.web.settings import (
    DEFAULT_GROUP,
    SAMPLE_INTERVAL_S,
    SESSION_HOURS,
    AuditSettings,
    ClusterSettings,
    ConsoleSettings,
    OidcSettings,
    parse_listen,
)
from ottla.runtime.config.properties import parse_properties
from ottla.runtime.http_client import HttpClient, HttpError
from ottla.runtime.tls_files import CLIENT_AUTH, NO_TLS, TlsFiles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CLUSTERS_MAX: Final = 50
GROUPS_MAX: Final = 50
_LOCAL_ISSUERS: Final = ("http://localhost", "http://127.0.0.1", "http://[::1]")


def read_config(path: Path) -> ConsoleSettings:
    """`ConfigError`."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
    except ValueError as error:
        raise ConfigError(f"{path} is no TOML: {error}") from None
    try:
        return _settings(Section(document, path.name), path.parent)
    except ConfigError as error:
        text = str(error)
        raise ConfigError(text if text.startswith(path.name) else f"{path.name}: {text}") from None


def _settings(top: Section, folder: Path) -> ConsoleSettings:
    settings = ConsoleSettings()
    host, port = parse_listen(top.text("listen", f"{settings.host}:{settings.port}"))
    clusters = [_cluster(each, folder) for each in top.sections("cluster")]
    users = dict(_user(each) for each in top.sections("user"))
    oidc = top.section("oidc")
    roles = [_role(each) for each in top.sections("role")]
    masks = [_mask(each, [role.name for role in roles]) for each in top.sections("mask")]
    audit = top.section("audit")
    found = ConsoleSettings(
        tuple(clusters) or settings.clusters,
        host,
        port,
        top.texts("hosts"),
        top.texts("trusted_proxies"),
        top.flag("read_only"),
        users,
        (),
        None if oidc is None else _oidc(oidc, folder),
        tuple(masks),
        AuditSettings() if audit is None else _audit(audit, folder),
        _secret(top.optional_text("secret_file"), folder),
        top.number("session_hours", SESSION_HOURS, 0.1, 24 * 30),
        top.number("sample_interval_s", SAMPLE_INTERVAL_S, 1, 60),
        _tls(top, folder, is_server=True),
    )
    top.end()
    _check(found, roles)
    if not roles and found.needs_sign_in:
        raise ConfigError("people sign in, and there is no [[role]] that says what they may do")
    return replace(found, roles=tuple(roles) if found.needs_sign_in else (ADMIN,))


def _check(settings: ConsoleSettings, roles: Sequence[Role]) -> None:
    names = [each.name for each in settings.clusters]
    if len(names) > CLUSTERS_MAX:
        raise ConfigError(f"there are {len(names)} clusters; {CLUSTERS_MAX} are the most")
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"two clusters have the name '{name}'")
    if roles and not settings.needs_sign_in:
        raise ConfigError("there are roles, and nobody signs in: add [[user]] or [oidc]")
    if settings.audit.cluster is not None and settings.audit.cluster not in names:
        raise ConfigError(f"[audit]: there is no cluster '{settings.audit.cluster}'")


def _cluster(section: Section, folder: Path) -> ClusterSettings:
    name, bootstrap = section.text("name"), section.text("bootstrap")
    where = f"cluster '{name}'"
    properties: dict[str, str] = {}
    file = section.optional_text("command_config")
    if file is not None:
        try:
            properties = parse_properties((folder / file).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(f"{where}: command_config {file}: {getattr(error, 'strerror', None) or error}") from None
    properties |= section.strings("properties")
    registry = section.optional_text("registry")
    groups = section.named_texts("connect", DEFAULT_GROUP)
    metrics = section.texts("metrics")
    read_only = section.flag("read_only")
    tls = _tls(section, folder)
    section.end()
    try:
        parse_bootstrap(bootstrap)
        client_security(properties)
        workers = [url.strip() for urls in groups.values() for url in urls.split(",")]
        for url in [*([registry] if registry else []), *workers, *metrics]:
            HttpClient(url)
    except (ClientError, HttpError) as error:
        raise ConfigError(f"{where}: {error}") from None
    if not all(each.isalnum() or each in "-_." for each in name):
        raise ConfigError(f"{where}: a name has letters, digits, '-', '_' and '.'")
    if len(groups) > GROUPS_MAX:
        raise ConfigError(f"{where}: there are {len(groups)} groups of Connect's workers; {GROUPS_MAX} are the most")
    return ClusterSettings(name, bootstrap, registry, groups, metrics, properties, read_only, tls)


def _tls(of: Section, folder: Path, *, is_server: bool = False) -> TlsFiles:
    """`[tls]`, of the console itself, or of a cluster: `[cluster.tls]`."""
    section = of.section("tls")
    if section is None:
        return NO_TLS
    files = [section.optional_text(name) for name in ("certificate", "key", "ca")]
    auth = section.choice("client_auth", CLIENT_AUTH, CLIENT_AUTH[0]) if is_server else CLIENT_AUTH[0]
    section.end()
    certificate, key, ca = (None if name is None else folder / name for name in files)
    return TlsFiles(certificate, key, ca, auth)


def _user(section: Section) -> tuple[str, PasswordHash]:
    name, password = section.text("name"), section.text("password")
    section.end()
    try:
        return name, PasswordHash.parse(password)
    except ValueError as error:
        raise ConfigError(f"user '{name}': {error}") from None


def _role(section: Section) -> Role:
    name = section.text("name")
    permissions = tuple(_permission(each, name) for each in section.sections("permissions"))
    users, groups = frozenset(section.texts("users")), frozenset(section.texts("groups"))
    clusters = section.texts("clusters", (ALL,))
    section.end()
    if not permissions:
        raise ConfigError(f"role '{name}' has no permissions")
    return Role(name, clusters, permissions, users, groups)


def _permission(section: Section, role: str) -> Permission:
    section.where = f"role '{role}': {section.where}"
    resource = section.choice("resource", (ALL, *RESOURCES))
    actions = section.texts("actions", None)
    known = ACTIONS.get(resource)
    for action in actions:
        if action != ALL and known is not None and action not in known:
            raise ConfigError(f"{section.where}: of {resource} there are {', '.join(known)}, not '{action}'")
    names = section.texts("names", (ALL,))
    section.end()
    if not actions:
        raise ConfigError(f"{section.where}: actions is empty")
    return Permission(resource, names, actions)


def _mask(section: Section, roles: Sequence[str]) -> MaskRule:
    try:
        fields = tuple(FieldPath.parse(each) for each in section.texts("fields", None))
    except ValueError as error:
        raise ConfigError(f"{section.where}: {error}") from None
    topics = section.texts("topics", (ALL,))
    clusters = section.texts("clusters", (ALL,))
    except_roles = section.texts("except_roles")
    way = section.choice("how", WAYS, REDACT)
    section.end()
    for name in except_roles:
        if name not in roles:
            raise ConfigError(f"{section.where}: except_roles names '{name}', which is no role")
    return MaskRule(topics, fields, way, clusters, frozenset(except_roles))


def _oidc(section: Section, folder: Path) -> OidcSettings:
    defaults = OidcSettings("", "")
    secret = section.optional_text("client_secret")
    file = section.optional_text("client_secret_file")
    variable = section.optional_text("client_secret_variable")
    if file is not None:
        secret = _read_secret(folder / file).decode("utf-8", "replace").strip()
    if variable is not None:
        secret = os.environ.get(variable)
        if not secret:
            raise ConfigError(f"[oidc]: the environment has no {variable}")
    settings = OidcSettings(
        section.text("issuer").rstrip("/"),
        section.text("client_id"),
        secret,
        section.text("name", defaults.name),
        section.texts("scopes", defaults.scopes),
        section.text("user_claim", defaults.user_claim),
        section.text("groups_claim", defaults.groups_claim),
        section.optional_text("redirect_url"),
        section.flag("sign_out", default=True),
        section.optional_text("sign_out_redirect_url"),
        section.number("refresh_minutes", defaults.refresh_minutes, 0, 24 * 60),
    )
    section.end()
    if not settings.issuer.startswith(("https://", *_LOCAL_ISSUERS)):
        raise ConfigError("[oidc]: an issuer is https://…")
    if "openid" not in settings.scopes:
        raise ConfigError("[oidc]: scopes are to have 'openid' in them")
    return settings


def _audit(section: Section, folder: Path) -> AuditSettings:
    file, topic = section.optional_text("file"), section.optional_text("topic")
    cluster = section.optional_text("cluster")
    section.end()
    return AuditSettings(None if file is None else folder / file, topic, cluster)


def _secret(file: str | None, folder: Path) -> bytes | None:
    """Made, for its owner alone, where there is none yet."""
    if file is None:
        return None
    path = folder / file
    if not path.exists():
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as made:
                made.write(os.urandom(SECRET_BYTES).hex().encode())
        except FileExistsError:
            pass
        except OSError as error:
            raise ConfigError(f"secret_file {path}: {error.strerror or error}") from None
    secret = _read_secret(path).strip()
    if len(secret) < SECRET_BYTES:
        raise ConfigError(f"secret_file {path} has fewer than {SECRET_BYTES} bytes")
    return secret


def _read_secret(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
