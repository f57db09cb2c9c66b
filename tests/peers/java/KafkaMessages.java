import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

import org.apache.kafka.common.errors.UnsupportedVersionException;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.Readable;

/**
 * Apache Kafka's own message classes as an oracle: each line of the input is answered by one line.
 *
 *   echo NAME VERSION HEX       read the bytes: what Kafka writes for them, a tab, and its JSON
 *   default NAME VERSION        what Kafka writes for a message whose fields were never set
 *   convert NAME FROM TO HEX    read in one version, write in another
 *
 * An answer is hex, or `unsupported` (UnsupportedVersionException), or `error` and what was thrown.
 */
public final class KafkaMessages {
    private static final String[] PACKAGES = {
        "org.apache.kafka.common.message.",
        "org.apache.kafka.common.metadata.",
        "org.apache.kafka.raft.generated.",
        "org.apache.kafka.coordinator.group.generated.",
        "org.apache.kafka.coordinator.transaction.generated.",
        "org.apache.kafka.coordinator.share.generated.",
    };

    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        BufferedWriter out = new BufferedWriter(new OutputStreamWriter(System.out, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String answer;
            try {
                answer = answer(line.split(" ", -1));
            } catch (InvocationTargetException e) {
                answer = name(e.getCause());
            } catch (Exception e) {
                answer = name(e);
            }
            out.write(answer + "\n");
            if (!in.ready()) {
                out.flush();
            }
        }
    }

    private static String name(Throwable thrown) {
        if (thrown instanceof UnsupportedVersionException) {
            return "unsupported";
        }
        return "error " + String.valueOf(thrown).replace('\n', ' ');
    }

    private static String answer(String[] parts) throws Exception {
        Class<?> type = find(parts[1]);
        short version = Short.parseShort(parts[2]);
        switch (parts[0]) {
            case "echo": {
                Message message = read(type, version, parts[3]);
                return write(message, version) + "\t" + json(type, message, version);
            }
            case "default":
                return write((Message) type.getConstructor().newInstance(), version);
            case "convert":
                return write(read(type, version, parts[4]), Short.parseShort(parts[3]));
            default:
                throw new IllegalArgumentException(parts[0]);
        }
    }

    private static Class<?> find(String name) throws ClassNotFoundException {
        for (String prefix : PACKAGES) {
            for (String suffix : new String[] {"Data", ""}) {
                try {
                    Class<?> found = Class.forName(prefix + name + suffix);
                    if (Message.class.isAssignableFrom(found)) {
                        return found;
                    }
                } catch (ClassNotFoundException e) {
                    continue;
                }
            }
        }
        throw new ClassNotFoundException(name);
    }

    private static Message read(Class<?> type, short version, String hex) throws Exception {
        ByteBuffer buffer = ByteBuffer.wrap(HexFormat.of().parseHex(hex));
        Message message = (Message) type.getConstructor(Readable.class, short.class)
            .newInstance(new ByteBufferAccessor(buffer), version);
        if (buffer.hasRemaining()) {
            throw new IllegalStateException(buffer.remaining() + " bytes are left");
        }
        return message;
    }

    private static String write(Message message, short version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer buffer = ByteBuffer.allocate(message.size(cache, version));
        message.write(new ByteBufferAccessor(buffer), cache, version);
        if (buffer.hasRemaining()) {
            throw new IllegalStateException("size() and write() do not agree");
        }
        return HexFormat.of().formatHex(buffer.array());
    }

    private static String json(Class<?> type, Message message, short version) throws Exception {
        Method write = Class.forName(type.getName() + "JsonConverter")
            .getMethod("write", type, short.class, boolean.class);
        return String.valueOf(write.invoke(null, message, version, false));
    }
}
