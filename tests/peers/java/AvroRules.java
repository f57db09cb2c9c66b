import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;

/**
 * Apache Avro's own rules as an oracle: each line of the input is answered by one line, both JSON.
 *
 *   question  [reader, writer], both schemas as text
 *   answer    {"reader": its canonical form, "writer": likewise, "found": [[type, location, message], ...]},
 *             or {"error": why one of them is no schema, or why they cannot be compared}
 */
public final class AvroRules {
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println(answer(JSON.readTree(line)));
            out.flush();
        }
    }

    private static ObjectNode answer(JsonNode question) {
        ObjectNode answer = JSON.createObjectNode();
        try {
            Schema reader = new Schema.Parser().parse(question.get(0).asText());
            Schema writer = new Schema.Parser().parse(question.get(1).asText());
            answer.put("reader", reader.toString());
            answer.put("writer", writer.toString());
            ArrayNode found = answer.putArray("found");
            for (SchemaCompatibility.Incompatibility each
                    : SchemaCompatibility.checkReaderWriterCompatibility(reader, writer).getResult().getIncompatibilities()) {
                found.addArray().add(each.getType().name()).add(each.getLocation()).add(each.getMessage());
            }
        } catch (RuntimeException error) {
            answer.removeAll();
            answer.put("error", String.valueOf(error.getMessage()));
        }
        return answer;
    }
}
