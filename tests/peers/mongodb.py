"""A server that speaks MongoDB's protocol: mongo-java-server from Maven Central, with a main of some lines.

It is not MongoDB, which no registry of packages has: it keeps documents in memory, and its change streams are of one
collection alone, their events without `ns` and `updateDescription`, without tokens of empty batches, and not waited
for. What drivers insist on, its main adds: a version that they still take, and `operationTime`.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any, Final

from tests.peers.apache_kafka import fetched_jars
from tests.peers.java_oracle import need_java_compiler
from tests.peers.process import NodeProcess, free_port, wait_until_listening

if TYPE_CHECKING:
    from pathlib import Path

VERSION: Final = "1.47.0"
START_TIMEOUT_S: Final = 60.0
_ARTIFACTS: Final = (("de.bwaldvogel", "mongo-java-server", VERSION), ("org.slf4j", "slf4j-nop", "2.0.17"))
_MAIN: Final = """
import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.bson.BsonTimestamp;
import de.bwaldvogel.mongo.bson.Document;
import io.netty.channel.Channel;
import java.time.Instant;
import java.util.List;
public class Main {
  public static void main(String[] args) throws Exception {
    MemoryBackend backend = new MemoryBackend() {
      public Document handleCommand(Channel channel, String database, String command, Document query) {
        Document answer = super.handleCommand(channel, database, command, query);
        if (command.equals("aggregate")) {
          answer.append("operationTime", new BsonTimestamp(Instant.now(), 0));
        }
        return answer;
      }
    };
    backend.version(new MongoVersion() {
      public List<Integer> getVersionArray() { return List.of(4, 4, 0); }
      public int getWireVersion() { return 9; }
    });
    MongoServer server = new MongoServer(backend);
    server.enableOplog();
    server.bind("127.0.0.1", Integer.parseInt(args[0]));
    Thread.currentThread().join();
  }
}
"""


class MongoServer(NodeProcess):
    name = "mongo-java-server"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.port = free_port()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def uri(self) -> str:
        return f"mongodb://{self.address}/?serverSelectionTimeoutMS=1000"

    def start(self) -> None:
        need_java_compiler()
        lib = fetched_jars(f"mongo-java-server-{VERSION}", _ARTIFACTS)
        self.directory.mkdir(parents=True, exist_ok=True)
        source = self.directory / "Main.java"
        if not source.exists():
            source.write_text(_MAIN)
            subprocess.run(["javac", "-cp", f"{lib}/*", "-d", str(self.directory), str(source)], check=True)
        options = ["-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"]
        self._spawn(["java", *options, "-cp", f"{self.directory}:{lib}/*", "Main", str(self.port)])
        wait_until_listening(self, "127.0.0.1", self.port, START_TIMEOUT_S)

    def client(self) -> Any:
        from pymongo import MongoClient

        return MongoClient(self.uri)
