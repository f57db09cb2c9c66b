"""Profiles: what is read, what is written and what stays, and who has the last word."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import pytest
from tests.peers.ottla_cli import InProcessCli

from ottla.console.cli.session import UsageError, add_cluster_arguments, apply_profile
from ottla.console.operations.profiles import Profile, ProfileError, config_file, read_profiles, save

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("OTTLA_PROFILE", raising=False)
    return config_file()


def options(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_cluster_arguments(parser)
    arguments = parser.parse_args(words)
    apply_profile(arguments)
    return arguments


def test_from_first_to_last(file: Path) -> None:
    ottla = InProcessCli()
    assert "no profiles yet" in ottla.works("profile", "list").err
    ottla.works("profile", "set", "here", "--bootstrap", "localhost:9093")
    ottla.works("profile", "set", "work", "--bootstrap", "a:1,b:2", "--registry", "http://r", "--timeout", "5")
    ottla.works("profile", "set", "work", "--set", 'sasl.jaas.config=x="y";', "--set", "security.protocol=SASL_SSL")
    assert file.stat().st_mode & 0o777 == 0o600
    assert ottla.json("profile", "list") == [
        {"name": "here", "default": True, "bootstrap": "localhost:9093"},
        {
            "name": "work",
            "default": False,
            "bootstrap": "a:1,b:2",
            "registry": "http://r",
            "timeout_s": 5.0,
            "properties": {"sasl.jaas.config": "(hidden)", "security.protocol": "SASL_SSL"},
        },
    ]
    assert ottla.works("profile", "show").lines == ["here", "  bootstrap=localhost:9093"]
    ottla.works("profile", "use", "work")
    assert read_profiles(file).default == "work"
    assert read_profiles(file).by_name["work"].properties["sasl.jaas.config"] == 'x="y";'
    ottla.works("profile", "set", "work", "--delete", "registry", "--delete", "sasl.jaas.config")
    assert "registry" not in ottla.json("profile", "show", "work")
    assert ottla.works("profile", "path").lines == [str(file)]
    assert "Did you mean 'work'?" in ottla("profile", "use", "wrok").err
    assert ottla("profile", "set", "bad", "--bootstrap", "a:b").code == 2
    assert ottla("profile", "set", "a.b", "--bootstrap", "a:1").code == 1
    ottla.works("profile", "delete", "work")
    assert read_profiles(file) == read_profiles(file).__class__(None, {"here": Profile(bootstrap="localhost:9093")})


def test_what_else_stands_in_the_file_stays(file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text(
        "# mine\ndefault = 'a' # this one\n\n[profiles.a]  # first\nbootstrap = 'a:1'\n"
        "[profiles.a.properties]\nk = true\n\n# of b\n[profiles.b]\nbootstrap = 'b:1'  # kept\n\n[other]\nx = 1\n"
    )
    save(file, "a", Profile(bootstrap="a:2"))
    text = file.read_text()
    assert "# mine" in text
    assert "bootstrap = 'b:1'  # kept" in text
    assert "[other]\nx = 1" in text
    assert read_profiles(file).by_name == {"a": Profile(bootstrap="a:2"), "b": Profile(bootstrap="b:1")}


def test_what_would_be_spoiled_is_left_alone(file: Path) -> None:
    file.parent.mkdir(parents=True)
    before = "profiles.a.bootstrap = 'a:1'\n"
    file.write_text(before)
    with pytest.raises(ProfileError, match="by hand"):
        save(file, "a", Profile(bootstrap="a:2"))
    assert file.read_text() == before


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[profiles.a", "no TOML"),
        ("[profiles.a]\nbotstrap = 'x'", "Did you mean 'bootstrap'?"),
        ("[profiles.a]\nbootstrap = 7", "bootstrap of profile a is 7"),
        ("profiles = 3", "sections"),
    ],
)
def test_what_is_wrong_is_named(file: Path, text: str, named: str) -> None:
    file.parent.mkdir(parents=True)
    file.write_text(text)
    with pytest.raises(ProfileError) as error:
        read_profiles(file)
    assert named in str(error.value)


def test_who_has_the_last_word(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (options().bootstrap, options().timeout) == ("localhost:9092", 30)
    save(file, "one", Profile(bootstrap="one:1", timeout_s=3, properties={"security.protocol": "SASL_SSL"}))
    save(file, "two", Profile(bootstrap="two:2", command_config="two.properties"))
    assert (options().bootstrap, options().timeout) == ("one:1", 3)
    assert options("--timeout", "9").timeout == 9
    assert options("--bootstrap", "elsewhere:1").properties == {}  # no password for a stranger
    assert options("--bootstrap", "elsewhere:1", "--profile", "one").properties == {"security.protocol": "SASL_SSL"}
    monkeypatch.setenv("OTTLA_PROFILE", "two")
    assert options().command_config == str(file.parent / "two.properties")
    assert options("--command-config", "mine").command_config == "mine"
    assert options("--profile", "one").bootstrap == "one:1"
    with pytest.raises(UsageError, match="no profile 'three'"):
        options("--profile", "three")


def test_what_one_may_have_meant() -> None:
    ottla = InProcessCli()
    assert "Did you mean 'topics'?" in ottla("topcis", "list").err
    assert "Did you mean 'list'?" in ottla("topics", "lits").err
    assert "Did you mean '--partitions'?" in ottla("topics", "create", "t", "--partitoins", "3").err
    assert ottla("topics", "create", "t", "--partitoins", "3").code == 2
