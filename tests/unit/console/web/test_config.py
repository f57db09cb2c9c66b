"""console.toml: what is read, and how what is wrong is said."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from ottla.console.web.access.passwords import hash_password
from ottla.console.web.config import read_config
from ottla.console.web.section import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

USER = f'[[user]]\nname = "ada"\npassword = "{hash_password("x")}"\n'
ROLE = """[[role]]
name = "r"
users = ["ada"]
permissions = [{ resource = "topic", names = ["a*"], actions = ["read"] }]
"""
CLUSTER = '[[cluster]]\nname = "c"\nbootstrap = "localhost:9092"\n'


def read(folder: Path, text: str):  # type: ignore[no-untyped-def]
    path = folder / "console.toml"
    path.write_text(text)
    return read_config(path)


def test_nothing_said_is_open_on_the_loopback(tmp_path: Path) -> None:
    settings = read(tmp_path, "")
    assert (settings.host, settings.port, settings.needs_sign_in) == ("127.0.0.1", 8080, False)
    assert [role.name for role in settings.roles] == ["admin"]
    settings.check()


def test_workers_of_connect_are_of_one_group_or_of_several(tmp_path: Path) -> None:
    one = read(tmp_path, CLUSTER + 'connect = "http://a:1,http://b:2"\n').clusters[0]
    assert one.connect == {"connect": "http://a:1,http://b:2"}
    several = read(tmp_path, CLUSTER + 'connect = { etl = "http://a:1", cdc = "http://b:2" }\n').clusters[0]
    assert several.connect == {"etl": "http://a:1", "cdc": "http://b:2"}
    for wrong in ('connect = "http://a:1,b"\n', 'connect = { etl = "ftp://a" }\n', "connect = 3\n"):
        with pytest.raises(ConfigError, match=r"'c'|connect"):
            read(tmp_path, CLUSTER + wrong)


def test_everything_is_read(tmp_path: Path) -> None:
    (tmp_path / "client.properties").write_text("security.protocol=PLAINTEXT\n")
    (tmp_path / "oidc").write_text("hush\n")
    settings = read(
        tmp_path,
        'listen = "[::1]:1"\nhosts = ["console.example"]\nread_only = true\nsecret_file = "secret"\nsession_hours = 1\n'
        + CLUSTER
        + 'registry = "http://localhost:8081"\nconnect = "http://u:p@localhost:8083"\n'
        + 'command_config = "client.properties"\n'
        + "[cluster.properties]\n"
        + '"client.id" = "x"\n'
        + USER
        + ROLE
        + '[oidc]\nissuer = "https://sso.example/realm/"\nclient_id = "i"\nclient_secret_file = "oidc"\n'
        + '[[mask]]\ntopics = ["a*"]\nfields = ["value.x", "headers.*"]\nhow = "hash"\nexcept_roles = ["r"]\n'
        + '[audit]\nfile = "audit.jsonl"\ntopic = "audit"\ncluster = "c"\n',
    )
    assert (settings.host, settings.port, settings.read_only, settings.needs_sign_in) == ("::1", 1, True, True)
    assert settings.clusters[0].properties == {"security.protocol": "PLAINTEXT", "client.id": "x"}
    assert settings.oidc is not None
    assert (settings.oidc.issuer, settings.oidc.client_secret) == ("https://sso.example/realm", "hush")
    assert settings.roles[0].permissions[0].allows("topic", "view", "abc")
    assert not settings.roles[0].permissions[0].allows("topic", "write", "abc")
    assert not settings.masks[0].holds("c", ["r"])
    assert settings.masks[0].holds("c", ["other"])
    assert settings.audit.file == tmp_path / "audit.jsonl"
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert read(tmp_path, 'secret_file = "secret"').secret == settings.secret
    assert "hush" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("listn = 'x'", "has no 'listn'"),
        ("= 1", "is no TOML"),
        ("listen = 'x'", "HOST:PORT"),
        ("listen = 8080", "listen is to be a text"),
        (CLUSTER + CLUSTER, "two clusters have the name 'c'"),
        ('[[cluster]]\nname = "c"', "bootstrap is to be a text; it is missing"),
        ('[[cluster]]\nname = "a/b"\nbootstrap = "x:1"', "letters, digits"),
        (CLUSTER + 'registry = "localhost"', "no URL"),
        (CLUSTER + "regstry = 'x'", "Did you mean 'registry'"),
        ('[[user]]\nname = "ada"\npassword = "secret"', "user 'ada': a password is written as"),
        (USER, "no [[role]]"),
        (ROLE, "nobody signs in"),
        (USER + ROLE.replace('"read"', '"reed"'), "there are view, create, delete"),
        (USER + ROLE.replace('"topic"', '"topics"'), "resource is one of"),
        (USER + ROLE + '[[mask]]\nfields = ["val.x"]', "begins with key, value or headers"),
        (USER + ROLE + '[[mask]]\nfields = ["value.x"]\nexcept_roles = ["q"]', "which is no role"),
        ('[oidc]\nissuer = "http://sso.example"\nclient_id = "x"', "an issuer is https"),
        ('[audit]\ntopic = "a"\ncluster = "q"', "there is no cluster 'q'"),
        ("sample_interval_s = 0", "a number from 1 to 60"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, text)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith(("console.toml", str(tmp_path)))
