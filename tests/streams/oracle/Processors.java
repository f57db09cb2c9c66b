import java.time.Duration;

import org.apache.kafka.streams.kstream.ValueTransformerWithKey;
import org.apache.kafka.streams.kstream.ValueTransformerWithKeySupplier;
import org.apache.kafka.streams.processor.ProcessorContext;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.RecordContext;
import org.apache.kafka.streams.processor.TopicNameExtractor;
import org.apache.kafka.streams.processor.api.ContextualFixedKeyProcessor;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorSupplier;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.processor.api.ProcessorSupplier;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** The processors that an op-tree may name. `processors.py` has the same ones in Python. */
final class Processors {
    private Processors() {}

    /** Names the topic after the record's key. */
    static final class ByKey implements TopicNameExtractor<Object, Object> {
        @Override
        public String extract(Object key, Object value, RecordContext context) {
            return "to-" + Lambdas.text(key);
        }

        @Override
        public String toString() {
            return "ByKey";
        }
    }

    static ProcessorSupplier<Object, Object, Object, Object> processor(String name) {
        return switch (name) {
            case "swap" -> () -> new ContextualProcessor<>() {
                @Override
                public void process(Record<Object, Object> record) {
                    context().forward(record.withKey((Object) Lambdas.text(record.value()))
                        .withValue(Lambdas.text(record.key())).withTimestamp(record.timestamp() + 1));
                }
            };
            case "count_in_store" -> () -> new ContextualProcessor<>() {
                @Override
                public void process(Record<Object, Object> record) {
                    KeyValueStore<Object, Object> store = context().getStateStore("counts");
                    Object before = store.get(record.key());
                    long count = before == null ? 1 : (Long) before + 1;
                    store.put(record.key(), count);
                    context().forward(record.withValue((Object) (Lambdas.text(record.value()) + count)));
                }
            };
            case "punctuate" -> Punctuating::new;
            default -> throw new IllegalArgumentException("no processor " + name);
        };
    }

    /** Forwards how much it saw, every 10 ms of stream time and every 100 ms of the clock. */
    private static final class Punctuating extends ContextualProcessor<Object, Object, Object, Object> {
        private long seen;

        @Override
        public void init(org.apache.kafka.streams.processor.api.ProcessorContext<Object, Object> context) {
            super.init(context);
            context.schedule(Duration.ofMillis(10), PunctuationType.STREAM_TIME, now -> tell("stream", now));
            context.schedule(Duration.ofMillis(100), PunctuationType.WALL_CLOCK_TIME, now -> tell("clock", now));
        }

        private void tell(String what, long now) {
            context().forward(new Record<>(what, "seen " + seen, now));
        }

        @Override
        public void process(Record<Object, Object> record) {
            seen++;
        }
    }

    static FixedKeyProcessorSupplier<Object, Object, Object> fixedKey(String name) {
        return switch (name) {
            case "tag" -> () -> new ContextualFixedKeyProcessor<>() {
                @Override
                public void process(FixedKeyRecord<Object, Object> record) {
                    context().forward(record.withValue((Object) (Lambdas.text(record.value()) + "!")));
                }
            };
            default -> throw new IllegalArgumentException("no processor of values " + name);
        };
    }

    static ValueTransformerWithKeySupplier<Object, Object, Object> transformer(String name) {
        return switch (name) {
            case "concat" -> () -> new ValueTransformerWithKey<>() {
                @Override
                public void init(ProcessorContext context) { }

                @Override
                public Object transform(Object key, Object value) {
                    return value == null ? null : Lambdas.text(key) + ":" + Lambdas.text(value);
                }

                @Override
                public void close() { }
            };
            default -> throw new IllegalArgumentException("no transformer " + name);
        };
    }
}
