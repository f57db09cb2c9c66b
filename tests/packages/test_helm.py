"""The Helm chart: values against their schema; rendered by Helm, against Kubernetes' schemas; and run as processes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from confluent_kafka import Producer
from tests.house.source import REPOSITORY
from tests.packages.test_container import START_TIMEOUT_S, Container
from tests.peers.process import free_port
from tests.peers.scrape import Scrape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CHART = REPOSITORY / "packaging" / "helm" / "ottla"
KUBERNETES = "1.31"
VERSION = ("--kube-version", f"{KUBERNETES}.0")  # what Go builds by itself believes in an old one
HELM = shutil.which("helm") or shutil.which("helm", path=str(Path.home() / "go" / "bin"))
Resource = dict[str, Any]

rendered_by_helm = pytest.mark.skipif(HELM is None, reason="needs helm (go install helm.sh/helm/v3/cmd/helm@v3.22.0)")


def test_the_values_are_what_their_schema_says() -> None:
    import jsonschema_rs

    validator = jsonschema_rs.validator_for(json.loads((CHART / "values.schema.json").read_text("utf-8")))
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    assert [error.message for error in validator.iter_errors(values)] == []
    mistakes: list[dict[str, Any]] = [
        {"controllers": values["controllers"] | {"replicas": 2}},
        {"brokers": {"replicas": 3}},
        {"clusterId": "short"},
        {"config": {"log.retention.ms": None}},
        {"brokerz": {}},
    ]
    for wrong in mistakes:
        assert not validator.is_valid(values | wrong), wrong


def render(*words: str) -> list[Resource]:
    assert HELM is not None
    command = [HELM, "template", "events", str(CHART), "--namespace", "streams", *VERSION, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def named(resources: list[Resource], kind: str, name: str) -> Resource:
    (found,) = [each for each in resources if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


EVERYTHING = (
    *("--set", "console.replicas=1", "--set", "console.secret=sign-in"),
    *("--set", "connect.replicas=2", "--set", "serviceMonitor.enabled=true", "--set", "antiAffinity=hard"),
    *("--set", "brokers.storage.className=fast", "--set", "image.pullSecrets[0].name=key", "--set", "nodeSelector.a=b"),
    *("--set", "tolerations[0].operator=Exists", "--set", "serviceMonitor.labels.release=prometheus"),
    *("--set-json", 'networkPolicy.from=[{"namespaceSelector":{}}]', "--set-json", 'podAnnotations={"a":"b"}'),
    *("--set", r"config.log\.retention\.ms=5", "--set", r"config.listener\.name\.a_b\.ssl\.key-type=PEM"),
)


@pytest.mark.long
@rendered_by_helm
@pytest.mark.parametrize("words", [(), EVERYTHING, ("--set", "brokers.replicas=1", "--set", "controllers.replicas=1")])
def test_what_it_makes_is_what_kubernetes_takes(words: tuple[str, ...]) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="needs pip install kubernetes-validate")
    assert HELM is not None
    command = [HELM, "lint", "--strict", str(CHART), *VERSION, *words]
    linted = subprocess.run(command, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout
    resources = render(*words)
    for each in resources:
        if each["kind"] != "ServiceMonitor":  # of the Prometheus Operator
            kubernetes_validate.validate(each, KUBERNETES, strict=True)
    labels = [each["spec"]["template"]["metadata"]["labels"] for each in resources if "template" in each["spec"]]
    for each in resources:
        selector = _selector(each)
        if selector:
            of_role = any(selector.items() <= label.items() for label in labels)
            assert of_role or each["kind"] == "NetworkPolicy", each["metadata"]
    assert len({(each["kind"], each["metadata"]["name"]) for each in resources}) == len(resources)


@pytest.mark.long
@rendered_by_helm
def test_a_console_without_users_is_refused() -> None:
    assert HELM is not None
    command = [HELM, "template", "events", str(CHART), *VERSION, "--set", "console.replicas=1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "who may sign in" in done.stderr) == (1, True), done.stderr


def _selector(resource: Resource) -> dict[str, str]:
    spec = resource["spec"]
    if resource["kind"] == "Service":
        return dict(spec["selector"])
    found = spec.get("podSelector") or spec.get("selector") or {}
    return dict(found.get("matchLabels", {})) if resource["kind"] != "ServiceMonitor" else {}


@pytest.mark.long
@rendered_by_helm
def test_settings_become_variables_that_a_node_reads_back() -> None:
    from ottla.runtime.config.environment import properties_in

    broker = named(render(*EVERYTHING), "StatefulSet", "events-ottla-broker")
    variables = {each["name"]: each["value"] for each in _container(broker)["env"] if "value" in each}
    properties = properties_in(variables)
    assert properties["log.retention.ms"] == "5"
    assert properties["listener.name.a_b.ssl.key-type"] == "PEM"
    assert properties["ottla.metrics.listen"] == "0.0.0.0:9404"
    assert properties["min.insync.replicas"] == "2"


def _container(workload: Resource) -> Resource:
    (found,) = workload["spec"]["template"]["spec"]["containers"]
    assert isinstance(found, dict)
    return found


class Pod:
    """A pod of a StatefulSet as a process: its command and variables, its names being addresses of this machine."""

    def __init__(self, directory: Path, workload: Resource, ordinal: int, ports: Mapping[tuple[str, int], int]) -> None:
        self.name = f"{workload['metadata']['name']}-{ordinal}"
        container = _container(workload)
        environment = {each["name"]: each["value"] for each in container["env"] if "value" in each}
        environment["POD_NAME"] = self.name
        said = {key: self._outside(value, ports) for key, value in environment.items() if key != "OTTLA_DATA"}
        script = container["args"][0].replace("/opt/ottla/entrypoint.sh", "$ENTRYPOINT")
        self.metrics = ports[self.name, 9404]
        self.node = Container(directory, said | {"HOSTNAME": self.name}, script=script)

    def _outside(self, value: str, ports: Mapping[tuple[str, int], int]) -> str:
        value = value.replace("$(POD_NAME)", self.name)
        value = re.sub(
            r"([a-z0-9-]+)\.[a-z0-9-]+\.streams\.svc:(\d+)", lambda m: f"127.0.0.1:{ports[m[1], int(m[2])]}", value
        )
        value = re.sub(r"//:(\d+)", lambda m: f"//127.0.0.1:{ports[self.name, int(m[1])]}", value)
        return re.sub(r"^0\.0\.0\.0:(\d+)$", lambda m: f"127.0.0.1:{ports[self.name, int(m[1])]}", value)


@pytest.fixture
def pods(tmp_path: Path) -> Iterator[list[Pod]]:
    started: list[Pod] = []
    resources = render("--set", "controllers.replicas=3", "--set", "brokers.replicas=2")
    workloads = [named(resources, "StatefulSet", f"events-ottla-{role}") for role in ("controller", "broker")]
    names = [f"{each['metadata']['name']}-{n}" for each in workloads for n in range(each["spec"]["replicas"])]
    ports = {(name, inside): free_port() for name in names for inside in (9092, 9093, 9404)}
    try:
        for workload in workloads:
            for ordinal in range(workload["spec"]["replicas"]):
                pod = Pod(tmp_path / f"{workload['metadata']['name']}-{ordinal}", workload, ordinal, ports)
                started.append(pod)
        yield started
    finally:
        for pod in reversed(started):
            pod.node.stop()


@pytest.mark.long
@rendered_by_helm
def test_its_pods_are_a_cluster(pods: list[Pod]) -> None:
    addresses = [pod.node.wait_until_ready() for pod in pods]
    delivered: list[Any] = []
    producer = Producer({"bootstrap.servers": addresses[-1], "acks": "all"})
    for number in range(100):
        producer.produce("orders", str(number).encode(), on_delivery=lambda error, _: delivered.append(error))
    producer.flush(START_TIMEOUT_S)
    assert delivered == [None] * 100
    brokers = json.loads(pods[-1].node.run("brokers", "list", "--bootstrap", addresses[-1], "--json"))
    assert sorted(each["broker_id"] for each in brokers) == [100, 101]
    for pod in pods:
        assert Scrape.of(f"http://127.0.0.1:{pod.metrics}/metrics").samples
