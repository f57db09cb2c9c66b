import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigValue;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.metrics.PluginMetrics;
import org.apache.kafka.common.metrics.internals.PluginMetricsImpl;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.connector.Connector;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.header.ConnectHeaders;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.sink.ErrantRecordReporter;
import org.apache.kafka.connect.sink.SinkConnector;
import org.apache.kafka.connect.sink.SinkConnectorContext;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;
import org.apache.kafka.connect.sink.SinkTaskContext;
import org.apache.kafka.connect.source.SourceConnector;
import org.apache.kafka.connect.source.SourceConnectorContext;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.source.SourceTask;
import org.apache.kafka.connect.source.SourceTaskContext;
import org.apache.kafka.connect.storage.OffsetStorageReader;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.File;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.reflect.Modifier;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Enumeration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;

/**
 * Hosts one connector or one task of Kafka Connect for the process that started it, over its standard input and output.
 *
 * A frame is: size (4 bytes), size of the header (4 bytes), the header (JSON), the body. A request has an id, and is
 * answered under it. The host may call, too: what it asks has a call, and so has the answer. Keys, values and headers are
 * bytes of JsonConverter with their schemas. Where the input ends the process does.
 *
 * Requests are carried out in their order in one thread; what Kafka Connect does beside poll() has another: commits have
 * one of their own, and a stop does not wait for anything.
 */
public final class ConnectHost {
    private static final int FRAME_BYTES_MAX = 256 * 1024 * 1024;
    private static final ObjectMapper JSON =
        new ObjectMapper().configure(DeserializationFeature.USE_LONG_FOR_INTS, true);

    private final DataInputStream in;
    private final DataOutputStream out;
    private final ExecutorService work = Executors.newSingleThreadExecutor(named("work"));
    private final ExecutorService commits = Executors.newSingleThreadExecutor(named("commits"));
    private final ExecutorService stops = Executors.newSingleThreadExecutor(named("stops"));
    private final Map<Long, CompletableFuture<JsonNode>> calls = new ConcurrentHashMap<>();
    private final AtomicLong callNumbers = new AtomicLong();
    private final Map<Long, SourceRecord> unacknowledged = new ConcurrentHashMap<>();
    private final JsonConverter keys = converter(true);
    private final JsonConverter values = converter(false);
    private final PluginMetrics metrics = new PluginMetricsImpl(new Metrics(), Map.of());
    private PluginLoader loader;
    private Connector connector;
    private volatile SourceTask source;
    private volatile SinkTask sink;
    private SinkContext sinkContext;
    private long recordNumber;

    public static void main(String[] arguments) throws IOException {
        DataInputStream in = new DataInputStream(new BufferedInputStream(new FileInputStream(FileDescriptor.in), 1 << 16));
        FileOutputStream stdout = new FileOutputStream(FileDescriptor.out);
        System.setOut(System.err); // what plugins print must not get among the frames
        List<File> jars = new ArrayList<>();
        for (String folder : arguments) {
            File[] found = new File(folder).listFiles((directory, name) -> name.endsWith(".jar"));
            if (found != null) {
                jars.addAll(List.of(found));
            }
        }
        new ConnectHost(in, new DataOutputStream(new BufferedOutputStream(stdout, 1 << 16)), new PluginLoader(jars)).run();
        Runtime.getRuntime().halt(0);
    }

    private ConnectHost(DataInputStream in, DataOutputStream out, PluginLoader loader) {
        this.in = in;
        this.out = out;
        this.loader = loader;
    }

    private static java.util.concurrent.ThreadFactory named(String name) {
        return action -> {
            Thread thread = new Thread(action, name);
            thread.setDaemon(true);
            return thread;
        };
    }

    private static JsonConverter converter(boolean isKey) {
        JsonConverter made = new JsonConverter();
        made.configure(Map.of("schemas.enable", "true", "replace.null.with.default", "false"), isKey);
        return made;
    }

    // Frames

    private void run() throws IOException {
        while (true) {
            int size;
            try {
                size = in.readInt();
            } catch (EOFException ended) {
                return;
            }
            if (size < 4 || size > FRAME_BYTES_MAX) {
                throw new IOException("a frame of " + size + " bytes");
            }
            byte[] header = new byte[in.readInt()];
            in.readFully(header);
            byte[] body = new byte[size - 4 - header.length];
            in.readFully(body);
            JsonNode message = JSON.readTree(header);
            if (message.has("call")) {
                CompletableFuture<JsonNode> waiting = calls.remove(message.get("call").asLong());
                if (waiting != null) {
                    waiting.complete(message);
                }
                continue;
            }
            executor(message.get("type").asText()).execute(() -> answer(message, body));
        }
    }

    private ExecutorService executor(String type) {
        return switch (type) {
            case "committed", "commit" -> commits;
            case "stop_task" -> stops;
            default -> work;
        };
    }

    private void answer(JsonNode request, byte[] body) {
        Thread.currentThread().setContextClassLoader(loader);
        ObjectNode header = JSON.createObjectNode();
        ByteArrayOutputStream answer = new ByteArrayOutputStream();
        try {
            carryOut(request, body, header, answer);
        } catch (Throwable failure) {
            JsonNode effects = header.get("effects");
            header.removeAll();
            answer.reset();
            if (effects != null) {
                header.set("effects", effects);
            }
            header.set("error", describe(failure));
        }
        header.put("id", request.get("id").asLong());
        send(header, answer.toByteArray());
    }

    private static ObjectNode describe(Throwable failure) {
        StringWriter trace = new StringWriter();
        failure.printStackTrace(new PrintWriter(trace));
        ObjectNode error = JSON.createObjectNode();
        error.put("class", failure.getClass().getName());
        error.put("message", String.valueOf(failure.getMessage()));
        error.put("trace", trace.toString());
        error.put("retriable", failure instanceof RetriableException);
        return error;
    }

    private void send(ObjectNode header, byte[] body) {
        try {
            byte[] head = JSON.writeValueAsBytes(header);
            synchronized (out) {
                out.writeInt(4 + head.length + body.length);
                out.writeInt(head.length);
                out.write(head);
                out.write(body);
                out.flush();
            }
        } catch (IOException nobodyReads) {
            Runtime.getRuntime().halt(1);
        }
    }

    /** Asks the process that started this one; the answer comes when it has one. */
    private CompletableFuture<JsonNode> call(ObjectNode question) {
        long number = callNumbers.incrementAndGet();
        CompletableFuture<JsonNode> answer = new CompletableFuture<>();
        calls.put(number, answer);
        question.put("call", number);
        send(question, new byte[0]);
        return answer;
    }

    private void tell(String event, String message) {
        ObjectNode said = JSON.createObjectNode();
        said.put("event", event);
        said.put("message", message);
        send(said, new byte[0]);
    }

    // Requests

    private void carryOut(JsonNode request, byte[] body, ObjectNode header, ByteArrayOutputStream answer)
            throws Exception {
        switch (request.get("type").asText()) {
            case "scan" -> header.set("connectors", scan(request.get("jars")));
            case "validate" -> header.set("values", validate(request.get("class").asText(), props(request)));
            case "start_connector" -> startConnector(request.get("class").asText(), props(request));
            case "task_configs" -> taskConfigs(request.get("max").asInt(), header);
            case "exactly_once" -> exactlyOnce(request.get("class").asText(), props(request), header);
            case "alter_offsets" -> alterOffsets(request, header);
            case "stop_connector" -> connector.stop();
            case "start_source" -> startSource(request.get("class").asText(), props(request));
            case "poll" -> poll(answer);
            case "committed" -> committed(body);
            case "commit" -> source.commit();
            case "start_sink" -> startSink(request.get("class").asText(), props(request));
            case "open" -> open(request, header);
            case "close" -> close(request, header);
            case "put" -> put(body, header);
            case "pre_commit" -> preCommit(request, header);
            case "stop_task" -> stopTask();
            default -> throw new IllegalArgumentException("no such request: " + request.get("type"));
        }
    }

    private static Map<String, String> props(JsonNode request) {
        Map<String, String> found = new HashMap<>();
        request.get("props").properties().forEach(each -> {
            if (!each.getValue().isNull()) {
                found.put(each.getKey(), each.getValue().asText());
            }
        });
        return found;
    }

    private <T> T make(String name, Class<T> kind) throws Exception {
        return loader.loadClass(name).asSubclass(kind).getDeclaredConstructor().newInstance();
    }

    // What there is, and what it takes

    private ArrayNode scan(JsonNode jars) {
        Set<String> names = new HashSet<>();
        for (Class<?> kind : List.of(SourceConnector.class, SinkConnector.class)) {
            names.addAll(loader.services(kind.getName()));
        }
        if (names.isEmpty()) {
            for (JsonNode jar : jars) {
                names.addAll(classes(jar.asText()));
            }
        }
        ArrayNode found = JSON.createArrayNode();
        for (String name : new java.util.TreeSet<>(names)) {
            ObjectNode described = describeConnector(name);
            if (described != null) {
                found.add(described);
            }
        }
        return found;
    }

    private static Set<String> classes(String jar) {
        Set<String> found = new HashSet<>();
        try (JarFile file = new JarFile(jar)) {
            for (Enumeration<JarEntry> entries = file.entries(); entries.hasMoreElements();) {
                String name = entries.nextElement().getName();
                if (name.endsWith(".class") && !name.contains("$") && !name.startsWith("META-INF")) {
                    found.add(name.substring(0, name.length() - 6).replace('/', '.'));
                }
            }
        } catch (IOException unreadable) {
            System.err.println(jar + ": " + unreadable);
        }
        return found;
    }

    private ObjectNode describeConnector(String name) {
        try {
            Class<?> found = loader.loadClass(name);
            boolean isSource = SourceConnector.class.isAssignableFrom(found);
            if (Modifier.isAbstract(found.getModifiers()) || !(isSource || SinkConnector.class.isAssignableFrom(found))) {
                return null;
            }
            Connector made = make(name, Connector.class);
            ObjectNode described = JSON.createObjectNode();
            described.put("name", name);
            described.put("kind", isSource ? "source" : "sink");
            described.put("version", made.version());
            described.set("keys", keysOf(made.config()));
            return described;
        } catch (Throwable cannotBeMade) {
            if (name.endsWith("Connector")) {
                System.err.println(name + " is left out: " + cannotBeMade);
            }
            return null;
        }
    }

    private static ArrayNode keysOf(ConfigDef definition) {
        ArrayNode found = JSON.createArrayNode();
        if (definition == null) {
            return found;
        }
        for (ConfigDef.ConfigKey key : definition.configKeys().values()) {
            ObjectNode told = found.addObject();
            told.put("name", key.name);
            told.put("type", key.type.name());
            told.put("required", !key.hasDefault());
            told.put("default", key.hasDefault() ? ConfigDef.convertToString(key.defaultValue, key.type) : null);
            told.put("importance", key.importance.name());
            told.put("documentation", key.documentation);
            told.put("group", key.group);
            told.put("order", key.orderInGroup);
            told.put("width", key.width.name());
            told.put("display_name", key.displayName);
            ArrayNode dependents = told.putArray("dependents");
            key.dependents.forEach(dependents::add);
        }
        return found;
    }

    private ArrayNode validate(String name, Map<String, String> props) throws Exception {
        ArrayNode found = JSON.createArrayNode();
        for (ConfigValue value : make(name, Connector.class).validate(props).configValues()) {
            ObjectNode told = found.addObject();
            told.put("name", value.name());
            told.put("value", value.value() == null ? null : text(value.value()));
            ArrayNode recommended = told.putArray("recommended");
            value.recommendedValues().forEach(each -> recommended.add(text(each)));
            ArrayNode errors = told.putArray("errors");
            value.errorMessages().forEach(errors::add);
            told.put("visible", value.visible());
        }
        return found;
    }

    private static String text(Object value) {
        if (value instanceof List<?> list) {
            return String.join(",", list.stream().map(String::valueOf).toList());
        }
        return value instanceof Class<?> found ? found.getName() : String.valueOf(value);
    }

    // A connector

    private void startConnector(String name, Map<String, String> props) throws Exception {
        connector = make(name, Connector.class);
        connector.initialize(connector instanceof SourceConnector ? new SourceContextOfConnector() : new ContextOfConnector());
        connector.start(props);
    }

    private void taskConfigs(int max, ObjectNode header) {
        ArrayNode found = header.putArray("configs");
        for (Map<String, String> config : connector.taskConfigs(max)) {
            ObjectNode told = found.addObject();
            config.forEach(told::put);
        }
        header.put("task_class", connector.taskClass().getName());
    }

    private void exactlyOnce(String name, Map<String, String> props, ObjectNode header) throws Exception {
        SourceConnector made = make(name, SourceConnector.class);
        var support = made.exactlyOnceSupport(props);
        header.put("support", support == null ? null : support.name());
    }

    private void alterOffsets(JsonNode request, ObjectNode header) throws Exception {
        String name = request.get("class").asText();
        if (request.get("kind").asText().equals("source")) {
            Map<Map<String, ?>, Map<String, ?>> offsets = new HashMap<>();
            for (JsonNode pair : request.get("offsets")) {
                offsets.put(map(pair.get(0)), map(pair.get(1)));
            }
            header.put("done", make(name, SourceConnector.class).alterOffsets(props(request), offsets));
        } else {
            Map<TopicPartition, Long> offsets = new HashMap<>();
            for (JsonNode each : request.get("offsets")) {
                offsets.put(partition(each), each.get(2).isNull() ? null : each.get(2).asLong());
            }
            header.put("done", make(name, SinkConnector.class).alterOffsets(props(request), offsets));
        }
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> map(JsonNode node) {
        return node.isNull() ? null : JSON.convertValue(node, HashMap.class);
    }

    private class ContextOfConnector implements SinkConnectorContext {
        @Override
        public void requestTaskReconfiguration() {
            tell("reconfigure", null);
        }

        @Override
        public void raiseError(Exception error) {
            tell("failed", describe(error).get("trace").asText());
        }

        @Override
        public PluginMetrics pluginMetrics() {
            return metrics;
        }
    }

    private final class SourceContextOfConnector extends ContextOfConnector implements SourceConnectorContext {
        @Override
        public OffsetStorageReader offsetStorageReader() {
            return new StoredOffsets();
        }
    }

    private final class StoredOffsets implements OffsetStorageReader {
        @Override
        public <T> Map<String, Object> offset(Map<String, T> partition) {
            return offsets(List.of(partition)).get(partition);
        }

        @Override
        public <T> Map<Map<String, T>, Map<String, Object>> offsets(Collection<Map<String, T>> partitions) {
            ObjectNode question = JSON.createObjectNode();
            question.put("type", "read_offsets");
            question.set("partitions", JSON.valueToTree(partitions));
            JsonNode answer = call(question).join();
            if (answer.hasNonNull("error")) {
                throw new ConnectException(answer.get("error").asText());
            }
            Map<Map<String, T>, Map<String, Object>> found = new HashMap<>();
            int place = 0;
            for (Map<String, T> partition : partitions) {
                found.put(partition, map(answer.get("offsets").get(place++)));
            }
            return found;
        }
    }

    // A source

    private void startSource(String name, Map<String, String> props) throws Exception {
        source = make(name, SourceTask.class);
        source.initialize(new SourceTaskContext() {
            @Override
            public Map<String, String> configs() {
                return props;
            }

            @Override
            public OffsetStorageReader offsetStorageReader() {
                return new StoredOffsets();
            }

            @Override
            public PluginMetrics pluginMetrics() {
                return metrics;
            }
        });
        source.start(props);
    }

    private void poll(ByteArrayOutputStream answer) throws Exception {
        List<SourceRecord> records = source.poll();
        if (records == null || records.isEmpty()) {
            return;
        }
        DataOutputStream body = new DataOutputStream(answer);
        body.writeInt(records.size());
        for (SourceRecord record : records) {
            long number = recordNumber++;
            unacknowledged.put(number, record);
            body.writeLong(number);
            write(body, JSON.writeValueAsBytes(record.sourcePartition()));
            write(body, JSON.writeValueAsBytes(record.sourceOffset()));
            write(body, record.topic().getBytes(StandardCharsets.UTF_8));
            body.writeInt(record.kafkaPartition() == null ? -1 : record.kafkaPartition());
            body.writeLong(record.timestamp() == null ? -1 : record.timestamp());
            write(body, keys.fromConnectData(record.topic(), record.keySchema(), record.key()));
            write(body, values.fromConnectData(record.topic(), record.valueSchema(), record.value()));
            body.writeInt(record.headers().size());
            for (Header header : record.headers()) {
                write(body, header.key().getBytes(StandardCharsets.UTF_8));
                write(body, values.fromConnectData(record.topic(), header.schema(), header.value()));
            }
        }
    }

    private void committed(byte[] body) throws Exception {
        DataInputStream told = new DataInputStream(new ByteArrayInputStream(body));
        for (int left = told.readInt(); left > 0; left--) {
            SourceRecord record = unacknowledged.remove(told.readLong());
            int partition = told.readInt();
            long offset = told.readLong();
            long timestamp = told.readLong();
            String topic = new String(read(told), StandardCharsets.UTF_8);
            if (record != null) {
                TopicPartition where = partition < 0 ? null : new TopicPartition(topic, partition);
                source.commitRecord(record, where == null ? null : new RecordMetadata(where, offset, 0, timestamp, -1, -1));
            }
        }
    }

    // A sink

    private void startSink(String name, Map<String, String> props) throws Exception {
        sink = make(name, SinkTask.class);
        sinkContext = new SinkContext(props);
        sink.initialize(sinkContext);
        sink.start(props);
    }

    private void open(JsonNode request, ObjectNode header) {
        List<TopicPartition> partitions = partitions(request);
        sinkContext.assigned.addAll(partitions);
        sink.open(partitions);
        sinkContext.effects(header);
    }

    private void close(JsonNode request, ObjectNode header) {
        List<TopicPartition> partitions = partitions(request);
        sink.close(partitions);
        sinkContext.assigned.removeAll(partitions);
        sinkContext.effects(header);
    }

    private static List<TopicPartition> partitions(JsonNode request) {
        List<TopicPartition> found = new ArrayList<>();
        request.get("partitions").forEach(each -> found.add(partition(each)));
        return found;
    }

    private static TopicPartition partition(JsonNode pair) {
        return new TopicPartition(pair.get(0).asText(), pair.get(1).asInt());
    }

    private void put(byte[] body, ObjectNode header) throws Exception {
        DataInputStream told = new DataInputStream(new ByteArrayInputStream(body));
        List<SinkRecord> records = new ArrayList<>();
        for (int left = told.readInt(); left > 0; left--) {
            records.add(sinkRecord(told));
        }
        try {
            sink.put(records);
        } finally {
            sinkContext.effects(header);
        }
    }

    private SinkRecord sinkRecord(DataInputStream told) throws IOException {
        String topic = new String(read(told), StandardCharsets.UTF_8);
        int partition = told.readInt();
        String originalTopic = new String(read(told), StandardCharsets.UTF_8);
        int originalPartition = told.readInt();
        long offset = told.readLong();
        long timestamp = told.readLong();
        TimestampType type = TimestampType.values()[told.readInt()];
        SchemaAndValue key = keys.toConnectData(topic, read(told));
        SchemaAndValue value = values.toConnectData(topic, read(told));
        ConnectHeaders headers = new ConnectHeaders();
        for (int left = told.readInt(); left > 0; left--) {
            String name = new String(read(told), StandardCharsets.UTF_8);
            headers.add(name, values.toConnectData(topic, read(told)));
        }
        return new SinkRecord(topic, partition < 0 ? null : partition, key.schema(), key.value(), value.schema(), value.value(),
            offset, timestamp < 0 ? null : timestamp, type, headers, originalTopic, originalPartition, offset);
    }

    private void preCommit(JsonNode request, ObjectNode header) {
        Map<TopicPartition, OffsetAndMetadata> current = new HashMap<>();
        request.get("offsets").forEach(each -> current.put(partition(each), new OffsetAndMetadata(each.get(2).asLong())));
        Map<TopicPartition, OffsetAndMetadata> stored = sink.preCommit(current);
        ArrayNode found = header.putArray("offsets");
        if (stored != null) {
            stored.forEach((where, offset) -> found.addArray().add(where.topic()).add(where.partition()).add(offset.offset()));
        }
        sinkContext.effects(header);
    }

    private final class SinkContext implements SinkTaskContext {
        final Set<TopicPartition> assigned = ConcurrentHashMap.newKeySet();
        private final Map<String, String> props;
        private final Map<TopicPartition, Long> offsets = new TreeMap<>(java.util.Comparator.comparing(TopicPartition::toString));
        private final List<Object[]> pauses = new ArrayList<>();
        private long timeoutMs = -1;
        private boolean commitRequested;

        SinkContext(Map<String, String> props) {
            this.props = props;
        }

        /** What the task has asked for since it was looked at last. */
        synchronized void effects(ObjectNode header) {
            ObjectNode told = header.putObject("effects");
            ArrayNode wanted = told.putArray("offsets");
            offsets.forEach((where, offset) -> wanted.addArray().add(where.topic()).add(where.partition()).add(offset));
            ArrayNode held = told.putArray("pauses");
            for (Object[] pause : pauses) {
                TopicPartition where = (TopicPartition) pause[1];
                held.addArray().add((Boolean) pause[0]).add(where.topic()).add(where.partition());
            }
            told.put("timeout_ms", timeoutMs);
            told.put("commit", commitRequested);
            offsets.clear();
            pauses.clear();
            timeoutMs = -1;
            commitRequested = false;
        }

        @Override
        public Map<String, String> configs() {
            return props;
        }

        @Override
        public synchronized void offset(Map<TopicPartition, Long> wanted) {
            offsets.putAll(wanted);
        }

        @Override
        public synchronized void offset(TopicPartition where, long offset) {
            offsets.put(where, offset);
        }

        @Override
        public synchronized void timeout(long wantedMs) {
            timeoutMs = wantedMs;
        }

        @Override
        public Set<TopicPartition> assignment() {
            return new HashSet<>(assigned);
        }

        @Override
        public synchronized void pause(TopicPartition... partitions) {
            for (TopicPartition each : partitions) {
                pauses.add(new Object[] {true, each});
            }
        }

        @Override
        public synchronized void resume(TopicPartition... partitions) {
            for (TopicPartition each : partitions) {
                pauses.add(new Object[] {false, each});
            }
        }

        @Override
        public synchronized void requestCommit() {
            commitRequested = true;
        }

        @Override
        public ErrantRecordReporter errantRecordReporter() {
            return props.containsKey("ottla.reports.errors") ? this::report : null;
        }

        private Future<Void> report(SinkRecord record, Throwable error) {
            ObjectNode question = JSON.createObjectNode();
            question.put("type", "report");
            question.put("topic", record.originalTopic());
            question.put("partition", record.originalKafkaPartition());
            question.put("offset", record.originalKafkaOffset());
            question.set("failure", describe(error));
            return call(question).thenApply(answer -> {
                if (answer.hasNonNull("error")) {
                    throw new ConnectException(answer.get("error").asText());
                }
                return null;
            });
        }

        @Override
        public PluginMetrics pluginMetrics() {
            return metrics;
        }
    }

    private void stopTask() {
        Task task = source != null ? source : sink;
        if (task != null) {
            task.stop();
        }
    }

    // Bytes

    private static void write(DataOutputStream out, byte[] data) throws IOException {
        out.writeInt(data == null ? -1 : data.length);
        if (data != null) {
            out.write(data);
        }
    }

    private static byte[] read(DataInputStream in) throws IOException {
        int size = in.readInt();
        return size < 0 ? null : in.readNBytes(size);
    }

    /** A plugin's own jars go before the host's, but for what both speak with: Kafka's clients and Connect's API. */
    private static final class PluginLoader extends URLClassLoader {
        private static final List<String> SHARED = List.of("java.", "javax.", "jdk.", "sun.", "com.sun.", "org.xml.",
            "org.w3c.", "org.slf4j.", "org.apache.kafka.common.", "org.apache.kafka.clients.", "org.apache.kafka.connect.");
        private static final List<String> OF_PLUGINS = List.of("org.apache.kafka.connect.file.",
            "org.apache.kafka.connect.mirror.", "org.apache.kafka.connect.transforms.");

        PluginLoader(List<File> jars) throws IOException {
            super(urls(jars), ConnectHost.class.getClassLoader());
        }

        private static URL[] urls(List<File> jars) throws IOException {
            URL[] found = new URL[jars.size()];
            for (int place = 0; place < found.length; place++) {
                found[place] = jars.get(place).toURI().toURL();
            }
            return found;
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            synchronized (getClassLoadingLock(name)) {
                Class<?> found = findLoadedClass(name);
                boolean isShared = SHARED.stream().anyMatch(name::startsWith) && OF_PLUGINS.stream().noneMatch(name::startsWith);
                if (found == null && !isShared) {
                    try {
                        found = findClass(name);
                    } catch (ClassNotFoundException notAPlugins) {
                        found = null;
                    }
                }
                if (found == null) {
                    found = super.loadClass(name, false);
                }
                if (resolve) {
                    resolveClass(found);
                }
                return found;
            }
        }

        @Override
        public URL getResource(String name) {
            URL own = findResource(name);
            return own != null ? own : super.getResource(name);
        }

        /** The names in `META-INF/services` of the plugin's own jars (KIP-898). */
        Set<String> services(String kind) {
            Set<String> found = new HashSet<>();
            try {
                for (Enumeration<URL> files = findResources("META-INF/services/" + kind); files.hasMoreElements();) {
                    try (var text = files.nextElement().openStream()) {
                        for (String line : new String(text.readAllBytes(), StandardCharsets.UTF_8).split("\n")) {
                            String name = line.replaceAll("#.*", "").trim();
                            if (!name.isEmpty()) {
                                found.add(name);
                            }
                        }
                    }
                }
            } catch (IOException unreadable) {
                System.err.println(kind + ": " + unreadable);
            }
            return found;
        }
    }
}
