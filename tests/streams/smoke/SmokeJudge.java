import java.time.Duration;
import java.util.Map;
import java.util.Set;

import org.apache.kafka.streams.tests.SmokeTestDriver;

/** SmokeJudge BOOTSTRAP KEYS RECORDS SECONDS: Kafka Streams' own driver makes the input, and judges what came out. */
public final class SmokeJudge {
    public static void main(String[] arguments) {
        int keys = Integer.parseInt(arguments[1]);
        int records = Integer.parseInt(arguments[2]);
        Duration time = Duration.ofSeconds(Long.parseLong(arguments[3]));
        System.out.println("JUDGE-STARTED");
        Map<String, Set<Integer>> input = SmokeTestDriver.generate(arguments[0], keys, records, time);
        System.out.println("JUDGE-GENERATED");
        System.exit(SmokeTestDriver.verify(arguments[0], input, records, true).passed() ? 0 : 1);
    }
}
