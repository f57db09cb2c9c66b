"""TLS of PEM files that a command line or a configuration names, for either side of HTTP.

--tls-certificate FILE   certificate and chain; and the key, unless it has a file of its own
--tls-key FILE           the key
--tls-ca FILE            whom to trust: servers that are asked and, of a server, clients that show a certificate
--tls-client-auth WHAT   of a server: none, requested, required (Kafka's ssl.client.auth)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import argparse
    import ssl

    from ottla.runtime.tls_context import TlsContexts

CLIENT_AUTH: Final = ("none", "requested", "required")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """What is `None` was not said."""

    certificate: Path | None = None
    key: Path | None = None
    ca: Path | None = None
    client_auth: str = "none"

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> TlsFiles:
        """Of what `add_server_arguments` or `add_client_arguments` added."""
        certificate, key, ca = (
            None if name is None else Path(name)
            for name in (arguments.tls_certificate, arguments.tls_key, arguments.tls_ca)
        )
        return cls(certificate, key, ca, getattr(arguments, "tls_client_auth", None) or "none")

    @property
    def words(self) -> list[str]:
        """The options again, for a process that is started."""
        files = {"certificate": self.certificate, "key": self.key, "ca": self.ca}
        told = [word for name, file in files.items() if file is not None for word in (f"--tls-{name}", str(file))]
        return [*told, "--tls-client-auth", self.client_auth]

    def server(self) -> TlsContexts | None:
        """For those who are served; `None`: without a certificate there is no TLS. `ValueError` names the file."""
        from ottla.runtime.tls_context import TlsContexts

        if self.client_auth not in CLIENT_AUTH:
            raise ValueError(f"client authentication is one of {', '.join(CLIENT_AUTH)}, not '{self.client_auth}'")
        if self.certificate is None:
            if self.key is not None or self.client_auth != "none":
                raise ValueError("TLS needs a certificate")
            return None
        if self.client_auth != "none" and self.ca is None:
            raise ValueError(f"client authentication is {self.client_auth}, and no CA says whom to trust")
        return TlsContexts(self._server_context, self._files())

    def client(self) -> ssl.SSLContext | None:
        """To ask others; `None`: nothing was said, and the system's trust holds. `ValueError` names the file."""
        if self.certificate is None and self.ca is None:
            if self.key is not None:
                raise ValueError("TLS needs the certificate of its key")
            return None
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.ca is None:
            context.load_default_certs()
        self._load(context)
        return context

    def _server_context(self) -> ssl.SSLContext:
        import ssl

        from ottla.runtime.tls_context import CLIENT_AUTH as MODES

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._load(context)
        context.verify_mode = MODES[self.client_auth]
        return context

    def _load(self, context: ssl.SSLContext) -> None:
        """Who one is, and whom one trusts."""
        from ottla.runtime.config.definition import ConfigError
        from ottla.runtime.tls_context import why_unreadable

        if self.certificate is not None:
            try:
                context.load_cert_chain(self.certificate, self.key, password="")
            except (OSError, ValueError) as error:
                files = f"{self.certificate}" if self.key is None else f"{self.certificate}, {self.key}"
                why = f"the key and its certificate cannot be read: {why_unreadable(error)}"
                raise ConfigError("TLS", files, why) from None
        if self.ca is not None:
            try:
                context.load_verify_locations(self.ca)
            except (OSError, ValueError) as error:
                why = f"no certificates can be read: {why_unreadable(error)}"
                raise ConfigError("TLS", str(self.ca), why) from None

    def _files(self) -> list[Path]:
        return [file for file in (self.certificate, self.key, self.ca) if file is not None]


NO_TLS: Final = TlsFiles()


def add_server_arguments(parser: argparse.ArgumentParser) -> None:
    """Of what serves, and may ask others: registries, workers, brokers' metrics."""
    parser.add_argument("--tls-certificate", metavar="FILE", help="serve by TLS: certificate and chain, as PEM")
    parser.add_argument("--tls-key", metavar="FILE", help="its key, as PEM (default: it is in --tls-certificate)")
    parser.add_argument(
        "--tls-ca",
        metavar="FILE",
        help="whom to trust, as PEM: clients, and servers that are asked (default: the system)",
    )
    parser.add_argument(
        "--tls-client-auth", choices=CLIENT_AUTH, help="whether clients show a certificate of --tls-ca (default: none)"
    )


def add_client_arguments(parser: argparse.ArgumentParser) -> None:
    """Of what asks a server by https."""
    parser.add_argument(
        "--tls-ca", metavar="FILE", help="whom to trust over https, as PEM (default: the profile's, else the system's)"
    )
    parser.add_argument("--tls-certificate", metavar="FILE", help="shown to a server that asks who one is, as PEM")
    parser.add_argument("--tls-key", metavar="FILE", help="its key, as PEM (default: it is in --tls-certificate)")
