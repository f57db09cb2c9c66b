"""Everything that a running console has: its clusters, its sign-in, its audit log, and its bounds."""

from __future__ import annotations

import asyncio
import hashlib
import os
from typing import TYPE_CHECKING, Any, Final

from ottla.console.web.access.attempts import Attempts
from ottla.console.web.access.audit import AuditEntry, AuditLog, now_ms
from ottla.console.web.access.audit_topic import AuditTopic
from ottla.console.web.access.oidc import OidcProvider
from ottla.console.web.access.oidc_sessions import OidcSessions
from ottla.console.web.access.passwords import Passwords
from ottla.console.web.access.permissions import ADMIN, Identity
from ottla.console.web.access.sessions import SECRET_BYTES, Sessions, Signer
from ottla.console.web.cluster import Cluster
from ottla.console.web.message import ApiError
from ottla.console.web.messages.tail import Tails

if TYPE_CHECKING:
    from ottla.console.web.settings import ConsoleSettings
    from ottla.runtime.network import Network

SEARCHES_MAX: Final = 8
"""Searches through messages, and queries, at the same time."""
SIGN_INS_MAX: Final = 16
REQUESTS_MAX: Final = 256
OPEN: Final = Identity(None, (ADMIN,))


class Gate:
    """`with gate:` — so many at the same time, and no more; nobody waits."""

    def __init__(self, what: str, at_most: int) -> None:
        self._what = what
        self._at_most = at_most
        self._inside = 0

    def __enter__(self) -> None:
        if self._inside >= self._at_most:
            text = f"there are {self._at_most} {self._what} under way already"
            raise ApiError(429, "TOO_MANY", text, "try again in a moment")
        self._inside += 1

    def __exit__(self, *_: object) -> None:
        self._inside -= 1


class Console:
    """`start()`, and `await stop()`."""

    def __init__(self, network: Network, settings: ConsoleSettings, port: int) -> None:
        self.settings = settings
        self.port = port
        self.clusters = {each.name: Cluster(network, each, settings.sample_interval_s) for each in settings.clusters}
        secret = settings.secret or os.urandom(SECRET_BYTES)
        self.signer = Signer(hashlib.sha256(b"sessions" + secret).digest())
        self.mask_secret = hashlib.sha256(b"masks" + secret).digest()
        self.sessions = Sessions(self.signer, int(settings.session_hours * 3_600_000))
        self.passwords = Passwords(settings.users)
        self.attempts = Attempts()
        self.oidc = None if settings.oidc is None else OidcProvider(settings.oidc)
        self.oidc_sessions = None if self.oidc is None else OidcSessions(self.oidc)
        self._audit_topic = self._topic_of_audit()
        self.audit = AuditLog(settings.audit.file, None if self._audit_topic is None else self._audit_topic.send)
        self.tails = Tails()
        self.searches = Gate("searches", SEARCHES_MAX)
        self.sign_ins = Gate("sign-ins", SIGN_INS_MAX)
        self.requests = Gate("requests", REQUESTS_MAX)
        self.is_stopping = asyncio.Event()

    def start(self) -> None:
        self.audit.start()
        for cluster in self.clusters.values():
            cluster.start()

    async def stop(self) -> None:
        self.is_stopping.set()
        await self.audit.stop()
        if self._audit_topic is not None:
            self._audit_topic.close()
        for cluster in self.clusters.values():
            await cluster.stop()

    async def current_identity(self, session: dict[str, Any], address: str) -> Identity | None:
        """`None`: the session has ended, as the provider knows its user no more."""
        if session["m"] != "oidc" or self.oidc_sessions is None:
            return self.identity_of(session)
        groups = await self.oidc_sessions.groups(session, now_ms())
        if groups is not None:
            return self.identity_of({**session, "g": self.groups_that_matter(groups)})
        self.sessions.end(str(session["i"]), int(session["e"]), now_ms())
        details = {"why": "the provider does not confirm it any more"}
        self.audit.write(
            AuditEntry(now_ms(), str(session["u"]), [], address, None, "session_over", str(session["u"]), details)
        )
        return None

    def identity_of(self, session: dict[str, Any]) -> Identity:
        """Roles are those of now: who is taken out of one loses it at once."""
        user, groups = str(session["u"]), frozenset(str(each) for each in session["g"])
        method = str(session["m"])
        is_gone = (method == "password" and user not in self.settings.users) or (method == "oidc" and self.oidc is None)
        if is_gone:
            return Identity(user, (), method, str(session["i"]), int(session["e"]))
        return self._identity(user, groups, method, str(session["i"]), int(session["e"]))

    async def password_fits(self, user: str, password: str, address: str) -> bool:
        """`ApiError(429)`: it was wrong too often, or too many are being looked at."""
        wait_ms = self.attempts.wait_ms(user, address, now_ms())
        if wait_ms:
            text = f"the password of '{user}' was wrong too often"
            raise ApiError(429, "TOO_MANY", text, f"try again in {wait_ms // 1000 + 1} s")
        with self.sign_ins:
            fits = await self.passwords.fit(user, password)
        if fits:
            self.attempts.succeeded(user, address)
        else:
            self.attempts.failed(user, address, now_ms())
        return fits

    def user_identity(self, user: str) -> Identity:
        """Of a local user who has shown the password with the request itself."""
        return self._identity(user, frozenset(), "basic", "", None)

    def _identity(
        self, user: str, groups: frozenset[str], method: str, session: str, expires_ms: int | None
    ) -> Identity:
        roles = tuple(role for role in self.settings.roles if role.belongs_to(user, groups))
        return Identity(user, roles, method, session, expires_ms)

    def groups_that_matter(self, groups: frozenset[str]) -> frozenset[str]:
        """Those that some role names: a cookie has little room."""
        return groups & frozenset(group for role in self.settings.roles for group in role.groups)

    def _topic_of_audit(self) -> AuditTopic | None:
        audit = self.settings.audit
        if audit.topic is None:
            return None
        return AuditTopic(self.clusters[audit.cluster or self.settings.clusters[0].name].client.twin(), audit.topic)
