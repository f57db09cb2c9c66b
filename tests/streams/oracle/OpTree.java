import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

import com.fasterxml.jackson.databind.JsonNode;

import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Branched;
import org.apache.kafka.streams.kstream.BranchedKStream;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.KeyValueMapper;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.kstream.Predicate;
import org.apache.kafka.streams.kstream.Printed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.kstream.ValueMapper;
import org.apache.kafka.streams.kstream.ValueMapperWithKey;
import org.apache.kafka.streams.processor.TopicNameExtractor;
import org.apache.kafka.streams.state.Stores;

/** Writes into a StreamsBuilder what a list of statements says: `{"id": …, "op": …, "on": [ids], …}`. */
@SuppressWarnings({"rawtypes", "unchecked"})
final class OpTree {
    private final StreamsBuilder builder;
    private final Map<String, Object> made = new HashMap<>();

    OpTree(StreamsBuilder builder) {
        this.builder = builder;
    }

    void write(JsonNode statements) {
        for (JsonNode op : statements) {
            Object result = apply(op);
            if (op.has("id")) {
                made.put(op.get("id").asText(), result);
            }
        }
    }

    private Object on(JsonNode op, int index) {
        JsonNode on = op.get("on");
        String id = on.isArray() ? on.get(index).asText() : on.asText();
        Object found = made.get(id);
        if (found == null) {
            throw new IllegalArgumentException("no " + id);
        }
        return found;
    }

    private Object apply(JsonNode op) {
        String kind = op.get("op").asText();
        return switch (kind) {
            case "stream", "table", "global_table", "add_state_store" -> source(op, kind);
            case "join", "left_join", "outer_join" -> Joins.join(this, op, kind);
            default -> {
                Object on = on(op, 0);
                if (on instanceof KStream stream) {
                    yield stream(stream, op, kind);
                } else if (on instanceof KTable table) {
                    yield table(table, op, kind);
                } else {
                    yield grouped(on, op, kind);
                }
            }
        };
    }

    private Object source(JsonNode op, String kind) {
        if (kind.equals("add_state_store")) {
            Serde key = Options.serde(op, "key");
            Serde value = Options.serde(op, "value");
            String name = op.get("name").asText();
            return builder.addStateStore(Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore(name), key, value));
        }
        Consumed consumed = Options.consumed(op);
        if (kind.equals("stream")) {
            if (op.has("pattern")) {
                return builder.stream(Pattern.compile(op.get("pattern").asText()), consumed);
            }
            List<String> topics = new ArrayList<>();
            op.get("topics").forEach(each -> topics.add(each.asText()));
            return builder.stream(topics, consumed);
        }
        String topic = op.get("topic").asText();
        Materialized materialized = Options.materialized(op);
        if (kind.equals("table")) {
            return materialized == null ? builder.table(topic, consumed) : builder.table(topic, consumed, materialized);
        }
        return materialized == null
            ? builder.globalTable(topic, consumed) : builder.globalTable(topic, consumed, materialized);
    }

    Object other(JsonNode op) {
        return on(op, 1);
    }

    Object self(JsonNode op) {
        return on(op, 0);
    }

    static Object valueMapper(JsonNode op) {
        return op.has("with_key")
            ? Lambdas.mapperWithKey(op.get("with_key").asText()) : Lambdas.mapper(op.get("fn").asText());
    }

    private Object stream(KStream stream, JsonNode op, String kind) {
        Named named = Options.named(op);
        String fn = Options.string(op, "fn");
        return switch (kind) {
            case "filter" -> named == null
                ? stream.filter(Lambdas.predicate(fn)) : stream.filter(Lambdas.predicate(fn), named);
            case "filter_not" -> named == null
                ? stream.filterNot(Lambdas.predicate(fn)) : stream.filterNot(Lambdas.predicate(fn), named);
            case "select_key" -> named == null
                ? stream.selectKey(Lambdas.keySelector(fn)) : stream.selectKey(Lambdas.keySelector(fn), named);
            case "map" -> named == null
                ? stream.map((KeyValueMapper) Lambdas.pairMapper(fn))
                : stream.map((KeyValueMapper) Lambdas.pairMapper(fn), named);
            case "flat_map" -> named == null
                ? stream.flatMap((KeyValueMapper) Lambdas.flatPairMapper(fn))
                : stream.flatMap((KeyValueMapper) Lambdas.flatPairMapper(fn), named);
            case "map_values" -> mapValues(stream, op, named);
            case "flat_map_values" -> flatMapValues(stream, op, named);
            case "peek" -> named == null ? stream.peek(Lambdas.action()) : stream.peek(Lambdas.action(), named);
            case "merge" -> named == null
                ? stream.merge((KStream) on(op, 1)) : stream.merge((KStream) on(op, 1), named);
            case "split" -> split(stream, op, named);
            case "foreach" -> {
                if (named == null) {
                    stream.foreach(Lambdas.action());
                } else {
                    stream.foreach(Lambdas.action(), named);
                }
                yield null;
            }
            case "print" -> {
                Printed printed = Printed.toFile("/dev/null");
                stream.print(op.has("named") ? printed.withName(op.get("named").asText()) : printed);
                yield null;
            }
            case "to" -> to(stream, op);
            case "repartition" -> {
                Repartitioned repartitioned = Options.repartitioned(op);
                yield repartitioned == null ? stream.repartition() : stream.repartition(repartitioned);
            }
            case "to_table" -> toTable(stream, named, Options.materialized(op));
            case "group_by_key" -> {
                Grouped grouped = Options.grouped(op);
                yield grouped == null ? stream.groupByKey() : stream.groupByKey(grouped);
            }
            case "group_by" -> {
                Grouped grouped = Options.grouped(op);
                yield grouped == null
                    ? stream.groupBy(Lambdas.keySelector(fn)) : stream.groupBy(Lambdas.keySelector(fn), grouped);
            }
            case "process" -> named == null
                ? stream.process(Processors.processor(fn), stores(op))
                : stream.process(Processors.processor(fn), named, stores(op));
            case "process_values" -> named == null
                ? stream.processValues(Processors.fixedKey(fn), stores(op))
                : stream.processValues(Processors.fixedKey(fn), named, stores(op));
            default -> throw new IllegalArgumentException("no operator of streams " + kind);
        };
    }

    static String[] stores(JsonNode op) {
        List<String> names = new ArrayList<>();
        if (op.has("stores")) {
            op.get("stores").forEach(each -> names.add(each.asText()));
        }
        return names.toArray(new String[0]);
    }

    private static Object mapValues(KStream stream, JsonNode op, Named named) {
        Object mapper = valueMapper(op);
        if (mapper instanceof ValueMapper plain) {
            return named == null ? stream.mapValues(plain) : stream.mapValues(plain, named);
        }
        ValueMapperWithKey withKey = (ValueMapperWithKey) mapper;
        return named == null ? stream.mapValues(withKey) : stream.mapValues(withKey, named);
    }

    private static Object flatMapValues(KStream stream, JsonNode op, Named named) {
        if (op.has("with_key")) {
            ValueMapperWithKey mapper = Lambdas.flatMapperWithKey(op.get("with_key").asText());
            return named == null ? stream.flatMapValues(mapper) : stream.flatMapValues(mapper, named);
        }
        ValueMapper mapper = Lambdas.flatMapper(op.get("fn").asText());
        return named == null ? stream.flatMapValues(mapper) : stream.flatMapValues(mapper, named);
    }

    /** `branches`: [{fn, name?, map_values?}], `default`: absent, or {name?}; the ids of the branches are `id.0` … */
    private Object split(KStream stream, JsonNode op, Named named) {
        BranchedKStream branched = named == null ? stream.split() : stream.split(named);
        List<KStream> found = new ArrayList<>();
        int index = 0;
        String id = op.get("id").asText();
        for (JsonNode branch : op.get("branches")) {
            String key = id + "." + index++;
            branched = branched.branch(Lambdas.predicate(branch.get("fn").asText()), branched(branch, key));
        }
        if (op.has("default")) {
            branched.defaultBranch(branched(op.get("default"), id + ".default"));
        } else {
            branched.noDefaultBranch();
        }
        return found;
    }

    private Branched branched(JsonNode branch, String key) {
        String name = Options.string(branch, "name");
        Branched made = Branched.withConsumer(stream -> this.made.put(key, stream));
        return name == null ? made : made.withName(name);
    }

    private static Object to(KStream stream, JsonNode op) {
        Produced produced = Options.produced(op);
        if (op.has("extractor")) {
            TopicNameExtractor extractor = new Processors.ByKey();
            if (produced == null) {
                stream.to(extractor);
            } else {
                stream.to(extractor, produced);
            }
        } else if (produced == null) {
            stream.to(op.get("topic").asText());
        } else {
            stream.to(op.get("topic").asText(), produced);
        }
        return null;
    }

    private static Object toTable(KStream stream, Named named, Materialized materialized) {
        if (materialized == null) {
            return named == null ? stream.toTable() : stream.toTable(named);
        }
        return named == null ? stream.toTable(materialized) : stream.toTable(named, materialized);
    }

    private Object table(KTable table, JsonNode op, String kind) {
        Named named = Options.named(op);
        Materialized materialized = Options.materialized(op);
        String fn = Options.string(op, "fn");
        return switch (kind) {
            case "filter", "filter_not" -> filter(table, op, kind.equals("filter_not"), named, materialized);
            case "map_values" -> tableMapValues(table, op, named, materialized);
            case "transform_values" -> transformValues(table, op, named, materialized);
            case "to_stream" -> {
                if (fn == null) {
                    yield named == null ? table.toStream() : table.toStream(named);
                }
                yield named == null
                    ? table.toStream(Lambdas.keySelector(fn)) : table.toStream(Lambdas.keySelector(fn), named);
            }
            case "suppress" -> table.suppress(Options.suppressed(op.get("suppressed")));
            case "group_by" -> {
                Grouped grouped = Options.grouped(op);
                yield grouped == null
                    ? table.groupBy(Lambdas.pairMapper(fn)) : table.groupBy(Lambdas.pairMapper(fn), grouped);
            }
            default -> throw new IllegalArgumentException("no operator of tables " + kind);
        };
    }

    private static Object filter(KTable table, JsonNode op, boolean not, Named named, Materialized materialized) {
        Predicate predicate = Lambdas.predicate(op.get("fn").asText());
        if (materialized == null && named == null) {
            return not ? table.filterNot(predicate) : table.filter(predicate);
        } else if (materialized == null) {
            return not ? table.filterNot(predicate, named) : table.filter(predicate, named);
        } else if (named == null) {
            return not ? table.filterNot(predicate, materialized) : table.filter(predicate, materialized);
        }
        return not ? table.filterNot(predicate, named, materialized) : table.filter(predicate, named, materialized);
    }

    private static Object tableMapValues(KTable table, JsonNode op, Named named, Materialized materialized) {
        if (valueMapper(op) instanceof ValueMapper mapper) {
            if (materialized == null) {
                return named == null ? table.mapValues(mapper) : table.mapValues(mapper, named);
            }
            return named == null ? table.mapValues(mapper, materialized) : table.mapValues(mapper, named, materialized);
        }
        ValueMapperWithKey mapper = (ValueMapperWithKey) valueMapper(op);
        if (materialized == null) {
            return named == null ? table.mapValues(mapper) : table.mapValues(mapper, named);
        }
        return named == null ? table.mapValues(mapper, materialized) : table.mapValues(mapper, named, materialized);
    }

    private static Object transformValues(KTable table, JsonNode op, Named named, Materialized materialized) {
        var transformer = Processors.transformer(op.get("fn").asText());
        if (materialized == null) {
            return named == null
                ? table.transformValues(transformer, stores(op)) : table.transformValues(transformer, named, stores(op));
        }
        return named == null
            ? table.transformValues(transformer, materialized, stores(op))
            : table.transformValues(transformer, materialized, named, stores(op));
    }

    private Object grouped(Object on, JsonNode op, String kind) {
        return Aggregations.apply(this, on, op, kind);
    }
}
