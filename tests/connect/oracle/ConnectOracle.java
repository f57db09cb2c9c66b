import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import org.apache.kafka.common.Configurable;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.SchemaProjector;
import org.apache.kafka.connect.data.Values;
import org.apache.kafka.connect.storage.Converter;
import org.apache.kafka.connect.storage.HeaderConverter;
import org.apache.kafka.connect.transforms.Transformation;
import org.apache.kafka.connect.transforms.predicates.Predicate;

/**
 * Kafka Connect's own data, converters and transformations as an oracle: each line of the input is answered by one line, both
 * JSON. `process.py` says what can be asked.
 */
public final class ConnectOracle {
    static final ObjectMapper JSON = new ObjectMapper();
    private static final Map<String, Object> PLUGINS = new HashMap<>();

    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            ArrayNode answers = JSON.createArrayNode();
            for (JsonNode question : JSON.readTree(line)) {
                answers.add(answer(question));
            }
            out.println(JSON.writeValueAsString(answers));
            out.flush();
        }
    }

    private static ObjectNode answer(JsonNode question) {
        ObjectNode answer = JSON.createObjectNode();
        try {
            answer(question, answer);
        } catch (Throwable error) {
            answer.removeAll();
            answer.put("error", error.getClass().getName());
            answer.put("message", String.valueOf(error.getMessage()));
        }
        return answer;
    }

    private static void answer(JsonNode question, ObjectNode answer) throws Exception {
        switch (question.get("ask").asText()) {
            case "config":
                config(((ConfigDef) plugin(question).getClass().getMethod("config").invoke(plugin(question))), answer);
                break;
            case "configure":
                configured(question, true);
                break;
            case "from": {
                Schema schema = Data.schema(question.get("schema"));
                Object value = Data.value(schema, question.get("value"));
                byte[] bytes = ((Converter) configured(question, false)).fromConnectData("topic", schema, value);
                answer.set("bytes", Data.bytes(bytes));
                break;
            }
            case "to":
                put(((Converter) configured(question, false)).toConnectData("topic", bytes(question)), answer);
                break;
            case "from_header": {
                Schema schema = Data.schema(question.get("schema"));
                Object value = Data.value(schema, question.get("value"));
                byte[] bytes = ((HeaderConverter) configured(question, false)).fromConnectHeader("topic", "h", schema, value);
                answer.set("bytes", Data.bytes(bytes));
                break;
            }
            case "to_header":
                put(((HeaderConverter) configured(question, false)).toConnectHeader("topic", "h", bytes(question)), answer);
                break;
            case "transform": {
                ConnectRecord<?> record = Records.read(question.get("record"));
                answer.set("record", Records.write(transform((Transformation<?>) configured(question, false), record)));
                break;
            }
            case "test":
                answer.put("holds", test((Predicate<?>) configured(question, false), Records.read(question.get("record"))));
                break;
            case "parse":
                put(Values.parseString(question.get("text").asText()), answer);
                break;
            case "convert":
                convert(question, answer);
                break;
            case "project": {
                Schema source = Data.schema(question.get("source"));
                Schema target = Data.schema(question.get("target"));
                Object given = Data.value(source, question.get("value"));
                answer.set("value", Data.write(SchemaProjector.project(source, given, target)));
                break;
            }
            default:
                throw new IllegalArgumentException(question.toString());
        }
    }

    private static void convert(JsonNode question, ObjectNode answer) {
        Schema schema = Data.schema(question.get("schema"));
        Object value = Data.value(schema, question.get("value"));
        Object result;
        switch (question.get("to").asText()) {
            case "boolean": result = Values.convertToBoolean(schema, value); break;
            case "int8": result = Values.convertToByte(schema, value); break;
            case "int16": result = Values.convertToShort(schema, value); break;
            case "int32": result = Values.convertToInteger(schema, value); break;
            case "int64": result = Values.convertToLong(schema, value); break;
            case "float32": result = Values.convertToFloat(schema, value); break;
            case "float64": result = Values.convertToDouble(schema, value); break;
            case "string": result = Values.convertToString(schema, value); break;
            case "date": result = Values.convertToDate(schema, value); break;
            case "time": result = Values.convertToTime(schema, value); break;
            case "timestamp": result = Values.convertToTimestamp(schema, value); break;
            case "decimal": result = Values.convertToDecimal(schema, value, 2); break;
            case "schema": answer.set("schema", Data.write(Values.inferSchema(value))); return;
            default: throw new IllegalArgumentException(question.toString());
        }
        answer.set("value", Data.write(result));
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static ConnectRecord<?> transform(Transformation transformation, ConnectRecord record) {
        return transformation.apply(record);
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static boolean test(Predicate predicate, ConnectRecord record) {
        return predicate.test(record);
    }

    private static byte[] bytes(JsonNode question) {
        JsonNode bytes = question.get("bytes");
        return bytes.isNull() ? null : Base64.getDecoder().decode(bytes.asText());
    }

    private static void put(SchemaAndValue found, ObjectNode answer) {
        answer.set("schema", Data.write(found == null ? null : found.schema()));
        answer.set("value", Data.write(found == null ? null : found.value()));
    }

    private static Object plugin(JsonNode question) throws Exception {
        return Class.forName(question.get("class").asText()).getDeclaredConstructor().newInstance();
    }

    /** Converters and transformations that were configured so before are used again. */
    private static Object configured(JsonNode question, boolean anew) throws Exception {
        String key = question.get("class").asText() + " " + question.path("config");
        Object found = anew ? null : PLUGINS.get(key);
        if (found == null) {
            found = plugin(question);
            Map<String, Object> config = new HashMap<>();
            question.path("config").properties().forEach(each -> config.put(each.getKey(), each.getValue().textValue()));
            if (found instanceof HeaderConverter && !(found instanceof Converter)) {
                ((HeaderConverter) found).configure(config);
            } else if (found instanceof Converter) {
                ((Converter) found).configure(config, false);
            } else {
                ((Configurable) found).configure(config);
            }
            PLUGINS.put(key, found);
        }
        return found;
    }

    private static void config(ConfigDef config, ObjectNode answer) {
        ArrayNode keys = answer.putArray("keys");
        for (ConfigDef.ConfigKey key : config.configKeys().values()) {
            ObjectNode info = keys.addObject();
            info.put("name", key.name);
            info.put("type", key.type.name());
            info.put("required", !key.hasDefault());
            info.put("default_value", key.hasDefault() ? ConfigDef.convertToString(key.defaultValue, key.type) : null);
            info.put("importance", key.importance.name());
            info.put("group", key.group);
            info.put("width", key.width.name());
            info.put("display_name", key.displayName);
            info.set("dependents", JSON.valueToTree(key.dependents));
            info.put("order_in_group", key.orderInGroup);
            info.put("valid", key.validator == null ? null : key.validator.toString());
        }
    }
}
