import java.time.Duration;
import java.util.Arrays;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;

import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Joined;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.TimeWindows;

/**
 * The workloads of bench/streams in Kafka Streams; node by node what ottla_app.py is.
 *
 *   StreamsBench WORKLOAD KEY=VALUE...
 *
 * Each state of the application is told as a line. SIGTERM ends it.
 */
public final class StreamsBench {
    public static void main(String[] arguments) throws Exception {
        Properties properties = new Properties();
        for (String setting : Arrays.asList(arguments).subList(1, arguments.length)) {
            String[] parts = setting.split("=", 2);
            properties.put(parts[0], parts[1]);
        }
        StreamsBuilder builder = new StreamsBuilder();
        build(builder, arguments[0]);
        KafkaStreams streams = new KafkaStreams(builder.build(), properties);
        CountDownLatch ended = new CountDownLatch(1);
        streams.setStateListener((now, before) -> {
            System.out.println(now);
            if (now.hasCompletedShutdown()) {
                ended.countDown();
            }
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(60))));
        streams.start();
        ended.await();
    }

    private static void build(StreamsBuilder builder, String workload) {
        KStream<String, String> in = builder.stream("in", Consumed.with(Serdes.String(), Serdes.String()));
        switch (workload) {
            case "map-filter":
                in.filter((key, value) -> !value.endsWith("0"))
                    .mapValues(value -> value + "0")
                    .to("out", Produced.with(Serdes.String(), Serdes.String()));
                break;
            case "count":
                in.groupByKey(Grouped.with(Serdes.String(), Serdes.String()))
                    .count(Materialized.as("counts"))
                    .toStream()
                    .to("out", Produced.with(Serdes.String(), Serdes.Long()));
                break;
            case "windowed-sum":
                in.groupByKey(Grouped.with(Serdes.String(), Serdes.String()))
                    .windowedBy(TimeWindows.ofSizeWithNoGrace(Duration.ofMinutes(1)))
                    .aggregate(
                        () -> 0L,
                        (key, value, sum) -> sum + Long.parseLong(value),
                        Materialized.with(Serdes.String(), Serdes.Long()))
                    .toStream((window, sum) -> window.key())
                    .to("out", Produced.with(Serdes.String(), Serdes.Long()));
                break;
            case "join":
                in.join(
                        builder.table("table", Consumed.with(Serdes.String(), Serdes.String())),
                        (value, name) -> value + name,
                        Joined.with(Serdes.String(), Serdes.String(), Serdes.String()))
                    .to("out", Produced.with(Serdes.String(), Serdes.String()));
                break;
            default:
                throw new IllegalArgumentException(workload);
        }
    }
}
