import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import org.apache.kafka.coordinator.group.streams.assignor.AssignmentMemberSpec;
import org.apache.kafka.coordinator.group.streams.assignor.GroupAssignment;
import org.apache.kafka.coordinator.group.streams.assignor.GroupSpecImpl;
import org.apache.kafka.coordinator.group.streams.assignor.MemberAssignment;
import org.apache.kafka.coordinator.group.streams.assignor.StickyTaskAssignor;
import org.apache.kafka.coordinator.group.streams.assignor.TopologyDescriber;

/**
 * Apache Kafka's own task assignor as an oracle: each line of the input is answered by one line, both JSON.
 *
 *   question  {"members": [[member id, process id, active, standby], ...],
 *              "topology": {subtopology id: [tasks, is stateful], ...}, "standbys": count}
 *   answer    {member id: [active, standby], ...}
 *
 * Tasks are {subtopology id: [partition, ...]}.
 */
public final class StreamsAssignor {
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println(JSON.writeValueAsString(answer(JSON.readTree(line))));
        }
        out.flush();
    }

    private static Map<String, List<Map<String, Set<Integer>>>> answer(JsonNode question) {
        Map<String, AssignmentMemberSpec> members = new HashMap<>();
        for (JsonNode each : question.get("members")) {
            members.put(each.get(0).asText(), new AssignmentMemberSpec(
                Optional.empty(), Optional.empty(), tasks(each.get(2)), tasks(each.get(3)), Map.of(),
                each.get(1).asText(), Map.of(), Map.of(), Map.of()));
        }
        Map<String, String> configs = Map.of("num.standby.replicas", question.get("standbys").asText());
        GroupAssignment made = new StickyTaskAssignor().assign(
            new GroupSpecImpl(members, configs), new Topology(question.get("topology")));
        Map<String, List<Map<String, Set<Integer>>>> told = new TreeMap<>();
        for (Map.Entry<String, MemberAssignment> each : made.members().entrySet()) {
            told.put(each.getKey(), List.of(sorted(each.getValue().activeTasks()), sorted(each.getValue().standbyTasks())));
        }
        return told;
    }

    private static Map<String, Set<Integer>> tasks(JsonNode node) {
        Map<String, Set<Integer>> tasks = new HashMap<>();
        node.fields().forEachRemaining(entry -> {
            Set<Integer> partitions = new HashSet<>();
            entry.getValue().forEach(partition -> partitions.add(partition.asInt()));
            tasks.put(entry.getKey(), partitions);
        });
        return tasks;
    }

    private static Map<String, Set<Integer>> sorted(Map<String, Set<Integer>> tasks) {
        Map<String, Set<Integer>> result = new TreeMap<>();
        tasks.forEach((id, partitions) -> result.put(id, new TreeSet<>(partitions)));
        return result;
    }

    private record Topology(JsonNode parts) implements TopologyDescriber {
        @Override
        public List<String> subtopologies() {
            List<String> ids = new ArrayList<>();
            parts.fieldNames().forEachRemaining(ids::add);
            ids.sort(null);
            return ids;
        }

        @Override
        public int maxNumInputPartitions(String id) {
            return parts.get(id).get(0).asInt();
        }

        @Override
        public boolean isStateful(String id) {
            return parts.get(id).get(1).asBoolean();
        }
    }
}
