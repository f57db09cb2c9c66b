"""A small OpenID provider: discovery, authorization code with PKCE, signed ID tokens. Everybody is let in at once.

It is as strict as a real one: an unknown client or redirect, a code that was used, a verifier that does not fit are
refused. `spoil` changes the claims or the signature of the next token, as an attacker would. A refresh token
is good for one use, and for none when the session has ended.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

if TYPE_CHECKING:
    from collections.abc import Callable

CLIENT_ID: Final = "ottla-console"
CLIENT_SECRET: Final = "a secret: with a colon"


class OidcProviderServer:
    """`with OidcProviderServer(claims) as provider:`"""

    def __init__(self, claims: dict[str, Any]) -> None:
        self.claims = claims
        self.spoil: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
        self.sign: Callable[[dict[str, Any]], str] = self._signed
        self.method = "client_secret_basic"
        """How clients show who they are."""
        self.redirects: list[str] = []
        """Where it sends people back to."""
        self._kid = "one"
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.refreshes: int | None = None
        """How often it was asked to refresh; `None`: it gives no refresh tokens."""
        self.ended: list[dict[str, str]] = []
        """What was asked of it at the end of sessions."""
        self._refresh_tokens: set[str] = set()
        self._codes: dict[str, dict[str, str]] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.get(self)

            def do_POST(self) -> None:
                provider.post(self)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def end_sessions(self) -> None:
        """As an administrator of the provider would."""
        self._refresh_tokens.clear()

    def change_key(self) -> None:
        self._kid = "two"
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/realm"

    def __enter__(self) -> OidcProviderServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def get(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        match parts.path.removeprefix("/realm"):
            case "/.well-known/openid-configuration":
                _json(request, 200, self._metadata())
            case "/keys":
                public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
                _json(request, 200, {"keys": [{**public, "kid": self._kid, "use": "sig", "alg": "RS256"}]})
            case "/authorize":
                self._authorize(request, {name: values[0] for name, values in parse_qs(parts.query).items()})
            case "/logout":
                self._logout(request, {name: values[0] for name, values in parse_qs(parts.query).items()})
            case _:
                _json(request, 404, {"error": "not_found"})

    def post(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", "0")))
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if not self._knows(request.headers.get("Authorization"), form):
            _json(request, 401, {"error": "invalid_client"})
            return
        if form.get("grant_type") == "refresh_token":
            self._refresh(request, form.get("refresh_token", ""))
            return
        asked = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            asked is None
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != form.get("redirect_uri")
            or form.get("grant_type") != "authorization_code"
        ):
            _json(request, 400, {"error": "invalid_grant"})
            return
        self._give_tokens(request, {"nonce": asked["nonce"]})

    def _give_tokens(self, request: BaseHTTPRequestHandler, more: dict[str, str]) -> None:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, **more}
        token = self.sign(self.spoil({**claims, **self.claims}))
        answer = {"access_token": secrets.token_urlsafe(), "token_type": "Bearer", "id_token": token}
        if self.refreshes is not None:
            answer["refresh_token"] = secrets.token_urlsafe()
            self._refresh_tokens.add(answer["refresh_token"])
        _json(request, 200, answer)

    def _refresh(self, request: BaseHTTPRequestHandler, token: str) -> None:
        self.refreshes = (self.refreshes or 0) + 1
        if token not in self._refresh_tokens:
            _json(request, 400, {"error": "invalid_grant", "error_description": "the session is over"})
            return
        self._refresh_tokens.discard(token)
        self._give_tokens(request, {})

    def _logout(self, request: BaseHTTPRequestHandler, query: dict[str, str]) -> None:
        hint = query.get("id_token_hint")
        if hint is not None:
            jwt.decode(hint, self._key.public_key(), algorithms=["RS256"], audience=CLIENT_ID)
        self.ended.append(query)
        request.send_response(302)
        request.send_header("Location", query["post_logout_redirect_uri"])
        request.send_header("Content-Length", "0")
        request.end_headers()

    def _knows(self, authorization: str | None, form: dict[str, str]) -> bool:
        if self.method == "client_secret_basic":
            pair = base64.b64decode((authorization or "").removeprefix("Basic ")).decode()
            name, _, secret = pair.partition(":")
            return (unquote(name), unquote(secret)) == (CLIENT_ID, CLIENT_SECRET)
        if authorization is not None or form.get("client_id") != CLIENT_ID:
            return False
        return form.get("client_secret") == (CLIENT_SECRET if self.method == "client_secret_post" else None)

    def _authorize(self, request: BaseHTTPRequestHandler, query: dict[str, str]) -> None:
        right = query.get("client_id") == CLIENT_ID and query.get("response_type") == "code"
        if not right or query.get("code_challenge_method") != "S256" or "openid" not in query.get("scope", ""):
            _json(request, 400, {"error": "invalid_request"})
            return
        code = secrets.token_urlsafe()
        self._codes[code] = query
        location = f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"
        self.redirects.append(location)
        request.send_response(302)
        request.send_header("Location", location)
        request.send_header("Content-Length", "0")
        request.end_headers()

    def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/logout",
            "token_endpoint_auth_methods_supported": [self.method],
        }

    def _signed(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self._key, "RS256", {"kid": self._kid})


def _json(request: BaseHTTPRequestHandler, status: int, value: object) -> None:
    data = json.dumps(value).encode()
    request.send_response(status)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(data)))
    request.end_headers()
    request.wfile.write(data)
