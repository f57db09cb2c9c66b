import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.mirror.RemoteClusterUtils;

/**
 * What Apache Kafka's own client of mirrors finds in a cluster: a line each.
 *
 *   arguments  address of the target, alias of the source, group
 */
public final class MirrorFacts {
    public static void main(String[] arguments) throws Exception {
        Map<String, Object> properties = Map.of("bootstrap.servers", arguments[0]);
        String source = arguments[1];
        System.out.println("hops " + RemoteClusterUtils.replicationHops(properties, source));
        System.out.println("upstream " + new TreeSet<>(RemoteClusterUtils.upstreamClusters(properties)));
        System.out.println("heartbeats " + new TreeSet<>(RemoteClusterUtils.heartbeatTopics(properties)));
        System.out.println("checkpoints " + new TreeSet<>(RemoteClusterUtils.checkpointTopics(properties)));
        Map<String, String> offsets = new TreeMap<>();
        Map<TopicPartition, OffsetAndMetadata> found =
            RemoteClusterUtils.translateOffsets(properties, source, arguments[2], Duration.ofSeconds(30));
        found.forEach((where, offset) -> offsets.put(where.toString(), offset.offset() + "/" + offset.metadata()));
        System.out.println("offsets " + offsets);
    }
}
