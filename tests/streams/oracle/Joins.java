import com.fasterxml.jackson.databind.JsonNode;

import org.apache.kafka.streams.kstream.GlobalKTable;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.Joined;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.KeyValueMapper;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.kstream.TableJoined;
import org.apache.kafka.streams.kstream.ValueJoiner;
import org.apache.kafka.streams.kstream.ValueJoinerWithKey;

/** Joins of streams, tables and global tables: `on` names both sides, `fn` or `with_key` the joiner. */
@SuppressWarnings({"rawtypes", "unchecked"})
final class Joins {
    private Joins() {}

    static Object join(OpTree tree, JsonNode op, String kind) {
        Object self = tree.self(op);
        Object other = tree.other(op);
        if (self instanceof KTable table) {
            return op.has("foreign_key") || op.has("foreign_key_with_key")
                ? foreignKey(table, (KTable) other, op, kind) : tables(table, (KTable) other, op, kind);
        } else if (other instanceof KTable table) {
            return streamTable((KStream) self, table, op, kind);
        } else if (other instanceof GlobalKTable table) {
            return global((KStream) self, table, op, kind);
        }
        return streams((KStream) self, (KStream) other, op, kind);
    }

    private static ValueJoinerWithKey joiner(JsonNode op) {
        if (op.has("with_key")) {
            return Lambdas.joinerWithKey(op.get("with_key").asText());
        }
        ValueJoiner plain = Lambdas.joiner(op.get("fn").asText());
        return (key, left, right) -> plain.apply(left, right);
    }

    private static Object streams(KStream left, KStream right, JsonNode op, String kind) {
        JoinWindows windows = Options.joinWindows(op.get("windows"));
        StreamJoined joined = Options.streamJoined(op);
        ValueJoinerWithKey joiner = joiner(op);
        return switch (kind) {
            case "join" -> joined == null ? left.join(right, joiner, windows) : left.join(right, joiner, windows, joined);
            case "left_join" -> joined == null
                ? left.leftJoin(right, joiner, windows) : left.leftJoin(right, joiner, windows, joined);
            default -> joined == null
                ? left.outerJoin(right, joiner, windows) : left.outerJoin(right, joiner, windows, joined);
        };
    }

    private static Object streamTable(KStream stream, KTable table, JsonNode op, String kind) {
        Joined joined = Options.joined(op);
        ValueJoinerWithKey joiner = joiner(op);
        if (kind.equals("join")) {
            return joined == null ? stream.join(table, joiner) : stream.join(table, joiner, joined);
        }
        return joined == null ? stream.leftJoin(table, joiner) : stream.leftJoin(table, joiner, joined);
    }

    private static Object global(KStream stream, GlobalKTable table, JsonNode op, String kind) {
        KeyValueMapper selector = Lambdas.keySelector(op.get("key_selector").asText());
        ValueJoinerWithKey joiner = joiner(op);
        Named named = Options.named(op);
        if (kind.equals("join")) {
            return named == null
                ? stream.join(table, selector, joiner) : stream.join(table, selector, joiner, named);
        }
        return named == null
            ? stream.leftJoin(table, selector, joiner) : stream.leftJoin(table, selector, joiner, named);
    }

    private static Object tables(KTable left, KTable right, JsonNode op, String kind) {
        ValueJoiner joiner = Lambdas.joiner(op.get("fn").asText());
        Named named = Options.named(op);
        Materialized materialized = Options.materialized(op);
        if (named == null && materialized == null) {
            return switch (kind) {
                case "join" -> left.join(right, joiner);
                case "left_join" -> left.leftJoin(right, joiner);
                default -> left.outerJoin(right, joiner);
            };
        } else if (materialized == null) {
            return switch (kind) {
                case "join" -> left.join(right, joiner, named);
                case "left_join" -> left.leftJoin(right, joiner, named);
                default -> left.outerJoin(right, joiner, named);
            };
        } else if (named == null) {
            return switch (kind) {
                case "join" -> left.join(right, joiner, materialized);
                case "left_join" -> left.leftJoin(right, joiner, materialized);
                default -> left.outerJoin(right, joiner, materialized);
            };
        }
        return switch (kind) {
            case "join" -> left.join(right, joiner, named, materialized);
            case "left_join" -> left.leftJoin(right, joiner, named, materialized);
            default -> left.outerJoin(right, joiner, named, materialized);
        };
    }

    private static Object foreignKey(KTable left, KTable right, JsonNode op, String kind) {
        ValueJoiner joiner = Lambdas.joiner(op.get("fn").asText());
        TableJoined joined = op.has("table_joined") ? Options.tableJoined(op) : TableJoined.with(null, null);
        Materialized given = Options.materialized(op);
        Materialized materialized = given == null ? Materialized.with(null, null) : given;
        if (op.has("foreign_key_with_key")) {
            var extractor = Lambdas.foreignKeyWithKey(op.get("foreign_key_with_key").asText());
            return kind.equals("join")
                ? left.join(right, extractor, joiner, joined, materialized)
                : left.leftJoin(right, extractor, joiner, joined, materialized);
        }
        var extractor = Lambdas.foreignKey(op.get("foreign_key").asText());
        return kind.equals("join")
            ? left.join(right, extractor, joiner, joined, materialized)
            : left.leftJoin(right, extractor, joiner, joined, materialized);
    }
}
