"""`ottla storage format`: first voters and first users as the command line writes them, and what it refuses."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from ottla.__main__ import main
from ottla.broker.initial_controllers import parse_initial_controllers
from ottla.broker.scram_arguments import parse_scram

if TYPE_CHECKING:
    from pathlib import Path

A, B = "AAAAAAAAAAAAAAAAAAAAAQ", "AAAAAAAAAAAAAAAAAAAAAg"
CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qg"
CONTROLLER = """\
process.roles=controller
node.id=1
controller.listener.names=CONTROLLER
listeners=CONTROLLER://:19093
controller.quorum.bootstrap.servers=localhost:19093
"""


def test_first_voters() -> None:
    voters = parse_initial_controllers(f"2@[::1]:9094:{B}, 1@host.test:9093:{A}", "CONTROLLER")
    assert voters.node_ids == [1, 2]
    assert [dict(voter.endpoints) for voter in voters] == [
        {"CONTROLLER": ("host.test", 9093)},
        {"CONTROLLER": ("0:0:0:0:0:0:0:1", 9094)},  # as Java writes it
    ]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "no voter: write"),
        ("1@host:9093", "'1@host:9093' is no voter"),
        (f"x@host:9093:{A}", "is no voter"),
        (f"1@host:0:{A}", "is no voter"),
        (f"1@host:99999:{A}", "is no voter"),
        (f"1@::1:9093:{A}", "is no voter"),
        ("1@host:9093:abc", "'abc' of '1@host:9093:abc' is no directory id"),
        (f"1@host:9093:{'A' * 22}", "is all zero"),
        (f"1@host:9093:{A},1@host:9094:{B}", "node 1 stands there twice"),
    ],
)
def test_voters_that_are_none(text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=r"voter|directory id|all zero|twice") as raised:
        parse_initial_controllers(text, "CONTROLLER")
    assert wrong in str(raised.value)


def test_first_users_are_those_of_kafka_storage() -> None:
    """What `kafka-storage format` of 4.3.1 made of the same words."""
    alice = parse_scram('SCRAM-SHA-256=[name=alice,password=alice-secret,salt="N3E="]', lambda count: b"?" * count)
    assert (alice.name, alice.mechanism, alice.iterations) == ("alice", 1, 4096)
    assert base64.b64encode(alice.stored_key) == b"/SiYuuBKZ2xQYBVGTen6jSfvhEZCfw2t/HsiWRVtlTY="
    assert base64.b64encode(alice.server_key) == b"SkjIAcDevnSCWoKyt0o2EBcoZISnxSWq81cLLD0Q050="
    bob = parse_scram('SCRAM-SHA-512=[name=bob,iterations=8192,salt="N3E=",saltedpassword="YCE="]', lambda _: b"")
    assert (bob.name, bob.mechanism, bob.iterations, bob.salt) == ("bob", 2, 8192, b"7q")
    assert base64.b64encode(bob.stored_key).startswith(b"cXajSfkesuEdmelXMIE1FvL2RXPfwlrm")
    carol = parse_scram("SCRAM-SHA-256=[name=carol,password=x]", lambda count: b"?" * count)
    assert carol.salt == b"?" * 32


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("SCRAM-SHA-1=[name=a,password=s3cret]", "with one of SCRAM-SHA-256, SCRAM-SHA-512"),
        ("SCRAM-SHA-256", "a user is MECHANISM="),
        ("SCRAM-SHA-256=name=a", "stands in brackets"),
        ("SCRAM-SHA-256=[password=s3cret]", "needs a name"),
        ("SCRAM-SHA-256=[name=a]", "needs a password"),
        ("SCRAM-SHA-256=[name=a,password=s3cret,foo=1]", "and nothing else"),
        ("SCRAM-SHA-256=[name=a,password=s3cret,iterations=1]", "4096 to 16384, not 1"),
        ('SCRAM-SHA-256=[name=a,saltedpassword="YCE="]', "needs its salt"),
        ('SCRAM-SHA-256=[name=a,password=s3cret,salt="?"]', "salt is no base64"),
        ('SCRAM-SHA-256=[name=a,password=s3cret,salt=""]', "salt is empty"),
    ],
)
def test_users_that_are_none(text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        parse_scram(text, lambda _: b"salt")
    assert wrong in str(raised.value)
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        ("-t ID", "who votes first? Give --standalone"),
        ("", "who votes first?"),
        ("-N", "--cluster-id says which cluster"),
        ("-t a:b -s", "--cluster-id: 'a:b' is no id"),
        ("-t ID -s --set process.roles=broker", "--standalone is for a controller"),
        ("-t ID -s --set controller.quorum.voters=1@localhost:19093", "controller.quorum.voters says who votes"),
        ("-t ID -I 1@x", "--initial-controllers: '1@x' is no voter"),
        ("-t ID -s -r 9.9", "there is no release '9.9'"),
        ("-t ID -s -f group.version", "--feature wants NAME=LEVEL"),
        ("-t ID -s -f metadata.version=25 -r 4.1", "say the same: give one of them"),
        ("-t ID -s -f metadata.version=6", "--feature metadata.version is 7 to 30"),
        ("-t ID -s -S SCRAM-SHA-256=[name=a]", "--add-scram: a user needs a password"),
        ("-t ID -s --set log.dirs", "--set wants KEY=VALUE"),
    ],
)
def test_what_the_command_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: str, wrong: str) -> None:
    data = tmp_path / "data"
    file = tmp_path / "server.properties"
    file.write_text(f"{CONTROLLER}log.dirs={data}\n")
    assert main(["storage", "format", "-c", str(file), *words.replace("ID", CLUSTER_ID, 1).split()]) == 2
    assert wrong in capsys.readouterr().err
    assert not data.exists()


def test_formatting_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "server.properties"
    file.write_text(f"{CONTROLLER}log.dirs={tmp_path / 'a'},{tmp_path / 'b'}\n")
    words = ["storage", "format", "-c", str(file), "-t", CLUSTER_ID, "-s"]
    assert main(["storage", "info", "-c", str(file)]) == 1
    assert "problem: " in capsys.readouterr().out
    assert main(words) == 0
    assert "First voters: 1." in capsys.readouterr().out
    assert main(words) == 1
    assert "is formatted already; --ignore-formatted" in capsys.readouterr().err
    assert main([*words, "--ignore-formatted"]) == 0
    assert capsys.readouterr().out == "All log directories are formatted already.\n"
    file.write_text(f"{CONTROLLER}log.dirs={tmp_path / 'a'},{tmp_path / 'b'},{tmp_path / 'c'}\n")
    assert main([*words[:-2], B, "-s", "-g"]) == 1
    assert "not to" in capsys.readouterr().err
    assert main([*words, "-g"]) == 0
    assert f"{tmp_path / 'c'} (" in capsys.readouterr().out
    assert main(["storage", "info", "-c", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "voter 1 CONTROLLER://localhost:19093 directory " in shown
    assert "began with metadata.version=4.3-IV0, eligible.leader.replicas.version=1, " in shown


def test_a_random_uuid_is_no_option(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(200):
        assert main(["storage", "random-uuid"]) == 0
    ids = capsys.readouterr().out.split()
    assert len(set(ids)) == 200
    assert all(len(each) == 22 and not each.startswith("-") for each in ids)
