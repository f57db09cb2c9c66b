import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Queue;
import java.util.function.Function;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.TopologyConfig;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.test.TestRecord;

/**
 * Kafka Streams as an oracle: each line of the input is answered by one line, both JSON. `README.md` says what can be asked.
 */
public final class StreamsOracle {
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println(JSON.writeValueAsString(answer(JSON.readTree(line))));
            out.flush();
        }
    }

    private static ObjectNode answer(JsonNode question) {
        ObjectNode answer = JSON.createObjectNode();
        try {
            Properties config = config(question.path("config"));
            StreamsBuilder builder = new StreamsBuilder(new TopologyConfig(new StreamsConfig(config)));
            new OpTree(builder).write(question.get("ops"));
            Topology topology = builder.build(config);
            answer.put("describe", topology.describe().toString());
            if (question.has("internals")) {
                answer.set("sub_topologies", new Internals(topology, config).describe(JSON));
            }
            if (question.path("client_metrics").asBoolean()) {
                answer.set("client_metrics", Metrics.ofClient(topology, config, JSON));
            }
            if (question.has("inputs")) {
                run(topology, config, question, answer);
            }
        } catch (Throwable error) {
            answer.put("error", error.getClass().getSimpleName());
            answer.put("message", String.valueOf(error.getMessage()));
            Throwable cause = error.getCause();
            if (cause != null) {
                answer.put("cause", cause.getClass().getSimpleName() + ": " + cause.getMessage());
            }
        }
        return answer;
    }

    private static Properties config(JsonNode given) {
        Properties config = new Properties();
        config.put(StreamsConfig.APPLICATION_ID_CONFIG, "app");
        config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "nowhere:1");
        config.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class.getName());
        config.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class.getName());
        given.fields().forEachRemaining(each -> config.put(each.getKey(), each.getValue().asText()));
        return config;
    }

    private static void run(Topology topology, Properties config, JsonNode question, ObjectNode answer) throws Exception {
        File directory = Files.createTempDirectory("streams-oracle").toFile();
        config.put(StreamsConfig.STATE_DIR_CONFIG, directory.getAbsolutePath());
        List<ProducerRecord<byte[], byte[]>> written = new ArrayList<>();
        ArrayNode outputs = answer.putArray("outputs");
        Instant start = Instant.ofEpochMilli(question.path("wall_clock_ms").asLong(0));
        try (TopologyTestDriver driver = new TopologyTestDriver(topology, config, start)) {
            watch(driver, written);
            Map<String, TestInputTopic<byte[], byte[]>> topics = new HashMap<>();
            int index = 0;
            for (JsonNode input : question.get("inputs")) {
                if (input.has("advance_wall_clock_ms")) {
                    driver.advanceWallClockTime(Duration.ofMillis(input.get("advance_wall_clock_ms").asLong()));
                } else {
                    topics.computeIfAbsent(input.get("topic").asText(), name -> driver.createInputTopic(
                        name, new ByteArraySerializer(), new ByteArraySerializer())).pipeInput(record(input));
                }
                for (ProducerRecord<byte[], byte[]> each : written) {
                    outputs.add(output(each, index));
                }
                written.clear();
                index++;
            }
            answer.set("stores", new Contents(driver).all(JSON));
            answer.put("dropped", dropped(driver));
            if (question.has("queries")) {
                answer.set("queries", new Queries(driver, JSON).answers(question.get("queries")));
            }
            if (question.path("metrics").asBoolean()) {
                answer.set("metrics", Metrics.of(driver.metrics(), JSON));
            }
        } finally {
            delete(directory);
        }
    }

    private static long dropped(TopologyTestDriver driver) {
        return driver.metrics().entrySet().stream()
            .filter(each -> each.getKey().name().equals("dropped-records-total"))
            .mapToLong(each -> ((Number) each.getValue().metricValue()).longValue())
            .sum();
    }

    /** The driver keeps what was written by topic; this keeps it in one list, too, in order. */
    private static void watch(TopologyTestDriver driver, List<ProducerRecord<byte[], byte[]>> written) throws Exception {
        Field field = TopologyTestDriver.class.getDeclaredField("outputRecordsByTopic");
        field.setAccessible(true);
        field.set(driver, new HashMap<String, Queue<ProducerRecord<byte[], byte[]>>>() {
            @Override
            public Queue<ProducerRecord<byte[], byte[]>> computeIfAbsent(
                String topic, Function<? super String, ? extends Queue<ProducerRecord<byte[], byte[]>>> make) {
                return super.computeIfAbsent(topic, name -> new LinkedList<>() {
                    @Override
                    public boolean add(ProducerRecord<byte[], byte[]> record) {
                        written.add(record);
                        return super.add(record);
                    }
                });
            }
        });
    }

    private static TestRecord<byte[], byte[]> record(JsonNode input) {
        RecordHeaders headers = new RecordHeaders();
        for (JsonNode header : input.path("headers")) {
            headers.add(header.get(0).asText(), bytes(header.get(1)));
        }
        return new TestRecord<>(bytes(input.get("key")), bytes(input.get("value")), headers, input.get("timestamp").asLong());
    }

    private static byte[] bytes(JsonNode text) {
        return text == null || text.isNull() ? null : Base64.getDecoder().decode(text.asText());
    }

    private static ObjectNode output(ProducerRecord<byte[], byte[]> record, int input) {
        ObjectNode made = JSON.createObjectNode();
        made.put("input", input);
        made.put("topic", record.topic());
        made.put("key", text(record.key()));
        made.put("value", text(record.value()));
        made.put("timestamp", record.timestamp());
        ArrayNode headers = made.putArray("headers");
        for (Header header : record.headers()) {
            headers.addArray().add(header.key()).add(text(header.value()));
        }
        return made;
    }

    static String text(byte[] bytes) {
        return bytes == null ? null : Base64.getEncoder().encodeToString(bytes);
    }

    static void delete(File file) {
        File[] children = file.listFiles();
        if (children != null) {
            for (File child : children) {
                delete(child);
            }
        }
        file.delete();
    }
}
