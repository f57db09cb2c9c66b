"""Where metrics are asked for."""

from typing import Final

DEFAULT_PORT: Final = 9404
"""That of the JMX exporter for Kafka."""


def parse_listen(text: str) -> tuple[str, int]:
    """`HOST:PORT`, `:PORT` or `PORT`; without a host the loopback alone. `ValueError` says what is wrong."""
    host, _, port = text.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise ValueError(f"it must be HOST:PORT, such as 127.0.0.1:{DEFAULT_PORT}, not {text!r}")
    return host.strip("[]") or "127.0.0.1", int(port)
