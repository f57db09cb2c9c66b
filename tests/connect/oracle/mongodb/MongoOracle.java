import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import com.mongodb.kafka.connect.sink.MongoSinkTask;
import com.mongodb.kafka.connect.source.MongoSourceConfig;
import com.mongodb.kafka.connect.source.MongoSourceTask;
import com.mongodb.kafka.connect.source.json.formatter.DefaultJson;
import com.mongodb.kafka.connect.source.json.formatter.ExtendedJson;
import com.mongodb.kafka.connect.source.json.formatter.SimplifiedJson;
import com.mongodb.kafka.connect.source.producer.SchemaAndValueProducer;
import com.mongodb.kafka.connect.source.producer.SchemaAndValueProducers;

import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.sink.ErrantRecordReporter;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTaskContext;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.source.SourceTaskContext;
import org.apache.kafka.connect.storage.OffsetStorageReader;

import org.bson.BsonBinaryWriter;
import org.bson.BsonDocument;
import org.bson.RawBsonDocument;
import org.bson.codecs.BsonDocumentCodec;
import org.bson.codecs.EncoderContext;
import org.bson.io.BasicOutputBuffer;

/** MongoDB's own connector as an oracle, in the manner of `ConnectOracle`; `process.py` says what can be asked. */
public final class MongoOracle {
    private static final long POLLED_MS = 30_000;

    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            ArrayNode answers = ConnectOracle.JSON.createArrayNode();
            for (JsonNode question : ConnectOracle.JSON.readTree(line)) {
                ObjectNode answer = ConnectOracle.JSON.createObjectNode();
                try {
                    answer(question, answer);
                } catch (Throwable error) {
                    answer.removeAll();
                    answer.put("error", error.getClass().getName());
                    answer.put("message", String.valueOf(error.getMessage()));
                }
                answers.add(answer);
            }
            out.println(ConnectOracle.JSON.writeValueAsString(answers));
            out.flush();
        }
    }

    private static void answer(JsonNode question, ObjectNode answer) throws Exception {
        switch (question.get("ask").asText()) {
            case "json": {
                BsonDocument document = document(question);
                answer.putArray("texts")
                        .add(document.toJson(new DefaultJson().getJsonWriterSettings()))
                        .add(document.toJson(new ExtendedJson().getJsonWriterSettings()))
                        .add(document.toJson())
                        .add(document.toJson(new SimplifiedJson().getJsonWriterSettings()));
                break;
            }
            case "parse":
                answer.put("bson", bytes(BsonDocument.parse(question.get("text").asText())));
                break;
            case "output": {
                MongoSourceConfig config = new MongoSourceConfig(map(question.get("config")));
                SchemaAndValueProducer producer = question.get("of_key").asBoolean()
                        ? SchemaAndValueProducers.createKeySchemaAndValueProvider(config)
                        : SchemaAndValueProducers.createValueSchemaAndValueProvider(config);
                SchemaAndValue made = producer.get(document(question));
                answer.set("schema", Data.write(made.schema()));
                answer.set("value", Data.write(made.value()));
                break;
            }
            case "topic": {
                MongoSourceConfig config = new MongoSourceConfig(map(question.get("config")));
                answer.put("topic", config.getTopicMapper().getTopic(document(question)));
                break;
            }
            case "put":
                put(question, answer);
                break;
            case "poll":
                poll(question, answer);
                break;
            default:
                throw new IllegalArgumentException(question.toString());
        }
    }

    private static void put(JsonNode question, ObjectNode answer) {
        ArrayNode refused = answer.putArray("refused");
        ErrantRecordReporter reporter = (record, error) -> {
            refused.add(record.kafkaOffset());
            return CompletableFuture.completedFuture(null);
        };
        MongoSinkTask task = new MongoSinkTask();
        task.initialize(only(SinkTaskContext.class, "errantRecordReporter", reporter));
        task.start(map(question.get("config")));
        try {
            List<SinkRecord> records = new ArrayList<>();
            for (JsonNode record : question.get("records")) {
                records.add((SinkRecord) Records.read(record));
            }
            task.put(records);
        } finally {
            task.stop();
        }
    }

    private static void poll(JsonNode question, ObjectNode answer) {
        Map<String, String> stored = question.get("offset").isNull() ? null : map(question.get("offset"));
        OffsetStorageReader offsets = only(OffsetStorageReader.class, "offset", stored);
        MongoSourceTask task = new MongoSourceTask();
        task.initialize(only(SourceTaskContext.class, "offsetStorageReader", offsets));
        task.start(map(question.get("config")));
        ArrayNode records = answer.putArray("records");
        long end = System.currentTimeMillis() + POLLED_MS;
        try {
            while (records.size() < question.get("count").asInt() && System.currentTimeMillis() < end) {
                List<SourceRecord> polled = task.poll();
                for (SourceRecord record : polled == null ? List.<SourceRecord>of() : polled) {
                    ObjectNode to = (ObjectNode) Records.write(record);
                    to.set("source_partition", ConnectOracle.JSON.valueToTree(record.sourcePartition()));
                    to.set("source_offset", ConnectOracle.JSON.valueToTree(record.sourceOffset()));
                    records.add(to);
                }
            }
        } finally {
            task.stop();
        }
    }

    /** What answers one method of an interface, whatever it is asked with, and no other. */
    private static <T> T only(Class<T> type, String name, Object result) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (self, method, given) -> {
            if (!method.getName().equals(name)) {
                throw new UnsupportedOperationException(method.getName());
            }
            return result;
        }));
    }

    private static Map<String, String> map(JsonNode node) {
        Map<String, String> made = new HashMap<>();
        node.fields().forEachRemaining(each -> made.put(each.getKey(), each.getValue().asText()));
        return made;
    }

    private static BsonDocument document(JsonNode question) {
        byte[] bytes = Base64.getDecoder().decode(question.get("bson").asText());
        return new RawBsonDocument(bytes).decode(new BsonDocumentCodec());
    }

    private static String bytes(BsonDocument document) {
        BasicOutputBuffer buffer = new BasicOutputBuffer();
        new BsonDocumentCodec().encode(new BsonBinaryWriter(buffer), document, EncoderContext.builder().build());
        return Base64.getEncoder().encodeToString(buffer.toByteArray());
    }
}
