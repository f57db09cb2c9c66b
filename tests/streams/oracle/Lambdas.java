import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.BiFunction;
import java.util.function.Function;

import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.kstream.Aggregator;
import org.apache.kafka.streams.kstream.ForeachAction;
import org.apache.kafka.streams.kstream.Initializer;
import org.apache.kafka.streams.kstream.KeyValueMapper;
import org.apache.kafka.streams.kstream.Merger;
import org.apache.kafka.streams.kstream.Predicate;
import org.apache.kafka.streams.kstream.Reducer;
import org.apache.kafka.streams.kstream.ValueJoiner;
import org.apache.kafka.streams.kstream.ValueJoinerWithKey;
import org.apache.kafka.streams.kstream.ValueMapper;
import org.apache.kafka.streams.kstream.ValueMapperWithKey;
import org.apache.kafka.streams.kstream.Windowed;

/** The functions that an op-tree may name. `lambdas.py` has the same ones in Python. */
final class Lambdas {
    private Lambdas() {}

    static String text(Object any) {
        if (any instanceof Windowed<?> windowed) {
            return text(windowed.key()) + "@" + windowed.window().start() + "/" + windowed.window().end();
        }
        return String.valueOf(any);
    }

    private static boolean isEven(Object any) {
        return any instanceof Long number ? number % 2 == 0 : text(any).length() % 2 == 0;
    }

    private static String firstChar(Object any) {
        String text = text(any);
        return any == null || text.isEmpty() ? null : text.substring(0, 1);
    }

    static Predicate<Object, Object> predicate(String name) {
        return switch (name) {
            case "always" -> (key, value) -> true;
            case "never" -> (key, value) -> false;
            case "is_even" -> (key, value) -> isEven(value);
            case "key_is_even" -> (key, value) -> isEven(key);
            case "has_key" -> (key, value) -> key != null;
            case "is_early" -> (key, value) -> text(value).compareTo("m") < 0;
            default -> throw new IllegalArgumentException("no predicate " + name);
        };
    }

    static ValueMapper<Object, Object> mapper(String name) {
        return switch (name) {
            case "identity" -> value -> value;
            case "upper" -> value -> value == null ? null : text(value).toUpperCase(Locale.ROOT);
            case "length" -> value -> (long) text(value).length();
            case "tag" -> value -> text(value) + "!";
            case "null_if_even" -> value -> isEven(value) ? null : value;
            case "text" -> Lambdas::text;
            case "first_char" -> Lambdas::firstChar;
            default -> throw new IllegalArgumentException("no mapper of values " + name);
        };
    }

    static ValueMapperWithKey<Object, Object, Object> mapperWithKey(String name) {
        return switch (name) {
            case "concat" -> (key, value) -> text(key) + ":" + text(value);
            case "key" -> (key, value) -> text(key);
            default -> throw new IllegalArgumentException("no mapper of values with keys " + name);
        };
    }

    static ValueMapper<Object, Iterable<Object>> flatMapper(String name) {
        return switch (name) {
            case "words" -> value -> words(value);
            case "twice" -> value -> List.of(text(value), text(value));
            case "none" -> value -> List.of();
            default -> throw new IllegalArgumentException("no flat mapper of values " + name);
        };
    }

    private static List<Object> words(Object value) {
        List<Object> found = new ArrayList<>();
        for (String each : text(value).split(" ")) {
            if (!each.isEmpty()) {
                found.add(each);
            }
        }
        return found;
    }

    static ValueMapperWithKey<Object, Object, Iterable<Object>> flatMapperWithKey(String name) {
        return switch (name) {
            case "key_and_value" -> (key, value) -> List.of(text(key), text(value));
            default -> throw new IllegalArgumentException("no flat mapper of values with keys " + name);
        };
    }

    static KeyValueMapper<Object, Object, Object> keySelector(String name) {
        return switch (name) {
            case "first_char" -> (key, value) -> firstChar(value);
            case "value" -> (key, value) -> value == null ? null : text(value);
            case "same_key" -> (key, value) -> key;
            case "text_key" -> (key, value) -> key == null ? null : text(key);
            case "no_key" -> (key, value) -> null;
            case "length_key" -> (key, value) -> String.valueOf(text(value).length());
            default -> throw new IllegalArgumentException("no key selector " + name);
        };
    }

    static KeyValueMapper<Object, Object, KeyValue<Object, Object>> pairMapper(String name) {
        return switch (name) {
            case "swap" -> (key, value) -> KeyValue.pair(text(value), text(key));
            case "by_first_char" -> (key, value) -> KeyValue.pair(firstChar(value), text(value));
            case "tag_value" -> (key, value) -> KeyValue.pair(key, text(value) + "!");
            case "length_by_first_char" -> (key, value) -> KeyValue.pair(firstChar(value), (long) text(value).length());
            default -> throw new IllegalArgumentException("no mapper of pairs " + name);
        };
    }

    static KeyValueMapper<Object, Object, Iterable<KeyValue<Object, Object>>> flatPairMapper(String name) {
        return switch (name) {
            case "by_word" -> (key, value) -> {
                List<KeyValue<Object, Object>> found = new ArrayList<>();
                words(value).forEach(each -> found.add(KeyValue.pair(each, text(value))));
                return found;
            };
            default -> throw new IllegalArgumentException("no flat mapper of pairs " + name);
        };
    }

    static ValueJoiner<Object, Object, Object> joiner(String name) {
        return switch (name) {
            case "join" -> (left, right) -> text(left) + "+" + text(right);
            case "left" -> (left, right) -> left;
            case "null_if_even" -> (left, right) ->
                isEven(text(left) + text(right)) ? null : text(left) + "+" + text(right);
            default -> throw new IllegalArgumentException("no joiner " + name);
        };
    }

    static ValueJoinerWithKey<Object, Object, Object, Object> joinerWithKey(String name) {
        return switch (name) {
            case "join_with_key" -> (key, left, right) -> text(key) + ":" + text(left) + "+" + text(right);
            default -> throw new IllegalArgumentException("no joiner with key " + name);
        };
    }

    static Initializer<Object> initializer(String name) {
        return switch (name) {
            case "empty" -> () -> "";
            case "zero" -> () -> 0L;
            default -> throw new IllegalArgumentException("no initializer " + name);
        };
    }

    static Aggregator<Object, Object, Object> aggregator(String name) {
        return switch (name) {
            case "concat" -> (key, value, aggregate) -> text(aggregate) + text(value);
            case "concat_minus" -> (key, value, aggregate) -> text(aggregate) + "-" + text(value);
            case "sum" -> (key, value, aggregate) -> (Long) aggregate + number(value);
            case "subtract" -> (key, value, aggregate) -> (Long) aggregate - number(value);
            case "null_if_even" -> (key, value, aggregate) -> isEven(value) ? null : text(aggregate) + text(value);
            default -> throw new IllegalArgumentException("no aggregator " + name);
        };
    }

    private static long number(Object value) {
        return value instanceof Long number ? number : text(value).length();
    }

    static Reducer<Object> reducer(String name) {
        return switch (name) {
            case "concat" -> (aggregate, value) -> text(aggregate) + text(value);
            case "concat_minus" -> (aggregate, value) -> text(aggregate) + "-" + text(value);
            case "add" -> (aggregate, value) -> (Long) aggregate + (Long) value;
            case "subtract" -> (aggregate, value) -> (Long) aggregate - (Long) value;
            case "last" -> (aggregate, value) -> value;
            case "max" -> (aggregate, value) -> text(aggregate).compareTo(text(value)) >= 0 ? aggregate : value;
            default -> throw new IllegalArgumentException("no reducer " + name);
        };
    }

    static Merger<Object, Object> merger(String name) {
        return switch (name) {
            case "concat" -> (key, one, two) -> text(one) + text(two);
            case "add" -> (key, one, two) -> (Long) one + (Long) two;
            default -> throw new IllegalArgumentException("no merger " + name);
        };
    }

    static Function<Object, Object> foreignKey(String name) {
        return switch (name) {
            case "first_char" -> Lambdas::firstChar;
            case "value" -> value -> value == null ? null : text(value);
            default -> throw new IllegalArgumentException("no extractor of foreign keys " + name);
        };
    }

    static BiFunction<Object, Object, Object> foreignKeyWithKey(String name) {
        return switch (name) {
            case "key_first_char" -> (key, value) -> firstChar(key);
            default -> throw new IllegalArgumentException("no extractor of foreign keys with keys " + name);
        };
    }

    static ForeachAction<Object, Object> action() {
        return (key, value) -> { };
    }
}
