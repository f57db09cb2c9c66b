import java.io.File;
import java.nio.file.Files;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;

/** Metrics with their names, groups, tags and values as they are now; what is no finite number is a text. */
final class Metrics {
    private Metrics() {
    }

    static ArrayNode of(Map<MetricName, ? extends Metric> metrics, ObjectMapper json) {
        ArrayNode all = json.createArrayNode();
        for (Map.Entry<MetricName, ? extends Metric> each : metrics.entrySet()) {
            ObjectNode metric = all.addObject();
            metric.put("group", each.getKey().group());
            metric.put("name", each.getKey().name());
            metric.put("description", each.getKey().description());
            ObjectNode tags = metric.putObject("tags");
            new TreeMap<>(each.getKey().tags()).forEach(tags::put);
            Object value = each.getValue().metricValue();
            if (value instanceof Number number && Double.isFinite(number.doubleValue())) {
                metric.put("value", number.doubleValue());
            } else {
                metric.put("value", String.valueOf(value));
            }
        }
        return all;
    }

    /** Of an instance that was made and never started: those of the client and of its threads are there already. */
    static ArrayNode ofClient(Topology topology, Properties config, ObjectMapper json) throws Exception {
        File directory = Files.createTempDirectory("streams-oracle").toFile();
        Properties own = new Properties();
        own.putAll(config);
        own.put(StreamsConfig.STATE_DIR_CONFIG, directory.getAbsolutePath());
        own.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "127.0.0.1:1");
        try (KafkaStreams streams = new KafkaStreams(topology, own)) {
            return of(streams.metrics(), json);
        } finally {
            StreamsOracle.delete(directory);
        }
    }
}
