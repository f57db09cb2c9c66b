import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

import org.apache.kafka.common.utils.Exit;

/**
 * Calls the main methods of command-line tools one after the other in one JVM, which starts them in a tenth of the time.
 *
 * A line of standard input is a call: seconds, class, standard input and arguments, each in base64, with blanks between.
 * A line of standard output is its answer: the status (-1: it did not end in time), and all that it printed, in base64.
 */
public class ToolRunner {
    /** Of the call at work: its status once it is known, and that it has ended. */
    private static volatile Integer status;
    private static volatile CountDownLatch ended;
    private static final List<Runnable> HOOKS = new ArrayList<>();

    public static void main(String[] arguments) throws Exception {
        PrintStream answers = System.out;
        PrintStream errors = System.err;
        BufferedReader calls = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        Exit.setExitProcedure((code, message) -> end(code));
        Exit.setHaltProcedure((code, message) -> end(code));
        Exit.setShutdownHookAdder((name, hook) -> HOOKS.add(hook));
        for (String line = calls.readLine(); line != null; line = calls.readLine()) {
            String[] words = Arrays.stream(line.split(" ")).map(ToolRunner::decode).toArray(String[]::new);
            ByteArrayOutputStream printed = new ByteArrayOutputStream();
            PrintStream both = new PrintStream(printed, true, StandardCharsets.UTF_8);
            System.setIn(new ByteArrayInputStream(words[2].getBytes(StandardCharsets.UTF_8)));
            System.setOut(both);
            System.setErr(both);
            int code = call(words[1], Arrays.copyOfRange(words, 3, words.length), Long.parseLong(words[0]) * 1000);
            both.flush();
            System.setErr(errors);
            answers.println(code + " " + Base64.getEncoder().encodeToString(printed.toByteArray()));
            answers.flush();
        }
        Runtime.getRuntime().halt(0);
    }

    /** Instead of ending the JVM: nothing after Exit.exit may run, so whoever calls it stays here. */
    private static void end(int code) {
        if (status == null)
            status = code;
        ended.countDown();
        while (true)
            LockSupport.park();
    }

    private static int call(String name, String[] arguments, long timeoutMs) throws InterruptedException {
        status = null;
        ended = new CountDownLatch(1);
        CountDownLatch mine = ended;
        HOOKS.clear();
        Thread thread = new Thread(() -> {
            run(name, arguments);
            mine.countDown();
        }, "main");
        thread.setDaemon(true);
        thread.start();
        if (!mine.await(timeoutMs, TimeUnit.MILLISECONDS))
            return -1;
        int code = status == null ? 0 : status;
        for (Runnable hook : List.copyOf(HOOKS)) {
            try {
                hook.run();
            } catch (Throwable e) {
                System.err.println(e);
            }
        }
        return code;
    }

    private static void run(String name, String[] arguments) {
        try {
            Class<?> tool = Class.forName(name);
            forgetCounts(tool);
            tool.getMethod("main", String[].class).invoke(null, (Object) arguments);
        } catch (InvocationTargetException e) {
            System.err.print("Exception in thread \"main\" ");
            e.getCause().printStackTrace();
            status = 1;
        } catch (ReflectiveOperationException e) {
            e.printStackTrace();
            status = 1;
        }
    }

    /** The console consumers count in a static field. */
    private static void forgetCounts(Class<?> tool) throws ReflectiveOperationException {
        for (Field field : tool.getDeclaredFields()) {
            if (field.getName().equals("messageCount") && Modifier.isStatic(field.getModifiers())) {
                field.setAccessible(true);
                field.setInt(null, 0);
            }
        }
    }

    private static String decode(String word) {
        return new String(Base64.getDecoder().decode(word), StandardCharsets.UTF_8);
    }
}
