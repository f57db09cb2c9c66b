"""Every door that speaks HTTP, by TLS: registry, console, SQL, exporter, metrics; and our own clients of them."""

from __future__ import annotations

import contextlib
import http.client
import re
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Final

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, load_pem_private_key, pkcs12
from cryptography.x509 import load_pem_x509_certificate
from tests.peers.certificates import Authority
from tests.peers.console import Browser, ConsoleProcess
from tests.peers.ottla_cli import InProcessCli
from tests.peers.ottla_node import OttlaNode
from tests.peers.process import free_port, wait_for
from tests.peers.registry import RegistryProcess
from tests.peers.scrape import Scrape

from ottla.connect.api.errors import ConfigError, RetriableError
from ottla.connect.data.schema import STRING_SCHEMA
from ottla.connect.registered.avro_converter import AvroConverter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEMA: Final = '{"type": "string"}'


class Files:
    """An authority, and what it signed: `server.pem` with its key inside, `client.pem` with `client.key` beside it."""

    def __init__(self, directory: Path) -> None:
        authority = Authority()
        self.ca, self.server = directory / "ca.pem", directory / "server.pem"
        self.client, self.client_key = directory / "client.pem", directory / "client.key"
        self.ca.write_text(authority.pem)
        self.server.write_text("".join(authority.issue("server")))
        key, certificate = authority.issue("client")
        self.client_key.write_text(key)
        self.client.write_text(certificate)

    def trust(self, *, shows_certificate: bool = False) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.ca))
        if shows_certificate:
            context.load_cert_chain(self.client, self.client_key)
        return context

    @property
    def mutual(self) -> tuple[str, ...]:
        options = ("--tls-certificate", str(self.server), "--tls-ca", str(self.ca))
        return (*options, "--tls-client-auth", "required")

    @property
    def asking(self) -> tuple[str, ...]:
        files = ("--tls-certificate", str(self.client), "--tls-key", str(self.client_key))
        return ("--tls-ca", str(self.ca), *files)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("https-files"))


@pytest.fixture(scope="module")
def watched(files: Files, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OttlaNode, str]]:
    """A node, and the URL of its metrics, which only who has a certificate may see."""
    port = free_port()
    settings = {
        "ottla.metrics.listen": f"127.0.0.1:{port}",
        "ottla.metrics.tls.certificate": str(files.server),
        "ottla.metrics.tls.ca": str(files.ca),
        "ottla.metrics.tls.client.auth": "required",
    }
    with OttlaNode(tmp_path_factory.mktemp("https-node"), settings) as node:
        yield node, f"https://127.0.0.1:{port}/metrics"


@pytest.fixture(scope="module")
def registry(
    watched: tuple[OttlaNode, str], files: Files, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RegistryProcess]:
    """One that does not lead, and asks the one that does for whatever is written. Both want to know who asks."""
    directory = tmp_path_factory.mktemp("https-registries")
    with (
        RegistryProcess(directory / "leader", watched[0].address, *files.mutual),
        RegistryProcess(
            directory / "follower", watched[0].address, "--follow", "--metrics", "127.0.0.1:0", *files.mutual
        ) as follower,
    ):
        yield follower


def test_a_client_of_others_registers_through_an_instance_that_does_not_lead(
    registry: RegistryProcess, files: Files
) -> None:
    assert registry.url.startswith("https://")
    with SchemaRegistryClient(
        {
            "url": registry.url,
            "ssl.ca.location": str(files.ca),
            "ssl.certificate.location": str(files.client),
            "ssl.key.location": str(files.client_key),
        }
    ) as client:
        made = client.register_schema("https-value", Schema(SCHEMA, "AVRO"))
        assert client.get_schema(made).schema_str == SCHEMA.replace('{"type": "string"}', '"string"')


def test_who_shows_no_certificate_is_turned_away(registry: RegistryProcess, files: Files) -> None:
    with pytest.raises((urllib.error.URLError, ssl.SSLError, ConnectionError)):
        urllib.request.urlopen(f"{registry.url}/subjects", timeout=10, context=files.trust())


def test_the_command_line_says_whom_it_trusts_or_a_profile_does(
    registry: RegistryProcess, files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    cli, where = InProcessCli(), ("--registry", registry.url)
    schema = tmp_path / "schema.avsc"
    schema.write_text(SCHEMA)
    cli.works("schemas", "register", "https-cli", "--file", str(schema), *where, *files.asking)
    stranger = cli("schemas", "list", *where)
    assert stranger.code == 1
    assert "CERTIFICATE_VERIFY_FAILED" in stranger.err
    nameless = cli("schemas", "list", *where, "--tls-ca", str(files.ca))
    assert nameless.code == 1, nameless.out
    missing = cli("schemas", "list", *where, "--tls-ca", str(tmp_path / "none.pem"))
    assert missing.code == 2
    assert "none.pem" in missing.err
    cli.works("profile", "set", "secure", *where, *files.asking)
    assert "https-cli" in cli.works("schemas", "list").lines
    assert cli.json("profile", "show")["tls_ca"] == str(files.ca)


def test_a_converter_has_the_settings_of_confluents(registry: RegistryProcess, files: Files, tmp_path: Path) -> None:
    store = tmp_path / "store.pem"
    store.write_text(files.client_key.read_text() + files.client.read_text())
    settings = {
        "converter.type": "value",
        "schema.registry.url": registry.url,
        "schema.registry.ssl.truststore.type": "PEM",
        "schema.registry.ssl.truststore.location": str(files.ca),
    }
    converter = AvroConverter()
    converter.configure(settings)
    with pytest.raises(RetriableError, match="did not answer"):
        converter.from_connect_data("https-connect", STRING_SCHEMA, "hello")
    converter.configure(
        settings | {"schema.registry.ssl.keystore.type": "PEM", "schema.registry.ssl.keystore.location": str(store)}
    )
    written = converter.from_connect_data("https-connect", STRING_SCHEMA, "hello")
    assert converter.to_connect_data("https-connect", written).value == "hello"
    with pytest.raises(ConfigError, match=r"/none\.pem for configuration schema\.registry\.ssl\.truststore\.location"):
        converter.configure(settings | {"schema.registry.ssl.truststore.location": "/none.pem"})


def test_a_converter_trusts_a_store_of_javas(registry: RegistryProcess, files: Files, tmp_path: Path) -> None:
    store, key = tmp_path / "trust.p12", tmp_path / "key.p12"
    encryption = BestAvailableEncryption(b"changeit")
    authority = pkcs12.PKCS12Certificate(load_pem_x509_certificate(files.ca.read_bytes()), b"ca")
    store.write_bytes(pkcs12.serialize_java_truststore([authority], encryption))
    own, certificate = load_pem_private_key(files.client_key.read_bytes(), None), files.client.read_bytes()
    assert isinstance(own, EllipticCurvePrivateKey)
    key.write_bytes(
        pkcs12.serialize_key_and_certificates(b"me", own, load_pem_x509_certificate(certificate), None, encryption)
    )
    converter = AvroConverter()
    settings = {"converter.type": "value", "schema.registry.url": registry.url}
    for what, file in (("truststore", store), ("keystore", key)):
        prefix = f"schema.registry.ssl.{what}"
        settings |= {f"{prefix}.type": "PKCS12", f"{prefix}.location": str(file), f"{prefix}.password": "changeit"}
    converter.configure(settings)
    assert converter.from_connect_data("https-java", STRING_SCHEMA, "hello")


def test_metrics_of_a_node_and_of_a_registry(
    watched: tuple[OttlaNode, str], registry: RegistryProcess, files: Files
) -> None:
    mine = files.trust(shows_certificate=True)
    assert Scrape.of(watched[1], mine).value("kafka_server_kafkaserver_brokerstate") == 3
    with pytest.raises((urllib.error.URLError, ssl.SSLError, ConnectionError)):
        Scrape.of(watched[1], files.trust())
    found = wait_for(lambda: re.search(r"metrics are on (https://\S+)", registry.output), "the registry's metrics")
    assert Scrape.of(found[1], mine).value("process_open_fds")


def test_a_console_serves_and_asks_by_tls(
    watched: tuple[OttlaNode, str], registry: RegistryProcess, files: Files, tmp_path: Path
) -> None:
    config = tmp_path / "console.toml"
    config.write_text(
        f"""
        sample_interval_s = 1
        [tls]
        certificate = "{files.server}"
        [[cluster]]
        name = "local"
        bootstrap = "{watched[0].address}"
        registry = "{registry.url}"
        metrics = ["{watched[1]}"]
        tls = {{ ca = "{files.ca}", certificate = "{files.client}", key = "{files.client_key}" }}
        """
    )
    with ConsoleProcess(tmp_path / "console", "--config", str(config)) as console:
        browser = Browser(console.address, tls=files.trust())
        assert isinstance(browser.get("registry/subjects")["subjects"], list)
        wait_for(lambda: browser.get("metrics")["brokers"], "the node's metrics")
        with pytest.raises((OSError, http.client.HTTPException)):
            Browser(console.address).get("registry/subjects")
        assert console.errors == []


def test_the_exporter_and_sql(watched: tuple[OttlaNode, str], files: Files) -> None:
    served = ("--bootstrap", watched[0].address, "--tls-certificate", str(files.server))
    with _stays("is on", "exporter", "--listen", "127.0.0.1:0", *served) as url:
        assert Scrape.of(url, files.trust()).value("kafka_brokers") == 1
    with _stays("ready on", "sql", "--serve", "127.0.0.1:0", *served) as url:
        asked = urllib.request.Request(url, b"select 1 + 1 as two", method="POST")
        with urllib.request.urlopen(asked, timeout=60, context=files.trust()) as answer:
            assert b"2" in answer.read()


def test_a_certificate_that_is_not_there_is_named(watched: tuple[OttlaNode, str], tmp_path: Path) -> None:
    missing = str(tmp_path / "none.pem")
    cli = InProcessCli()
    for words, code in (
        (("registry", "--bootstrap", watched[0].address, "--listen", "127.0.0.1:0"), 1),
        (("console", "--bootstrap", watched[0].address, "--listen", "127.0.0.1:0"), 2),
        (("exporter", "--bootstrap", watched[0].address), 2),
        (("sql", "--serve", "127.0.0.1:0", "--bootstrap", watched[0].address), 2),
    ):
        outcome = cli(*words, "--tls-certificate", missing)
        assert outcome.code == code, words
        assert f"'{missing}'" in outcome.err
    node = cli("start", "--data", str(tmp_path / "data"), "--set", f"ottla.metrics.tls.certificate={missing}")
    assert node.code == 2
    assert f"'{missing}'" in node.err


@contextlib.contextmanager
def _stays(ready: str, *words: str) -> Iterator[str]:
    """`ottla WORDS`, until it is left: the URL behind `ready` in what it says first."""
    command = [sys.executable, "-u", "-m", "ottla", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(rf"{ready} (https://\S+)\. ", line)
        assert found, line
        yield found[1]
        process.terminate()
