"""Variables of server.properties: from the environment, a file, a directory; what nobody knows stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ottla.broker.config_schema import ServerConfigSchema
from ottla.broker.start_config import read_config
from ottla.protocol.errors import KafkaError
from ottla.runtime.config.definition import ConfigError
from ottla.runtime.config.providers import resolve_variables
from ottla.runtime.config.static_config import server_config_of

if TYPE_CHECKING:
    from pathlib import Path

PACKAGE = "org.apache.kafka.common.config.provider."
PROVIDERS = {
    "config.providers": "env, file,dir",
    "config.providers.env.class": f"{PACKAGE}EnvVarConfigProvider",
    "config.providers.file.class": f"{PACKAGE}FileConfigProvider",
    "config.providers.dir.class": f"{PACKAGE}DirectoryConfigProvider",
}
ENVIRONMENT = {"RACK": "r1", "AGAIN": "${env:RACK}", "HOME": "/root"}


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    (tmp_path / "s.properties").write_text("user = alice\npass\\ word=a\\=b\n", "utf-8")
    (tmp_path / "password").write_text("geheim\n", "utf-8")
    (tmp_path / "inner").mkdir()
    return tmp_path


def resolved(text: str, **more: str) -> str:
    settings = {
        f"config.providers.{key.replace('__', '.param.').replace('_', '.')}": value for key, value in more.items()
    }
    return resolve_variables(PROVIDERS | settings | {"x": text}, ENVIRONMENT)["x"]


def test_variables_are_replaced(secrets: Path) -> None:
    assert resolved("a ${env:RACK}-${env:RACK} z") == "a r1-r1 z"
    assert resolved(f"${{file:{secrets}/s.properties:user}}") == "alice"
    assert resolved(f"${{file:{secrets}/s.properties:pass word}}") == "a=b"
    assert resolved(f"${{dir:{secrets}:password}}") == "geheim\n"
    assert resolved("${env:AGAIN}") == "${env:RACK}", "once"


def test_what_nobody_knows_stays(secrets: Path) -> None:
    texts = (
        "${env:NOBODY}",
        "${vault:a:b}",
        f"${{dir:{secrets}:inner}}",
        "${file::user}",
        "$env:RACK",
        "${RACK}",
        "plain",
    )
    for text in (
        *texts,
        f"${{dir:{secrets}:../x}}",
        f"${{dir:{secrets}/none:password}}",
        f"${{file:{secrets}/s.properties:no}}",
    ):
        assert resolved(text) == text
    assert resolve_variables({"x": "${env:RACK}"}, ENVIRONMENT) == {"x": "${env:RACK}"}
    without_class = {"config.providers": "env", "x": "${env:RACK}"}
    assert resolve_variables(without_class, ENVIRONMENT) == without_class


def test_only_what_is_allowed_is_read(secrets: Path) -> None:
    assert resolved("${env:RACK}${env:HOME}", env__allowlist_pattern="R.*") == "r1${env:HOME}"
    inside, outside = f"${{dir:{secrets}:password}}", f"${{dir:{secrets}/inner/..:password}}"
    assert resolved(inside, dir__allowed_paths=str(secrets)) == "geheim\n"
    for text in (inside, outside, f"${{dir:{secrets}/inner/../:password}}"):
        assert resolved(text, dir__allowed_paths=str(secrets / "inner")) == text
    file = f"${{file:{secrets}/s.properties:user}}"
    assert resolved(file, file__allowed_paths=str(secrets / "inner")) == file


@pytest.mark.parametrize(
    ("text", "more", "names"),
    [
        ("${file:/nowhere/x:user}", {}, "x"),
        ("${env:path:RACK}", {}, "x"),
        ("", {"env_class": "org.acme.VaultProvider"}, "config.providers.env.class"),
        ("", {"env__allowlist_pattern": "("}, "config.providers.env.param.allowlist.pattern"),
        ("", {"dir__allowed_paths": "here"}, "config.providers.dir.param.allowed.paths"),
        ("", {"dir__allowed_paths": "/nowhere/at/all"}, "config.providers.dir.param.allowed.paths"),
    ],
)
def test_what_cannot_be_is_refused(text: str, more: dict[str, str], names: str) -> None:
    with pytest.raises(ConfigError) as refused:
        resolved(text, **more)
    assert refused.value.key == names


def test_a_node_reads_them(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = secrets / "server.properties"
    lines = [f"{key}={value}" for key, value in PROVIDERS.items()]
    file.write_text("\n".join([*lines, "node.id=${env:NODE}", f"broker.rack=${{file:{secrets}/s.properties:user}}"]))
    monkeypatch.setenv("NODE", "7")
    config = read_config(str(file), None, None, [])
    assert (config.node_id, config.get_str("broker.rack")) == (7, "alice")
    assert (config.unknown_keys, config.ineffective_keys) == ([], [])


def test_a_running_node_reads_them(secrets: Path) -> None:
    variable = f"${{file:{secrets}/s.properties:user}}"
    static = server_config_of(PROVIDERS)
    key = "listener.name.plaintext.ssl.keystore.password"
    config = static.with_dynamic({"ssl.cipher.suites": variable}, {key: f"the {variable}"})
    assert config.get_list("ssl.cipher.suites") == ("alice",)
    assert config.listener_override("PLAINTEXT", "ssl.keystore.password") == "the alice"
    assert config.dynamic_broker == {key: f"the {variable}"}
    unmoved = server_config_of({}).with_dynamic(PROVIDERS, {key: variable})
    assert unmoved.listener_override("PLAINTEXT", "ssl.keystore.password") == variable, "only who starts a node says"
    with pytest.raises(ConfigError, match="cannot be read"):
        static.with_dynamic({}, {key: "${file:/nowhere/x:user}"})


def test_numbers_are_not_variables() -> None:
    schema = ServerConfigSchema(server_config_of(PROVIDERS))
    with pytest.raises(KafkaError, match=r"num\.io\.threads"):
        schema.validate(4, "", {"num.io.threads": "${env:THREADS}"})
