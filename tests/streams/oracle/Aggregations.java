import com.fasterxml.jackson.databind.JsonNode;

import org.apache.kafka.streams.kstream.Aggregator;
import org.apache.kafka.streams.kstream.CogroupedKStream;
import org.apache.kafka.streams.kstream.EmitStrategy;
import org.apache.kafka.streams.kstream.Initializer;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.KGroupedTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Merger;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.kstream.Reducer;
import org.apache.kafka.streams.kstream.SessionWindowedCogroupedKStream;
import org.apache.kafka.streams.kstream.SessionWindowedKStream;
import org.apache.kafka.streams.kstream.TimeWindowedCogroupedKStream;
import org.apache.kafka.streams.kstream.TimeWindowedKStream;

/** What follows a grouping: windows, count, reduce, aggregate, cogroup. */
@SuppressWarnings({"rawtypes", "unchecked"})
final class Aggregations {
    private Aggregations() {}

    static Object apply(OpTree tree, Object on, JsonNode op, String kind) {
        if (kind.equals("windowed_by")) {
            return windowedBy(on, op);
        } else if (kind.equals("cogroup")) {
            Aggregator aggregator = Lambdas.aggregator(op.get("fn").asText());
            return on instanceof CogroupedKStream cogrouped
                ? cogrouped.cogroup((KGroupedStream) tree.other(op), aggregator)
                : ((KGroupedStream) on).cogroup(aggregator);
        } else if (on instanceof KGroupedStream stream) {
            return stream(stream, op, kind);
        } else if (on instanceof KGroupedTable table) {
            return table(table, op, kind);
        } else if (on instanceof TimeWindowedKStream stream) {
            return timeWindowed(stream, op, kind);
        } else if (on instanceof SessionWindowedKStream stream) {
            return sessionWindowed(stream, op, kind);
        }
        return cogrouped(on, op);
    }

    private static Object windowedBy(Object on, JsonNode op) {
        JsonNode windows = op.get("windows");
        String kind = windows.get("kind").asText();
        if (on instanceof CogroupedKStream stream) {
            return switch (kind) {
                case "sliding" -> stream.windowedBy(Options.sliding(windows));
                case "session" -> stream.windowedBy(Options.sessions(windows));
                default -> stream.windowedBy(Options.windows(windows));
            };
        }
        KGroupedStream stream = (KGroupedStream) on;
        EmitStrategy emit = Options.emitStrategy(op);
        if (kind.equals("session")) {
            SessionWindowedKStream made = stream.windowedBy(Options.sessions(windows));
            return emit == null ? made : made.emitStrategy(emit);
        }
        TimeWindowedKStream made = kind.equals("sliding")
            ? stream.windowedBy(Options.sliding(windows)) : stream.windowedBy(Options.windows(windows));
        return emit == null ? made : made.emitStrategy(emit);
    }

    private static Object stream(KGroupedStream stream, JsonNode op, String kind) {
        Named named = Options.named(op);
        Materialized materialized = Options.materialized(op);
        if (kind.equals("count")) {
            if (materialized == null) {
                return named == null ? stream.count() : stream.count(named);
            }
            return named == null ? stream.count(materialized) : stream.count(named, materialized);
        } else if (kind.equals("reduce")) {
            Reducer reducer = Lambdas.reducer(op.get("fn").asText());
            if (materialized == null) {
                return stream.reduce(reducer);
            }
            return named == null ? stream.reduce(reducer, materialized) : stream.reduce(reducer, named, materialized);
        }
        Initializer initializer = Lambdas.initializer(op.get("initializer").asText());
        Aggregator aggregator = Lambdas.aggregator(op.get("fn").asText());
        if (materialized == null) {
            return stream.aggregate(initializer, aggregator);
        }
        return named == null
            ? stream.aggregate(initializer, aggregator, materialized)
            : stream.aggregate(initializer, aggregator, named, materialized);
    }

    private static Object table(KGroupedTable table, JsonNode op, String kind) {
        Named named = Options.named(op);
        Materialized materialized = Options.materialized(op);
        if (kind.equals("count")) {
            if (materialized == null) {
                return named == null ? table.count() : table.count(named);
            }
            return named == null ? table.count(materialized) : table.count(named, materialized);
        } else if (kind.equals("reduce")) {
            Reducer adder = Lambdas.reducer(op.get("fn").asText());
            Reducer subtractor = Lambdas.reducer(op.get("subtractor").asText());
            if (materialized == null) {
                return table.reduce(adder, subtractor);
            }
            return named == null
                ? table.reduce(adder, subtractor, materialized) : table.reduce(adder, subtractor, named, materialized);
        }
        Initializer initializer = Lambdas.initializer(op.get("initializer").asText());
        Aggregator adder = Lambdas.aggregator(op.get("fn").asText());
        Aggregator subtractor = Lambdas.aggregator(op.get("subtractor").asText());
        if (materialized == null) {
            return named == null
                ? table.aggregate(initializer, adder, subtractor) : table.aggregate(initializer, adder, subtractor, named);
        }
        return named == null
            ? table.aggregate(initializer, adder, subtractor, materialized)
            : table.aggregate(initializer, adder, subtractor, named, materialized);
    }

    private static Object timeWindowed(TimeWindowedKStream stream, JsonNode op, String kind) {
        Named named = Options.named(op);
        Materialized materialized = Options.materialized(op);
        if (kind.equals("count")) {
            if (materialized == null) {
                return named == null ? stream.count() : stream.count(named);
            }
            return named == null ? stream.count(materialized) : stream.count(named, materialized);
        } else if (kind.equals("reduce")) {
            Reducer reducer = Lambdas.reducer(op.get("fn").asText());
            if (materialized == null) {
                return named == null ? stream.reduce(reducer) : stream.reduce(reducer, named);
            }
            return named == null ? stream.reduce(reducer, materialized) : stream.reduce(reducer, named, materialized);
        }
        Initializer initializer = Lambdas.initializer(op.get("initializer").asText());
        Aggregator aggregator = Lambdas.aggregator(op.get("fn").asText());
        if (materialized == null) {
            return named == null
                ? stream.aggregate(initializer, aggregator) : stream.aggregate(initializer, aggregator, named);
        }
        return named == null
            ? stream.aggregate(initializer, aggregator, materialized)
            : stream.aggregate(initializer, aggregator, named, materialized);
    }

    private static Object sessionWindowed(SessionWindowedKStream stream, JsonNode op, String kind) {
        Named named = Options.named(op);
        Materialized materialized = Options.materialized(op);
        if (kind.equals("count")) {
            if (materialized == null) {
                return named == null ? stream.count() : stream.count(named);
            }
            return named == null ? stream.count(materialized) : stream.count(named, materialized);
        } else if (kind.equals("reduce")) {
            Reducer reducer = Lambdas.reducer(op.get("fn").asText());
            if (materialized == null) {
                return named == null ? stream.reduce(reducer) : stream.reduce(reducer, named);
            }
            return named == null ? stream.reduce(reducer, materialized) : stream.reduce(reducer, named, materialized);
        }
        Initializer initializer = Lambdas.initializer(op.get("initializer").asText());
        Aggregator aggregator = Lambdas.aggregator(op.get("fn").asText());
        Merger merger = Lambdas.merger(op.get("merger").asText());
        if (materialized == null) {
            return named == null
                ? stream.aggregate(initializer, aggregator, merger)
                : stream.aggregate(initializer, aggregator, merger, named);
        }
        return named == null
            ? stream.aggregate(initializer, aggregator, merger, materialized)
            : stream.aggregate(initializer, aggregator, merger, named, materialized);
    }

    private static Object cogrouped(Object on, JsonNode op) {
        Named named = Options.named(op);
        Materialized materialized = Options.materialized(op);
        Initializer initializer = Lambdas.initializer(op.get("initializer").asText());
        if (on instanceof SessionWindowedCogroupedKStream stream) {
            Merger merger = Lambdas.merger(op.get("merger").asText());
            if (materialized == null) {
                return named == null
                    ? stream.aggregate(initializer, merger) : stream.aggregate(initializer, merger, named);
            }
            return named == null
                ? stream.aggregate(initializer, merger, materialized)
                : stream.aggregate(initializer, merger, named, materialized);
        } else if (on instanceof TimeWindowedCogroupedKStream stream) {
            if (materialized == null) {
                return named == null ? stream.aggregate(initializer) : stream.aggregate(initializer, named);
            }
            return named == null
                ? stream.aggregate(initializer, materialized) : stream.aggregate(initializer, named, materialized);
        }
        CogroupedKStream stream = (CogroupedKStream) on;
        if (materialized == null) {
            return named == null ? stream.aggregate(initializer) : stream.aggregate(initializer, named);
        }
        return named == null
            ? stream.aggregate(initializer, materialized) : stream.aggregate(initializer, named, materialized);
    }
}
