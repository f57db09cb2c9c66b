import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

import com.fasterxml.jackson.databind.JsonNode;

import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.EmitStrategy;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.Joined;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.SlidingWindows;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.TableJoined;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.UnlimitedWindows;
import org.apache.kafka.streams.kstream.WindowedSerdes;
import org.apache.kafka.streams.kstream.Windows;
import org.apache.kafka.streams.processor.WallclockTimestampExtractor;
import org.apache.kafka.streams.state.BuiltInDslStoreSuppliers;
import org.apache.kafka.streams.state.KeyValueBytesStoreSupplier;
import org.apache.kafka.streams.state.SessionBytesStoreSupplier;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowBytesStoreSupplier;

/** The option objects of the DSL, out of JSON. An absent option is null. */
@SuppressWarnings({"rawtypes", "unchecked"})
final class Options {
    private Options() {}

    static String string(JsonNode from, String field) {
        JsonNode found = from == null ? null : from.get(field);
        return found == null || found.isNull() ? null : found.asText();
    }

    static Serde serde(JsonNode from, String field) {
        String name = string(from, field);
        return name == null ? null : serde(name);
    }

    static Serde serde(String name) {
        String[] parts = name.split(":");
        return switch (parts[0]) {
            case "string" -> Serdes.String();
            case "long" -> Serdes.Long();
            case "integer" -> Serdes.Integer();
            case "double" -> Serdes.Double();
            case "bytes" -> Serdes.ByteArray();
            case "windowed_string" -> WindowedSerdes.timeWindowedSerdeFrom(String.class, Long.parseLong(parts[1]));
            case "session_string" -> WindowedSerdes.sessionWindowedSerdeFrom(String.class);
            default -> throw new IllegalArgumentException("no serde " + name);
        };
    }

    static Named named(JsonNode op) {
        String name = string(op, "named");
        return name == null ? null : Named.as(name);
    }

    static Consumed consumed(JsonNode op) {
        JsonNode given = op.get("consumed");
        Consumed consumed = Consumed.with(serde(given, "key"), serde(given, "value"));
        if (string(given, "name") != null) {
            consumed = consumed.withName(string(given, "name"));
        }
        String reset = string(given, "offset_reset");
        if (reset != null) {
            consumed = consumed.withOffsetResetPolicy(switch (reset) {
                case "earliest" -> AutoOffsetReset.earliest();
                case "latest" -> AutoOffsetReset.latest();
                case "none" -> AutoOffsetReset.none();
                default -> AutoOffsetReset.byDuration(Duration.ofMillis(Long.parseLong(reset)));
            });
        }
        if ("wallclock".equals(string(given, "timestamp_extractor"))) {
            consumed = consumed.withTimestampExtractor(new WallclockTimestampExtractor());
        }
        return consumed;
    }

    static Produced produced(JsonNode op) {
        JsonNode given = op.get("produced");
        if (given == null) {
            return null;
        }
        Produced produced = Produced.with(serde(given, "key"), serde(given, "value"));
        return string(given, "name") == null ? produced : produced.withName(string(given, "name"));
    }

    static Grouped grouped(JsonNode op) {
        JsonNode given = op.get("grouped");
        if (given == null) {
            return null;
        }
        Grouped grouped = Grouped.with(serde(given, "key"), serde(given, "value"));
        return string(given, "name") == null ? grouped : grouped.withName(string(given, "name"));
    }

    static Joined joined(JsonNode op) {
        JsonNode given = op.get("joined");
        if (given == null) {
            return null;
        }
        Joined joined = Joined.with(serde(given, "key"), serde(given, "value"), serde(given, "other_value"));
        if (string(given, "name") != null) {
            joined = joined.withName(string(given, "name"));
        }
        return given.has("grace_ms") ? joined.withGracePeriod(Duration.ofMillis(given.get("grace_ms").asLong())) : joined;
    }

    static StreamJoined streamJoined(JsonNode op) {
        JsonNode given = op.get("stream_joined");
        if (given == null) {
            return null;
        }
        StreamJoined joined = StreamJoined.with(serde(given, "key"), serde(given, "value"), serde(given, "other_value"));
        if (string(given, "name") != null) {
            joined = joined.withName(string(given, "name"));
        }
        if (string(given, "store_name") != null) {
            joined = joined.withStoreName(string(given, "store_name"));
        }
        if (given.has("logging")) {
            joined = given.get("logging").asBoolean() ? joined.withLoggingEnabled(Map.of()) : joined.withLoggingDisabled();
        }
        return joined;
    }

    static TableJoined tableJoined(JsonNode op) {
        return op.has("table_joined") ? TableJoined.as(string(op.get("table_joined"), "name")) : null;
    }

    static Repartitioned repartitioned(JsonNode op) {
        JsonNode given = op.get("repartitioned");
        if (given == null) {
            return null;
        }
        Repartitioned made = Repartitioned.with(serde(given, "key"), serde(given, "value"));
        if (string(given, "name") != null) {
            made = made.withName(string(given, "name"));
        }
        return given.has("partitions") ? made.withNumberOfPartitions(given.get("partitions").asInt()) : made;
    }

    static Materialized materialized(JsonNode op) {
        JsonNode given = op.get("materialized");
        if (given == null) {
            return null;
        }
        Materialized made;
        String name = string(given, "name");
        String supplier = string(given, "supplier");
        if (supplier != null) {
            made = fromSupplier(given, name, supplier);
        } else if (name != null) {
            made = Materialized.as(name);
        } else {
            made = Materialized.with(null, null);
        }
        made = made.withKeySerde(serde(given, "key")).withValueSerde(serde(given, "value"));
        if (given.has("logging")) {
            made = given.get("logging").asBoolean() ? made.withLoggingEnabled(configs(given)) : made.withLoggingDisabled();
        }
        if (given.has("caching")) {
            made = given.get("caching").asBoolean() ? made.withCachingEnabled() : made.withCachingDisabled();
        }
        if (given.has("retention_ms")) {
            made = made.withRetention(Duration.ofMillis(given.get("retention_ms").asLong()));
        }
        if ("in_memory".equals(string(given, "store_type"))) {
            made = made.withStoreType(BuiltInDslStoreSuppliers.IN_MEMORY);
        }
        return made;
    }

    private static Map<String, String> configs(JsonNode given) {
        Map<String, String> found = new HashMap<>();
        if (given.has("topic_config")) {
            given.get("topic_config").fields().forEachRemaining(each -> found.put(each.getKey(), each.getValue().asText()));
        }
        return found;
    }

    private static Materialized fromSupplier(JsonNode given, String name, String supplier) {
        return switch (supplier) {
            case "in_memory" -> Materialized.as(Stores.inMemoryKeyValueStore(name));
            case "plain" -> Materialized.as(Stores.persistentKeyValueStore(name));
            case "persistent" -> Materialized.as(Stores.persistentTimestampedKeyValueStore(name));
            case "lru" -> Materialized.as(Stores.lruMap(name, given.get("max_entries").asInt()));
            case "versioned" -> Materialized.as((KeyValueBytesStoreSupplier) Stores.persistentVersionedKeyValueStore(
                name, Duration.ofMillis(given.get("history_ms").asLong())));
            case "in_memory_window" -> Materialized.as((WindowBytesStoreSupplier) Stores.inMemoryWindowStore(
                name, millis(given, "retention_ms"), millis(given, "window_size_ms"), false));
            case "in_memory_session" -> Materialized.as(
                (SessionBytesStoreSupplier) Stores.inMemorySessionStore(name, millis(given, "retention_ms")));
            default -> throw new IllegalArgumentException("no store supplier " + supplier);
        };
    }

    static Duration millis(JsonNode given, String field) {
        return Duration.ofMillis(given.get(field).asLong());
    }

    static Windows windows(JsonNode given) {
        if (given.get("kind").asText().equals("unlimited")) {
            return UnlimitedWindows.of().startOn(java.time.Instant.ofEpochMilli(given.path("start_ms").asLong(0)));
        }
        TimeWindows windows = given.has("grace_ms")
            ? TimeWindows.ofSizeAndGrace(millis(given, "size_ms"), millis(given, "grace_ms"))
            : TimeWindows.ofSizeWithNoGrace(millis(given, "size_ms"));
        return given.has("advance_ms") ? windows.advanceBy(millis(given, "advance_ms")) : windows;
    }

    static SlidingWindows sliding(JsonNode given) {
        return given.has("grace_ms")
            ? SlidingWindows.ofTimeDifferenceAndGrace(millis(given, "difference_ms"), millis(given, "grace_ms"))
            : SlidingWindows.ofTimeDifferenceWithNoGrace(millis(given, "difference_ms"));
    }

    static SessionWindows sessions(JsonNode given) {
        return given.has("grace_ms")
            ? SessionWindows.ofInactivityGapAndGrace(millis(given, "gap_ms"), millis(given, "grace_ms"))
            : SessionWindows.ofInactivityGapWithNoGrace(millis(given, "gap_ms"));
    }

    static JoinWindows joinWindows(JsonNode given) {
        JoinWindows windows = given.has("grace_ms")
            ? JoinWindows.ofTimeDifferenceAndGrace(millis(given, "difference_ms"), millis(given, "grace_ms"))
            : JoinWindows.ofTimeDifferenceWithNoGrace(millis(given, "difference_ms"));
        if (given.has("before_ms")) {
            windows = windows.before(millis(given, "before_ms"));
        }
        return given.has("after_ms") ? windows.after(millis(given, "after_ms")) : windows;
    }

    static EmitStrategy emitStrategy(JsonNode op) {
        String name = string(op, "emit");
        return name == null ? null
            : name.equals("on_window_close") ? EmitStrategy.onWindowClose() : EmitStrategy.onWindowUpdate();
    }

    static Suppressed suppressed(JsonNode given) {
        Suppressed made;
        if (given.get("until").asText().equals("window_closes")) {
            Suppressed.StrictBufferConfig buffer = given.has("max_records")
                ? Suppressed.BufferConfig.maxRecords(given.get("max_records").asLong()).shutDownWhenFull()
                : Suppressed.BufferConfig.unbounded();
            made = Suppressed.untilWindowCloses((Suppressed.StrictBufferConfig) logged(buffer, given));
        } else {
            Suppressed.BufferConfig buffer = given.has("max_records")
                ? Suppressed.BufferConfig.maxRecords(given.get("max_records").asLong())
                : Suppressed.BufferConfig.unbounded();
            made = Suppressed.untilTimeLimit(millis(given, "time_ms"), logged(buffer, given));
        }
        return string(given, "name") == null ? made : made.withName(string(given, "name"));
    }

    private static Suppressed.BufferConfig logged(Suppressed.BufferConfig buffer, JsonNode given) {
        if (!given.has("logging")) {
            return buffer;
        }
        return given.get("logging").asBoolean() ? buffer.withLoggingEnabled(Map.of()) : buffer.withLoggingDisabled();
    }
}
