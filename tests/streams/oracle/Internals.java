import java.lang.reflect.Field;
import java.util.Collection;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.internals.InternalTopicConfig;
import org.apache.kafka.streams.processor.internals.InternalTopologyBuilder;
import org.apache.kafka.streams.processor.internals.TopologyMetadata.Subtopology;

/** The topics of a topology's sub-topologies, as the application would create and assign them. */
final class Internals {
    private final InternalTopologyBuilder builder;

    Internals(Topology topology, Properties config) throws ReflectiveOperationException {
        Field field = Topology.class.getDeclaredField("internalTopologyBuilder");
        field.setAccessible(true);
        builder = (InternalTopologyBuilder) field.get(topology);
        builder.rewriteTopology(new StreamsConfig(config));
        builder.buildTopology();
    }

    ObjectNode describe(ObjectMapper json) {
        ObjectNode found = json.createObjectNode();
        ObjectNode topologies = found.putObject("topics");
        builder.subtopologyToTopicsInfo().forEach((Subtopology id, InternalTopologyBuilder.TopicsInfo topics) -> {
            ObjectNode into = topologies.putObject(number(id));
            addAll(into.putArray("source_topics"), topics.sourceTopics);
            addAll(into.putArray("sink_topics"), topics.sinkTopics);
            addAll(into.putObject("repartition_source_topics"), topics.repartitionSourceTopics);
            addAll(into.putObject("state_changelog_topics"), topics.stateChangelogTopics);
            addAll(into.putArray("source_topic_changelogs"), topics.sourceTopicChangelogs());
        });
        ArrayNode groups = found.putArray("copartition_groups");
        TreeMap<String, Set<String>> sorted = new TreeMap<>();
        for (Set<String> group : builder.copartitionGroups()) {
            sorted.put(new TreeSet<>(group).toString(), new TreeSet<>(group));
        }
        sorted.values().forEach(group -> addAll(groups.addArray(), group));
        return found;
    }

    private static String number(Subtopology id) {
        try {
            Field field = Subtopology.class.getDeclaredField("nodeGroupId");
            field.setAccessible(true);
            return String.valueOf(field.getInt(id));
        } catch (ReflectiveOperationException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static void addAll(ArrayNode into, Collection<String> names) {
        new TreeSet<>(names).forEach(into::add);
    }

    private static void addAll(ObjectNode into, Map<String, InternalTopicConfig> topics) {
        new TreeMap<>(topics).forEach((name, topic) -> {
            ObjectNode each = into.putObject(name);
            topic.numberOfPartitions().ifPresent(count -> each.put("partitions", count));
            ObjectNode config = each.putObject("config");
            new TreeMap<>(topic.properties(Map.of(), 0)).forEach(config::put);
        });
    }
}
