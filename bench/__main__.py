"""`python -m bench`: both brokers side by side, in turns, on one core; the client on the other one.

Every round runs each workload on both brokers, and the order changes from round to round. The first round warms the
JVM and is thrown away. Only loopback; everything below a temporary directory that goes away; no run without an end.
"""

from __future__ import annotations

import argparse
import compileall
import contextlib
import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Final

import pytest
from tests.peers.apache_kafka import VERSION as KAFKA_VERSION
from tests.peers.apache_kafka import KafkaNode
from tests.peers.certificates import Authority
from tests.peers.ottla_node import OttlaNode

import ottla
from bench import load, report
from bench.contender import Contender, wait_for_answer
from bench.workloads import WORKLOADS, Measurement, Workload

CONGESTION_CONTROL: Final = Path("/proc/sys/net/ipv4/tcp_congestion_control")
RESULTS: Final = Path(__file__).with_name("results")
QUICK_FACTOR: Final = 0.15
SETTLE_S: Final = 2.0
WARM_UP_FACTOR: Final = 0.4
"""How much of the latency workloads, which take their time whatever the broker, the discarded round runs."""
SETTINGS: Final = {"group.initial.rebalance.delay.ms": "0"}
"""Of all nodes: groups need not wait for members that do not come."""


def main() -> int:
    arguments = _arguments()
    if sys.platform != "linux":
        print("the benchmark reads /proc and pins with taskset: Linux only", file=sys.stderr)
        return 2
    directory = Path(tempfile.mkdtemp(prefix="ottla-bench-"))
    compile_as_pip_does()
    try:
        for program in ("load", "bare", "floor"):
            load.build(program)
        return _bench(arguments, directory)
    except (load.LoadError, pytest.skip.Exception, pytest.fail.Exception) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def compile_as_pip_does() -> None:
    """An installed Ottla starts from bytecode; a work tree that may not write any would be compiled at each start."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for place in ottla.__path__:
        compileall.compile_dir(place, quiet=1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small loads and one round: about two minutes")
    parser.add_argument("--rounds", type=int, help="measured rounds (default 3; 1 with --quick)")
    parser.add_argument("--only", action="append", metavar="KEY", help=f"one of {', '.join(w.key for w in WORKLOADS)}")
    parser.add_argument("--output", type=Path, help="folder of the results (default bench/results; none with --quick)")
    return parser.parse_args()


def _bench(arguments: argparse.Namespace, directory: Path) -> int:
    rounds: int = arguments.rounds or (1 if arguments.quick else 3)
    chosen = [workload for workload in WORKLOADS if not arguments.only or workload.key in arguments.only]
    if arguments.quick:
        chosen = [workload.scaled(QUICK_FACTOR) for workload in chosen]
    broker_cpu, client_cpus = _cpus()
    starts = _start_times(directory, 1 if arguments.quick else 3)
    with contextlib.ExitStack() as stack:
        plain = _contenders(stack, directory, broker_cpu, {})
        time.sleep(SETTLE_S)
        idle = tuple(one.resident_mb() for one in plain)
        secured = plain
        if any(workload.tls for workload in chosen):
            secured = _contenders(stack, directory / "tls", broker_cpu, *_tls(directory))
        measured = _rounds(chosen, plain, secured, rounds, client_cpus)
        loaded = tuple(one.resident_mb() for one in plain)
    rows = [line for w in chosen for line in report.workload_rows(w, *measured[w.key])]
    rows.append(report.row("node", "start", "start_s", *starts))
    rows.append(report.row("node", "memory", "idle_mb", idle[:1], idle[1:]))
    rows.append(report.row("node", "memory", "loaded_mb", loaded[:1], loaded[1:]))
    facts = about(rounds, broker_cpu, client_cpus)
    text = report.markdown(rows, facts)
    print(text)
    output: Path | None = arguments.output or (None if arguments.quick else RESULTS)
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        every = {key: [[asdict(one) for one in side] for side in sides] for key, sides in measured.items()}
        (output / f"{facts['date']}.md").write_text(text)
        (output / f"{facts['date']}.json").write_text(json.dumps(report.as_json(rows, facts, every), indent=1) + "\n")
    return 0


def _contenders(
    stack: contextlib.ExitStack, directory: Path, cpu: str, settings: dict[str, str], ca: Path | None = None
) -> tuple[Contender, Contender]:
    """Ottla and Apache Kafka, running with the same settings."""
    pin = ["taskset", "-c", cpu]
    ottla = OttlaNode(directory / "ottla", SETTINGS | settings, prefix=pin)
    kafka = KafkaNode(directory / "kafka", SETTINGS | settings, heap="-Xmx1g", prefix=pin)
    for node in (ottla, kafka):
        stack.enter_context(node)
    if ca is None:
        wait_for_answer(kafka.address)
    return Contender("Ottla", ottla, cpu, ca, is_ottla=True), Contender("Apache Kafka", kafka, cpu, ca)


def _tls(directory: Path) -> tuple[dict[str, str], Path]:
    """The settings of nodes whose listener for clients speaks TLS, and the certificate that their clients trust."""
    authority = Authority("An authority of the benchmark")
    key, certificate = authority.issue("localhost")
    ca, server = directory / "ca.pem", directory / "server.pem"
    ca.write_text(authority.pem)
    server.write_text(key + certificate)
    return {
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:SSL",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(server),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(ca),
    }, ca


def _rounds(
    chosen: list[Workload],
    plain: tuple[Contender, Contender],
    secured: tuple[Contender, Contender],
    rounds: int,
    client_cpus: str | None,
) -> dict[str, tuple[list[Measurement], list[Measurement]]]:
    """The measurements a workload: Ottla's and Apache Kafka's, one a round; the first round is not in them."""
    measured: dict[str, tuple[list[Measurement], list[Measurement]]] = {w.key: ([], []) for w in chosen}
    for number in range(rounds + 1):
        for workload in chosen:
            contenders = secured if workload.tls else plain
            chosen_load = workload.scaled(WARM_UP_FACTOR) if number == 0 and workload.kind == "latency" else workload
            for side in (0, 1) if number % 2 else (1, 0):
                one = chosen_load.run(contenders[side], client_cpus)
                if number > 0:
                    measured[workload.key][side].append(one)
                label = f"round {number}" if number else "warm-up"
                name = contenders[side].name
                print(f"{label}: {workload.title}: {name}: {_short(one)}", file=sys.stderr, flush=True)
        for contender in {id(one): one for one in (*plain, *secured)}.values():
            contender.delete_topics()
    return measured


def _start_times(directory: Path, times: int) -> tuple[list[float], list[float]]:
    """Seconds from an empty disk to the first answer (for Apache Kafka: format and start), not pinned."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for number in range(times):
        for side, kind in enumerate((OttlaNode, KafkaNode)):
            node = kind(directory / f"start-{side}-{number}")
            begun = time.monotonic()
            with node:
                wait_for_answer(node.address)
                seconds[side].append(time.monotonic() - begun)
    return seconds


def _cpus() -> tuple[str, str | None]:
    """The broker's core, and the cores of the client."""
    available = sorted(os.sched_getaffinity(0))
    others = ",".join(str(cpu) for cpu in available[1:])
    return str(available[0]), others or None


def about(rounds: int, broker_cpu: str | None, client_cpus: str | None) -> dict[str, str]:
    java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr.splitlines()
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=RESULTS.parent, capture_output=True, text=True, check=False
    )
    return {
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "Ottla": f"{version('ottla')} ({commit.stdout.strip() or 'no git'}), Python {platform.python_version()}",
        "Apache Kafka": f"{KAFKA_VERSION}, {java[0] if java else 'java'}, 1 GiB heap, warmed by a discarded round",
        "client": f"librdkafka of confluent-kafka {version('confluent-kafka')}, C, defaults but for the workload; "
        "where it says bare requests, sockets and requests made beforehand",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}, "
        f"TCP by {CONGESTION_CONTROL.read_text().strip()}",
        "load average at the end": f"{os.getloadavg()[0]:.1f}",
        "pinning": f"brokers on core {broker_cpu}, client on {client_cpus or 'any'}; start times are not pinned"
        if broker_cpu is not None
        else "nothing is pinned",
        "rounds": f"{rounds}, interleaved; medians, and medians of the paired ratios",
    }


def _short(one: Measurement) -> str:
    parts = []
    if one.records_per_s is not None:
        parts.append(f"{one.records_per_s:,.0f} records/s")
    if one.cpu_us_per_record is not None:
        parts.append(f"{one.cpu_us_per_record:.3g} µs CPU a record")
    if one.floor_us_per_record is not None:
        parts.append(f"floor {one.floor_us_per_record:.3g} µs")
    if one.p50_ms is not None:
        parts.append(f"p50 {one.p50_ms:.2f} ms, p99 {one.p99_ms:.2f} ms")
    return ", ".join(parts)


if __name__ == "__main__":
    sys.exit(main())
