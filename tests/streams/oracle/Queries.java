import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.time.Instant;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.TaskId;
import org.apache.kafka.streams.query.KeyQuery;
import org.apache.kafka.streams.query.MultiVersionedKeyQuery;
import org.apache.kafka.streams.query.Position;
import org.apache.kafka.streams.query.PositionBound;
import org.apache.kafka.streams.query.Query;
import org.apache.kafka.streams.query.QueryConfig;
import org.apache.kafka.streams.query.QueryResult;
import org.apache.kafka.streams.query.RangeQuery;
import org.apache.kafka.streams.query.TimestampedKeyQuery;
import org.apache.kafka.streams.query.TimestampedRangeQuery;
import org.apache.kafka.streams.query.VersionedKeyQuery;
import org.apache.kafka.streams.query.WindowKeyQuery;
import org.apache.kafka.streams.query.WindowRangeQuery;
import org.apache.kafka.streams.state.QueryableStoreType;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.ReadOnlyKeyValueStore;
import org.apache.kafka.streams.state.ReadOnlySessionStore;
import org.apache.kafka.streams.state.ReadOnlyWindowStore;
import org.apache.kafka.streams.state.ValueAndTimestamp;
import org.apache.kafka.streams.state.VersionedRecord;
import org.apache.kafka.streams.state.internals.StateStoreProvider;
import org.apache.kafka.streams.state.internals.StreamThreadStateStoreProvider;

/** Interactive queries of both versions, asked of the stores of a driver. `README.md` says how they are written. */
@SuppressWarnings({"rawtypes", "unchecked"})
final class Queries {
    private final TopologyTestDriver driver;
    private final ObjectMapper json;

    Queries(TopologyTestDriver driver, ObjectMapper json) {
        this.driver = driver;
        this.json = json;
    }

    ArrayNode answers(JsonNode queries) {
        ArrayNode answers = json.createArrayNode();
        for (JsonNode query : queries) {
            ObjectNode answer = answers.addObject();
            try {
                if (query.has("call")) {
                    put(answer, view(query));
                } else {
                    ask(query, answer);
                }
            } catch (Throwable error) {
                answer.removeAll();
                answer.put("error", error.getClass().getSimpleName()).put("message", String.valueOf(error.getMessage()));
            }
        }
        return answers;
    }

    // Version 1

    private Object view(JsonNode query) throws Throwable {
        String name = query.get("store").asText();
        QueryableStoreType type = type(query.get("type").asText());
        StateStoreProvider provider = new StateStoreProvider() {
            @Override
            public <T> List<T> stores(String store, QueryableStoreType<T> wanted) {
                return List.of((T) cast(driver.getAllStateStores().get(store), wanted, store));
            }
        };
        cast(driver.getAllStateStores().get(name), type, name);
        Object made = type.create(provider, name);
        JsonNode all = query.get("args");
        String call = query.get("call").asText();
        if (made instanceof ReadOnlyKeyValueStore store) {
            return keyValues(store, call, all);
        } else if (made instanceof ReadOnlyWindowStore store) {
            return windows(store, call, all);
        }
        return sessions((ReadOnlySessionStore) made, call, all);
    }

    private static QueryableStoreType type(String name) {
        return switch (name) {
            case "key_value" -> QueryableStoreTypes.keyValueStore();
            case "timestamped_key_value" -> QueryableStoreTypes.timestampedKeyValueStore();
            case "window" -> QueryableStoreTypes.windowStore();
            case "timestamped_window" -> QueryableStoreTypes.timestampedWindowStore();
            case "session" -> QueryableStoreTypes.sessionStore();
            default -> throw new IllegalArgumentException("no type " + name);
        };
    }

    /** As a thread's provider does it: the kind is checked, and values go without their times where none are wanted. */
    private static Object cast(StateStore store, QueryableStoreType type, String name) {
        try {
            Method method = StreamThreadStateStoreProvider.class.getDeclaredMethod(
                "validateAndCastStores", StateStore.class, QueryableStoreType.class, String.class, TaskId.class);
            method.setAccessible(true);
            return method.invoke(null, store, type, name, new TaskId(0, 0));
        } catch (InvocationTargetException failed) {
            throw (RuntimeException) failed.getCause();
        } catch (ReflectiveOperationException wrong) {
            throw new IllegalStateException(wrong);
        }
    }

    private static Object keyValues(ReadOnlyKeyValueStore store, String call, JsonNode all) {
        return switch (call) {
            case "get" -> store.get(all.get(0).asText());
            case "range" -> store.range(key(all.get(0)), key(all.get(1)));
            case "reverse_range" -> store.reverseRange(key(all.get(0)), key(all.get(1)));
            case "all" -> store.all();
            case "reverse_all" -> store.reverseAll();
            case "prefix_scan" -> store.prefixScan(all.get(0).asText(), new StringSerializer());
            default -> throw new IllegalArgumentException("no call " + call);
        };
    }

    private static Object windows(ReadOnlyWindowStore store, String call, JsonNode all) {
        return switch (call) {
            case "get" -> store.fetch(all.get(0).asText(), all.get(1).asLong());
            case "fetch" -> store.fetch(all.get(0).asText(), time(all.get(1)), time(all.get(2)));
            case "backward_fetch" -> store.backwardFetch(all.get(0).asText(), time(all.get(1)), time(all.get(2)));
            case "fetch_range" -> store.fetch(key(all.get(0)), key(all.get(1)), time(all.get(2)), time(all.get(3)));
            case "backward_fetch_range" ->
                store.backwardFetch(key(all.get(0)), key(all.get(1)), time(all.get(2)), time(all.get(3)));
            case "fetch_all" -> store.fetchAll(time(all.get(0)), time(all.get(1)));
            case "backward_fetch_all" -> store.backwardFetchAll(time(all.get(0)), time(all.get(1)));
            case "all" -> store.all();
            case "backward_all" -> store.backwardAll();
            default -> throw new IllegalArgumentException("no call " + call);
        };
    }

    private static Object sessions(ReadOnlySessionStore store, String call, JsonNode all) {
        return switch (call) {
            case "find_sessions" -> store.findSessions(all.get(0).asText(), all.get(1).asLong(), all.get(2).asLong());
            case "backward_find_sessions" ->
                store.backwardFindSessions(all.get(0).asText(), all.get(1).asLong(), all.get(2).asLong());
            case "find_sessions_range" ->
                store.findSessions(key(all.get(0)), key(all.get(1)), all.get(2).asLong(), all.get(3).asLong());
            case "fetch_session" -> store.fetchSession(all.get(0).asText(), all.get(1).asLong(), all.get(2).asLong());
            case "fetch" -> store.fetch(all.get(0).asText());
            case "backward_fetch" -> store.backwardFetch(all.get(0).asText());
            case "fetch_range" -> store.fetch(key(all.get(0)), key(all.get(1)));
            default -> throw new IllegalArgumentException("no call " + call);
        };
    }

    // Version 2

    private void ask(JsonNode asked, ObjectNode answer) {
        StateStore store = driver.getAllStateStores().get(asked.get("store").asText());
        PositionBound bound = asked.has("bound") ? PositionBound.at(position(asked.get("bound"))) : PositionBound.unbounded();
        QueryResult<?> result = store.query(query(asked), bound, new QueryConfig(true));
        if (result.isFailure()) {
            answer.put("failure", result.getFailureReason().name());
        } else {
            put(answer, result.getResult());
        }
        ObjectNode position = answer.putObject("position");
        Position reached = result.getPosition();
        if (reached != null) {
            for (String topic : reached.getTopics()) {
                ObjectNode offsets = position.putObject(topic);
                reached.getPartitionPositions(topic).forEach((partition, offset) -> offsets.put(partition.toString(), offset));
            }
        }
    }

    private static Query<?> query(JsonNode asked) {
        String key = key(asked.get("key"));
        Object lower = key(asked.get("lower"));
        Object upper = key(asked.get("upper"));
        String order = asked.path("order").asText("any");
        return switch (asked.get("query").asText()) {
            case "key" -> asked.has("skip_cache") ? KeyQuery.withKey(key).skipCache() : KeyQuery.withKey(key);
            case "timestamped_key" -> TimestampedKeyQuery.withKey(key);
            case "range" -> {
                RangeQuery<Object, Object> range = RangeQuery.withRange(lower, upper);
                yield order.equals("descending") ? range.withDescendingKeys()
                    : order.equals("ascending") ? range.withAscendingKeys() : range;
            }
            case "timestamped_range" -> {
                TimestampedRangeQuery<Object, Object> range = TimestampedRangeQuery.withRange(lower, upper);
                yield order.equals("descending") ? range.withDescendingKeys()
                    : order.equals("ascending") ? range.withAscendingKeys() : range;
            }
            case "window_key" -> WindowKeyQuery.withKeyAndWindowStartRange(key, time(asked.get("from")), time(asked.get("to")));
            case "window_range" -> key != null ? WindowRangeQuery.withKey(key)
                : WindowRangeQuery.withWindowStartRange(time(asked.get("from")), time(asked.get("to")));
            case "versioned_key" -> asked.has("as_of")
                ? VersionedKeyQuery.withKey(key).asOf(time(asked.get("as_of"))) : VersionedKeyQuery.withKey(key);
            case "versions" -> {
                MultiVersionedKeyQuery<Object, Object> made = MultiVersionedKeyQuery.withKey(key);
                made = asked.has("from") ? made.fromTime(time(asked.get("from"))) : made;
                made = asked.has("to") ? made.toTime(time(asked.get("to"))) : made;
                yield order.equals("descending") ? made.withDescendingTimestamps()
                    : order.equals("ascending") ? made.withAscendingTimestamps() : made;
            }
            default -> throw new IllegalArgumentException("no query " + asked.get("query"));
        };
    }

    private static Position position(JsonNode given) {
        Map<String, Map<Integer, Long>> components = new HashMap<>();
        given.fields().forEachRemaining(topic -> topic.getValue().fields().forEachRemaining(each ->
            components.computeIfAbsent(topic.getKey(), name -> new HashMap<>())
                .put(Integer.valueOf(each.getKey()), each.getValue().asLong())));
        return Position.fromMap(components);
    }

    private static String key(JsonNode given) {
        return given == null || given.isNull() ? null : given.asText();
    }

    private static Instant time(JsonNode given) {
        return Instant.ofEpochMilli(given.asLong());
    }

    // What came

    private static void put(ObjectNode answer, Object result) {
        if (result instanceof Iterator rows) {
            ArrayNode into = answer.putArray("rows");
            rows.forEachRemaining(row -> {
                ArrayNode made = into.addArray();
                if (row instanceof KeyValue pair) {
                    made.add(Lambdas.text(pair.key));
                    add(made, pair.value);
                } else {
                    add(made, row);
                }
            });
        } else if (result == null) {
            answer.putNull("value");
        } else {
            add(answer.putArray("value"), result);
        }
    }

    private static void add(ArrayNode into, Object value) {
        if (value instanceof ValueAndTimestamp both) {
            into.add(Lambdas.text(both.value())).add(both.timestamp());
        } else if (value instanceof VersionedRecord record) {
            into.add(Lambdas.text(record.value())).add(record.timestamp());
            into.add(record.validTo().isPresent() ? (Long) record.validTo().get() : null);
        } else {
            into.add(Lambdas.text(value));
        }
    }
}
