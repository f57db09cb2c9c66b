"""`ottla start` as a user runs it: a process, its ready line, its exit code and what it leaves behind."""

from __future__ import annotations

import argparse
import asyncio
import re
import resource
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.wire import request_frame

from ottla import __version__
from ottla.__main__ import COMMANDS, main
from ottla.broker.start import _serve, ready_line
from ottla.broker.start_config import UsageError, read_config
from ottla.protocol.api.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.runtime.config.definition import ConfigError
from ottla.runtime.config.static_config import server_config_of
from ottla.runtime.lock import DirectoryInUseError, DirectoryLock
from ottla.runtime.loop import StopRequest
from ottla.runtime.turn import Turn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ottla.runtime.config.server_config import ServerConfig
    from ottla.runtime.world import World

EXIT_SECONDS = 60


class Process:
    """One `python -m ottla …`."""

    def __init__(self, *words: str) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "ottla", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ready_port(self) -> int:
        """Wait for the ready line."""
        assert self.popen.stdout is not None
        line = self.popen.stdout.readline()
        found = re.search(r"127\.0\.0\.1:(\d+)", line)
        if found is None:
            raise AssertionError(f"no ready line: {line!r}; {self.popen.communicate(timeout=EXIT_SECONDS)}")
        return int(found[1])

    def end(self, number: signal.Signals | None = None) -> tuple[int, str, str]:
        """(exit code, standard output that was not read yet, standard error), after a signal or by itself."""
        if number is not None:
            self.popen.send_signal(number)
        out, err = self.popen.communicate(timeout=EXIT_SECONDS)
        return self.popen.returncode, out, err

    def kill(self) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.communicate()


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    started: list[Process] = []
    yield started
    for process in started:
        process.kill()


def start(processes: list[Process], data: Path, *words: str) -> Process:
    processes.append(Process("start", "--data", str(data), "--listen", "127.0.0.1:0", *words))
    return processes[-1]


def ask_versions(port: int) -> ApiVersionsResponse:
    request = ApiVersionsRequest(client_software_name="test", client_software_version="1")
    with socket.create_connection(("127.0.0.1", port), timeout=60) as sock:
        sock.sendall(request_frame(request, 3))
        stream = sock.makefile("rb")
        size = int.from_bytes(stream.read(4), "big")
        return ApiVersionsResponse.decode(stream.read(size), 3, 4)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_starts_answers_and_stops_cleanly(processes: list[Process], tmp_path: Path, number: signal.Signals) -> None:
    process = start(processes, tmp_path / "data")
    answer = ask_versions(process.ready_port())
    assert answer.error_code == 0
    assert 18 in [api.api_key for api in answer.api_keys]
    assert process.end(number) == (0, "", "")
    files = {path.name for path in (tmp_path / "data").iterdir()}
    assert {"meta.properties", "bootstrap.checkpoint", ".kafka_cleanshutdown", "__cluster_metadata-0"} <= files


def test_an_open_connection_does_not_hold_up_the_end(processes: list[Process], tmp_path: Path) -> None:
    process = start(processes, tmp_path)
    with socket.create_connection(("127.0.0.1", process.ready_port()), timeout=60) as sock:
        assert process.end(signal.SIGTERM)[0] == 0
        assert sock.recv(1) == b""


def test_a_directory_is_the_same_node_again(processes: list[Process], tmp_path: Path) -> None:
    first = start(processes, tmp_path)
    first.ready_port()
    assert first.end(signal.SIGTERM)[0] == 0
    properties = (tmp_path / "meta.properties").read_text("utf-8")
    second = start(processes, tmp_path)
    ask_versions(second.ready_port())
    second.kill()  # and what it leaves behind can be started from, too
    third = start(processes, tmp_path)
    ask_versions(third.ready_port())
    assert third.end(signal.SIGTERM)[0] == 0
    assert (tmp_path / "meta.properties").read_text("utf-8") == properties


def test_a_second_instance_on_a_directory_is_refused(processes: list[Process], tmp_path: Path) -> None:
    first = start(processes, tmp_path)
    port = first.ready_port()
    code, out, err = start(processes, tmp_path).end()
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert str(tmp_path) in err
    assert "in use by another process" in err
    assert ask_versions(port).error_code == 0
    assert first.end(signal.SIGTERM)[0] == 0


def test_an_address_in_use_is_one_clear_line(processes: list[Process], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        processes.append(Process("start", "--data", str(tmp_path), "--listen", f"127.0.0.1:{port}"))
        code, out, err = processes[-1].end()
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert f"127.0.0.1:{port}" in err
    assert "in use" in err


def test_a_directory_that_cannot_be_run_on_is_one_clear_line(processes: list[Process], tmp_path: Path) -> None:
    first = start(processes, tmp_path)
    first.ready_port()
    assert first.end(signal.SIGTERM)[0] == 0
    code, out, err = start(processes, tmp_path, "--set", "node.id=7").end()
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "node 1" in err
    assert "node.id=7" in err
    (tmp_path / "__cluster_metadata-0" / "quorum-state").write_text("{", "utf-8")
    code, out, err = start(processes, tmp_path).end()
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "quorum-state" in err


def test_a_log_directory_without_identity_is_offline(processes: list[Process], tmp_path: Path) -> None:
    """KIP-112: the others serve; the last one, or that of the metadata, ends the start."""
    directories = f"log.dirs={tmp_path / 'a'},{tmp_path / 'b'}"
    first = start(processes, tmp_path, "--set", directories)
    first.ready_port()
    assert first.end(signal.SIGTERM)[0] == 0
    (tmp_path / "b" / "meta.properties").write_text("version=1\n", "utf-8")
    second = start(processes, tmp_path, "--set", directories)
    assert ask_versions(second.ready_port()).error_code == 0
    code, _, err = second.end(signal.SIGTERM)
    assert (code, f"{tmp_path / 'b'} is offline" in err) == (0, True)
    words = ("--set", f"log.dirs={tmp_path / 'b'}", "--set", f"metadata.log.dir={tmp_path / 'a'}")
    code, out, err = start(processes, tmp_path, *words).end()
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "meta.properties" in err


def test_keys_without_effect_and_unknown_keys_are_one_line_each(processes: list[Process], tmp_path: Path) -> None:
    words = ("--set", "num.io.threads=3", "--set", "num.network.threads=2", "--set", "no.such.key=1")
    process = start(processes, tmp_path, *words)
    process.ready_port()
    code, _, err = process.end(signal.SIGTERM)
    lines = err.splitlines()
    assert (code, len(lines)) == (0, 2)
    assert "num.io.threads, num.network.threads" in lines[0]
    assert "no.such.key" in lines[1]


def test_from_an_empty_disk_to_an_answer_in_less_than_a_second(processes: list[Process], tmp_path: Path) -> None:
    """Of processor time, start and stop together: the machine may be busy with something else."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = start(processes, tmp_path)
    ask_versions(process.ready_port())
    process.end(signal.SIGTERM)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime) < 1.0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "log.segment.bytes=few"], ["log.segment.bytes", "few", "integer"]),
        (["--set", "log.segment.bytes=1"], ["log.segment.bytes", "1"]),
        (["--set", "novalue"], ["KEY=VALUE", "novalue"]),
        (["--listen", "9092"], ["HOST:PORT", "9092"]),
        (["--listen", "localhost:http"], ["HOST:PORT", "http"]),
        (["--listen", "localhost:99999"], ["99999"]),
        (["--config", "no-such-file.properties"], ["no-such-file.properties"]),
        (["--set", "listeners=SSL://localhost:1"], ["ssl.keystore.location"]),
    ],
)
def test_wrong_settings_are_one_clear_line(
    words: list[str], said: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["start", "--data", str(tmp_path), *words]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    for part in said:
        assert part in captured.err
    assert list(tmp_path.iterdir()) == []


def test_settings_win_over_options_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "server.properties"
    file.write_text("node.id=7\nlog.dirs=from-file\nlisteners=PLAINTEXT://h:1\nnum.partitions=3\n", "utf-8")
    monkeypatch.setenv("OTTLA_DATA", "from-environment")
    assert read_config(None, None, None, []).log_dirs == ("from-environment",)
    assert read_config(str(file), None, None, []).log_dirs == ("from-file",)
    config = read_config(str(file), "from-option", "localhost:2", ["num.partitions=5"])
    assert (config.node_id, config.log_dirs, config.get_int("num.partitions")) == (7, ("from-option",), 5)
    assert [(one.host, one.port) for one in config.listeners] == [("localhost", 2)]
    assert read_config(str(file), "a", None, ["log.dirs=b"]).log_dirs == ("b",)
    monkeypatch.delenv("OTTLA_DATA")
    assert read_config(None, None, None, []).log_dirs == ("data",)


def test_listen_keeps_the_listeners_of_the_controller(tmp_path: Path) -> None:
    file = tmp_path / "server.properties"
    file.write_text(
        "process.roles=broker,controller\nnode.id=1\ncontroller.listener.names=CONTROLLER\n"
        "controller.quorum.bootstrap.servers=localhost:9093\nlisteners=PLAINTEXT://:9092,CONTROLLER://:9093\n",
        "utf-8",
    )
    config = read_config(str(file), None, "[::1]:5", [])
    assert [str(one) for one in config.listeners] == ["PLAINTEXT://[::1]:5", "CONTROLLER://:9093"]


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "server.properties"
    file.write_text("a=\\u00zz\n", "utf-8")
    with pytest.raises(UsageError, match=r"server\.properties"):
        read_config(str(file), None, None, [])
    with pytest.raises(ConfigError, match=r"node\.id"):
        read_config(None, None, None, ["node.id=-5"])


def test_the_ready_line_says_what_to_try() -> None:
    line = ready_line("127.0.0.1:9092", ("data",))
    assert line == f"Ottla {__version__} is ready on 127.0.0.1:9092, data in data. Try: ottla produce greetings"
    assert ready_line("127.0.0.1:5", ("a", "b")).endswith(
        "data in a,b. Try: ottla produce greetings --bootstrap 127.0.0.1:5"
    )


def test_a_directory_has_one_holder(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    script = (
        "import sys, pathlib; from ottla.runtime.lock import *\n"
        "try: DirectoryLock(pathlib.Path(sys.argv[1]))\n"
        "except DirectoryInUseError as error: print(error)"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=EXIT_SECONDS).stdout
    assert said.strip() == str(DirectoryInUseError(tmp_path))
    lock.release()
    assert subprocess.run(command, capture_output=True, text=True, check=True, timeout=EXIT_SECONDS).stdout == ""


def test_the_front_door(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "commands:" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"ottla {__version__}\n"
    with pytest.raises(SystemExit) as ended:
        main(["no-such-command"])
    assert ended.value.code == 2
    assert "no-such-command" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_arguments_and_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"ottla {name}" in capsys.readouterr().out


def test_protocol_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["protocol", "show", "Heartbeat", "3"]) == 0
    shown = capsys.readouterr().out
    assert "HeartbeatRequest, version 3" in shown
    assert "HeartbeatResponse, version 3" in shown
    assert main(["protocol", "show", "Heartbeat", "9"]) == 2
    assert main(["protocol", "show", "Hartbeat", "3"]) == 2
    assert "Hartbeat" in capsys.readouterr().err


def test_arguments_of_start() -> None:
    from ottla.broker.start import add_arguments

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    parsed = parser.parse_args(["--set", "a=1", "--set", "b=2", "--data", "d"])
    assert (parsed.set, parsed.data, parsed.listen, parsed.config) == (["a=1", "b=2"], "d", None, None)


async def test_a_disk_that_fails_while_the_node_waits_for_its_cluster_ends_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Found by simulation: cluster-combined-disks, seed 10."""

    class Waiting:
        def __init__(self, config: ServerConfig, stop: StopRequest, world: World) -> None:
            self.stop_request = stop

        async def start(self) -> None:
            self.stop_request.stop("the metadata log failed", OSError("no space"))
            await asyncio.Event().wait()

        async def stop(self) -> None:
            pass

    monkeypatch.setattr("ottla.broker.node.Node", Waiting)
    stop = StopRequest(asyncio.get_running_loop())
    config = server_config_of({"log.dirs": "/nowhere"})
    assert await _serve(config, stop, Turn(), stop_at_eof=False) == 1
    assert "the metadata log failed: no space" in capsys.readouterr().err
