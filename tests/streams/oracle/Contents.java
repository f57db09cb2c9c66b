import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import org.apache.kafka.common.header.Headers;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.state.AggregationWithHeaders;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.ValueAndTimestamp;
import org.apache.kafka.streams.state.ValueTimestampHeaders;
import org.apache.kafka.streams.state.WindowStore;

/** What the stores of a driver hold, in the order of their iterators: {name: [[key, value, timestamp or null], …]}. */
@SuppressWarnings({"rawtypes", "unchecked"})
final class Contents {
    private final TopologyTestDriver driver;

    Contents(TopologyTestDriver driver) {
        this.driver = driver;
    }

    ObjectNode all(ObjectMapper json) {
        ObjectNode found = json.createObjectNode();
        driver.getAllStateStores().forEach((name, store) -> {
            KeyValueIterator<Object, Object> rows = rows(store);
            if (rows != null) {
                try (rows) {
                    ArrayNode into = found.putArray(name);
                    rows.forEachRemaining(row -> add(into.addArray(), row));
                } catch (RuntimeException unreadable) {
                    found.remove(name);
                }
            }
        });
        return found;
    }

    private static KeyValueIterator<Object, Object> rows(StateStore store) {
        if (store instanceof KeyValueStore keyValue) {
            return keyValue.all();
        } else if (store instanceof WindowStore window) {
            return window.all();
        } else if (store instanceof SessionStore session) {
            return session.findSessions(null, null, Long.MIN_VALUE, Long.MAX_VALUE);
        }
        return null;
    }

    private static void add(ArrayNode into, KeyValue<Object, Object> row) {
        into.add(Lambdas.text(row.key));
        if (row.value instanceof ValueAndTimestamp both) {
            into.add(Lambdas.text(both.value())).add(both.timestamp());
        } else if (row.value instanceof ValueTimestampHeaders all) {
            into.add(Lambdas.text(all.value()) + headers(all.headers())).add(all.timestamp());
        } else if (row.value instanceof AggregationWithHeaders all) {
            into.add(Lambdas.text(all.aggregation()) + headers(all.headers())).addNull();
        } else {
            into.add(Lambdas.text(row.value)).addNull();
        }
    }

    /** Nothing, or something that no store without headers shows. */
    private static String headers(Headers headers) {
        return headers.toArray().length == 0 ? "" : " with " + headers;
    }
}
