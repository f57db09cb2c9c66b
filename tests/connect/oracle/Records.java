import java.util.Map;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.header.ConnectHeaders;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.source.SourceRecord;

/** Records as JSON: a record with an offset is a sink's, any other a source's. */
final class Records {
    static ConnectRecord<?> read(JsonNode from) {
        String topic = from.get("topic").asText();
        Integer partition = from.get("partition").isNull() ? null : from.get("partition").asInt();
        Schema keySchema = Data.schema(from.get("key_schema"));
        Object key = Data.value(keySchema, from.get("key"));
        Schema valueSchema = Data.schema(from.get("value_schema"));
        Object value = Data.value(valueSchema, from.get("value"));
        Long timestamp = from.get("timestamp").isNull() ? null : from.get("timestamp").asLong();
        ConnectHeaders headers = new ConnectHeaders();
        for (JsonNode header : from.get("headers")) {
            Schema schema = Data.schema(header.get(1));
            headers.add(header.get(0).asText(), Data.value(schema, header.get(2)), schema);
        }
        if (!from.has("offset")) {
            return new SourceRecord(Map.of(), Map.of(), topic, partition, keySchema, key, valueSchema, value, timestamp, headers);
        }
        return new SinkRecord(topic, partition == null ? 0 : partition, keySchema, key, valueSchema, value,
                from.get("offset").asLong(), timestamp, TimestampType.CREATE_TIME, headers);
    }

    static JsonNode write(ConnectRecord<?> record) {
        if (record == null) {
            return NullNode.instance;
        }
        ObjectNode to = ConnectOracle.JSON.createObjectNode();
        to.put("topic", record.topic());
        to.put("partition", record.kafkaPartition());
        to.set("key_schema", Data.write(record.keySchema()));
        to.set("key", Data.write(record.key()));
        to.set("value_schema", Data.write(record.valueSchema()));
        to.set("value", Data.write(record.value()));
        to.put("timestamp", record.timestamp());
        ArrayNode headers = to.putArray("headers");
        for (Header header : record.headers()) {
            headers.addArray().add(header.key()).add(Data.write(header.schema())).add(Data.write(header.value()));
        }
        if (record instanceof SinkRecord) {
            to.put("offset", ((SinkRecord) record).kafkaOffset());
        }
        return to;
    }
}
