import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;

import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;

/**
 * Schemas and values as JSON. A value is null or a list: its kind, and what it is: ["int8", 1], ["float64", "bits"],
 * ["bytes", "base64"], ["decimal", "unscaled", scale], ["instant", ms], ["list", value…], ["map", [key, value]…],
 * ["struct", value…].
 */
final class Data {
    static Schema schema(JsonNode from) {
        if (from == null || from.isNull()) {
            return null;
        }
        Schema.Type type = Schema.Type.valueOf(from.get("type").asText());
        SchemaBuilder builder;
        if (type == Schema.Type.ARRAY) {
            builder = SchemaBuilder.array(schema(from.get("values")));
        } else if (type == Schema.Type.MAP) {
            builder = SchemaBuilder.map(schema(from.get("keys")), schema(from.get("values")));
        } else {
            builder = new SchemaBuilder(type);
        }
        if (type == Schema.Type.STRUCT) {
            for (JsonNode field : from.get("fields")) {
                builder.field(field.get(0).asText(), schema(field.get(1)));
            }
        }
        if (from.get("optional").asBoolean()) {
            builder.optional();
        }
        builder.name(from.get("name").textValue());
        builder.version(from.get("version").isNull() ? null : from.get("version").asInt());
        builder.doc(from.get("doc").textValue());
        for (JsonNode parameter : from.get("parameters")) {
            builder.parameter(parameter.get(0).asText(), parameter.get(1).asText());
        }
        if (!from.get("default").isNull()) {
            builder.defaultValue(value(builder.build(), from.get("default")));
        }
        return builder.build();
    }

    static JsonNode write(Schema schema) {
        if (schema == null) {
            return NullNode.instance;
        }
        ObjectNode to = ConnectOracle.JSON.createObjectNode();
        to.put("type", schema.type().name());
        to.put("optional", schema.isOptional());
        to.put("name", schema.name());
        to.put("version", schema.version());
        to.put("doc", schema.doc());
        ArrayNode parameters = to.putArray("parameters");
        if (schema.parameters() != null) {
            schema.parameters().forEach((name, value) -> parameters.addArray().add(name).add(value));
        }
        to.set("default", write(schema.defaultValue()));
        if (schema.type() == Schema.Type.MAP) {
            to.set("keys", write(schema.keySchema()));
        }
        if (schema.type() == Schema.Type.MAP || schema.type() == Schema.Type.ARRAY) {
            to.set("values", write(schema.valueSchema()));
        }
        if (schema.type() == Schema.Type.STRUCT) {
            ArrayNode fields = to.putArray("fields");
            for (Field field : schema.fields()) {
                fields.addArray().add(field.name()).add(write(field.schema()));
            }
        }
        return to;
    }

    static Object value(Schema schema, JsonNode from) {
        if (from == null || from.isNull()) {
            return null;
        }
        JsonNode what = from.get(1);
        switch (from.get(0).asText()) {
            case "int8": return (byte) what.asInt();
            case "int16": return (short) what.asInt();
            case "int32": return what.asInt();
            case "int64": return Long.parseLong(what.asText());
            case "float32": return Float.intBitsToFloat((int) Long.parseLong(what.asText()));
            case "float64": return Double.longBitsToDouble(Long.parseUnsignedLong(what.asText()));
            case "boolean": return what.asBoolean();
            case "string": return what.asText();
            case "bytes": return Base64.getDecoder().decode(what.asText());
            case "decimal": return new BigDecimal(new BigInteger(what.asText()), from.get(2).asInt());
            case "instant": return new Date(what.asLong());
            case "list": {
                List<Object> list = new ArrayList<>();
                for (int i = 1; i < from.size(); i++) {
                    list.add(value(schema == null ? null : schema.valueSchema(), from.get(i)));
                }
                return list;
            }
            case "map": {
                Map<Object, Object> map = new LinkedHashMap<>();
                for (int i = 1; i < from.size(); i++) {
                    map.put(value(schema == null ? null : schema.keySchema(), from.get(i).get(0)),
                            value(schema == null ? null : schema.valueSchema(), from.get(i).get(1)));
                }
                return map;
            }
            case "struct": {
                Struct struct = new Struct(schema);
                for (Field field : schema.fields()) {
                    Object each = value(field.schema(), from.get(field.index() + 1));
                    if (each != null) {
                        struct.put(field, each);
                    }
                }
                return struct;
            }
            default: throw new IllegalArgumentException(from.toString());
        }
    }

    static JsonNode write(Object value) {
        if (value == null) {
            return NullNode.instance;
        }
        ArrayNode to = ConnectOracle.JSON.createArrayNode();
        if (value instanceof Byte) {
            to.add("int8").add((Byte) value);
        } else if (value instanceof Short) {
            to.add("int16").add((Short) value);
        } else if (value instanceof Integer) {
            to.add("int32").add((Integer) value);
        } else if (value instanceof Long) {
            to.add("int64").add(value.toString());
        } else if (value instanceof Float) {
            to.add("float32").add(Integer.toUnsignedString(Float.floatToIntBits((Float) value)));
        } else if (value instanceof Double) {
            to.add("float64").add(Long.toUnsignedString(Double.doubleToLongBits((Double) value)));
        } else if (value instanceof Boolean) {
            to.add("boolean").add((Boolean) value);
        } else if (value instanceof String) {
            to.add("string").add((String) value);
        } else if (value instanceof byte[]) {
            to.add("bytes").add(bytes((byte[]) value));
        } else if (value instanceof ByteBuffer) {
            to.add("bytes").add(bytes(((ByteBuffer) value).array()));
        } else if (value instanceof BigDecimal) {
            to.add("decimal").add(((BigDecimal) value).unscaledValue().toString()).add(((BigDecimal) value).scale());
        } else if (value instanceof Date) {
            to.add("instant").add(((Date) value).getTime());
        } else if (value instanceof List) {
            to.add("list");
            ((List<?>) value).forEach(each -> to.add(write(each)));
        } else if (value instanceof Map) {
            to.add("map");
            ((Map<?, ?>) value).forEach((key, each) -> to.addArray().add(write(key)).add(write(each)));
        } else if (value instanceof Struct) {
            to.add("struct");
            for (Field field : ((Struct) value).schema().fields()) {
                to.add(write(((Struct) value).getWithoutDefault(field.name())));
            }
        } else {
            throw new IllegalArgumentException(value.getClass().getName());
        }
        return to;
    }

    static JsonNode bytes(byte[] bytes) {
        return bytes == null ? NullNode.instance : new TextNode(Base64.getEncoder().encodeToString(bytes));
    }
}
