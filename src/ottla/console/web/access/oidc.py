"""Sign-in by OpenID Connect: the authorization code flow with PKCE (RFC 7636), and an ID token that is verified.

    /api/oidc/login ─► provider's authorization endpoint ─► /api/oidc/callback?code&state ─► token endpoint ─► ID token
    later, while somebody is signed in:                            refresh token ─► token endpoint ─► ID token
    at the end (RP-Initiated Logout 1.0):                                    provider's end_session_endpoint ─► /

What is remembered in between (state, nonce, code verifier, where to go back to) is in a signed cookie of ten minutes.
Verified are signature (by the provider's keys; never `none`, never a shared secret), issuer, audience, expiry, nonce.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode, urlsplit

from ottla.runtime.base64url import base64url_text
from ottla.runtime.http_basic import basic_authorization
from ottla.runtime.http_client import HttpClient, HttpError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.console.web.settings import OidcSettings

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
DISCOVERY_LIFETIME_S: Final = 3_600.0
KEYS_AGAIN_S: Final = 10.0
"""Keys are asked for again, when an unknown one has signed, no more often than that."""
LOGIN_LIFETIME_MS: Final = 600_000
TIMEOUT_S: Final = 10.0
LEEWAY_S: Final = 60
GROUPS_MAX: Final = 1_000
CALLBACK: Final = "/api/oidc/callback"


class OidcError(Exception):
    """The sign-in does not succeed; the text says why, for who signs in."""


class OidcRefusedError(OidcError):
    """The provider has ended what somebody had."""


@dataclass(frozen=True, slots=True)
class Login:
    """What is remembered of one that is under way, and where the browser is sent."""

    location: str
    remembered: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SignedIn:
    user: str
    groups: frozenset[str]
    return_to: str
    subject: str
    """Who it is, for the provider."""
    id_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    """`None`: it gives none."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    groups: frozenset[str] | None
    """`None`: it does not say."""
    id_token: str | None = field(repr=False)
    refresh_token: str | None = field(repr=False)
    """The next one; `None`: the same again."""


class OidcProvider:
    def __init__(self, settings: OidcSettings) -> None:
        self.settings = settings
        self._metadata: Mapping[str, Any] = {}
        self._read_at = -DISCOVERY_LIFETIME_S
        self._keys: dict[str, Any] = {}
        self._keys_at = -KEYS_AGAIN_S

    async def begin(self, return_to: str, redirect_url: str, now_ms: int) -> Login:
        """`OidcError`."""
        metadata = await self._discover()
        verifier, state, nonce = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64url_text(hashlib.sha256(verifier.encode()).digest())
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": redirect_url,
            "scope": " ".join(self.settings.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = str(metadata["authorization_endpoint"])
        remembered = {
            "s": state,
            "n": nonce,
            "v": verifier,
            "r": safe_return(return_to),
            "u": redirect_url,
            "e": now_ms + LOGIN_LIFETIME_MS,
        }
        return Login(f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}", remembered)

    async def finish(self, query: Mapping[str, list[str]], remembered: Mapping[str, Any]) -> SignedIn:
        """`OidcError`."""
        given = {name: values[0] for name, values in query.items()}
        if not secrets.compare_digest(given.get("state", "").encode(), str(remembered["s"]).encode()):
            raise OidcError("this sign-in was not begun here: begin it again")
        if "error" in given:
            said = given.get("error_description") or given["error"]
            raise OidcError(f"the provider says: {said[:200]}")
        if not given.get("code"):
            raise OidcError("the provider sent no code")
        form = {
            "grant_type": "authorization_code",
            "code": given["code"],
            "redirect_uri": remembered["u"],
            "code_verifier": remembered["v"],
        }
        answer = await self._tokens(form)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise OidcError(f"the provider gave no ID token: {_reason(answer)}")
        claims = await self._claims(token, str(remembered["n"]))
        user = claims.get(self.settings.user_claim) or claims.get("email") or claims["sub"]
        return SignedIn(
            str(user),
            self._groups(claims),
            str(remembered["r"]),
            str(claims["sub"]),
            token,
            _optional(answer, "refresh_token"),
        )

    async def refresh(self, refresh_token: str, subject: str) -> Refreshed:
        """Whether somebody is still who they were. `OidcRefusedError`: no more; `OidcError`: nobody can tell now."""
        answer = await self._tokens({"grant_type": "refresh_token", "refresh_token": refresh_token})
        if answer.get("error") == "invalid_grant":
            raise OidcRefusedError(f"the provider says: {_reason(answer)}")
        if "error" in answer:
            raise OidcError(f"the provider says: {_reason(answer)}")
        token, groups = _optional(answer, "id_token"), None
        if token is not None:
            claims = await self._claims(token, None)
            if str(claims["sub"]) != subject:
                raise OidcRefusedError("the new ID token is somebody else's")
            groups = self._groups(claims)
        return Refreshed(groups, token, _optional(answer, "refresh_token"))

    async def sign_out_url(self, id_token: str | None, redirect_url: str) -> str | None:
        """Where the browser goes to be signed out at the provider, too; `None` where it has no such place."""
        endpoint = (await self._discover()).get("end_session_endpoint")
        if not self.settings.sign_out or not isinstance(endpoint, str):
            return None
        query = {"client_id": self.settings.client_id, "post_logout_redirect_uri": redirect_url}
        if id_token is not None:
            query["id_token_hint"] = id_token
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    def _groups(self, claims: Mapping[str, Any]) -> frozenset[str]:
        groups = claims.get(self.settings.groups_claim)
        listed = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
        return frozenset(str(each) for each in listed[:GROUPS_MAX])

    async def _tokens(self, form: dict[str, str]) -> dict[str, Any]:
        """What the token endpoint answers, which may be an error."""
        metadata = await self._discover()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        client_id, secret = self.settings.client_id, self.settings.client_secret
        methods = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if secret is None:
            form["client_id"] = client_id
        elif "client_secret_basic" in methods:
            headers["Authorization"] = basic_authorization(quote(client_id, safe=""), quote(secret, safe=""))
        else:
            form |= {"client_id": client_id, "client_secret": secret}
        return await _ask("POST", str(metadata["token_endpoint"]), urlencode(form).encode(), headers)

    async def _claims(self, token: str, nonce: str | None) -> dict[str, Any]:
        """Without a nonce: of a token that was not asked for by way of the browser."""
        import jwt

        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                raise OidcError(f"the ID token is signed by {header.get('alg')}, which is not taken")
            key = await self._key(header.get("kid"))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[header["alg"]],
                audience=self.settings.client_id,
                issuer=str((await self._discover())["issuer"]),
                leeway=LEEWAY_S,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise OidcError(f"the ID token is not believed: {error}") from None
        if nonce is not None and not secrets.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise OidcError("the ID token is of another sign-in")
        audience = claims["aud"]
        if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != self.settings.client_id:
            raise OidcError("the ID token is for another application")
        return claims

    async def _key(self, kid: str | None) -> Any:
        found = self._known_key(kid)
        if found is None and time.monotonic() - self._keys_at >= KEYS_AGAIN_S:
            await self._read_keys()
            found = self._known_key(kid)
        if found is None:
            raise OidcError("the ID token is signed by a key that the provider does not publish")
        return found

    def _known_key(self, kid: str | None) -> Any:
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(kid or "")

    async def _read_keys(self) -> None:
        import jwt

        self._keys_at = time.monotonic()
        answer = await _ask("GET", str((await self._discover())["jwks_uri"]))
        keys: dict[str, Any] = {}
        for each in answer.get("keys") or ():
            if isinstance(each, dict) and each.get("use", "sig") == "sig" and each.get("kty") != "oct":
                try:
                    keys[str(each.get("kid", ""))] = jwt.PyJWK(each).key
                except jwt.PyJWTError:
                    continue  # of a kind that is not known here
        self._keys = keys

    async def _discover(self) -> Mapping[str, Any]:
        if self._metadata and time.monotonic() - self._read_at < DISCOVERY_LIFETIME_S:
            return self._metadata
        issuer = self.settings.issuer
        found = await _ask("GET", f"{issuer}/.well-known/openid-configuration")
        if str(found.get("issuer", "")).rstrip("/") != issuer:
            raise OidcError(f"{issuer} says that it is another: '{found.get('issuer')}'")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not isinstance(found.get(name), str):
                raise OidcError(f"{issuer} does not tell its {name}")
        self._metadata, self._read_at = found, time.monotonic()
        return found


def _reason(answer: Mapping[str, Any]) -> str:
    return str(answer.get("error_description") or answer.get("error") or "no reason said")[:200]


def _optional(answer: Mapping[str, Any], name: str) -> str | None:
    value = answer.get(name)
    return value if isinstance(value, str) and value else None


def safe_return(path: str) -> str:
    """A place in this console; anything else is its first page."""
    if not path.startswith("/") or path.startswith(("//", "/\\")) or any(ord(each) < 32 for each in path):
        return "/"
    return quote(path[:1_000], safe="/#?&=%:@!$'()*+,;~")


async def _ask(
    method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        client = HttpClient(f"{parts.scheme}://{parts.netloc}")
    except HttpError as error:
        raise OidcError(str(error)) from None
    try:
        answer = await client.send(method, target or "/", body, headers or {}, timeout_s=TIMEOUT_S)
    except HttpError as error:
        raise OidcError(f"the provider does not answer: {error}") from None
    finally:
        client.close()
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or (answer.status >= 400 and "error" not in value):
        raise OidcError(f"the provider answers {parts.path} with {answer.status}")
    return value
