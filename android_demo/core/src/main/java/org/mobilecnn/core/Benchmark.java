package org.mobilecnn.core;

import com.eclipsesource.json.Json;
import com.eclipsesource.json.JsonArray;
import com.eclipsesource.json.JsonObject;
import com.eclipsesource.json.JsonValue;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Times a model as {@code mobilecnn bench} does, and describes the result in its terms.
 *
 * <p>The document's {@code run} has the members of {@code Run} in {@code bench/records/measurement.py}
 * that one process can know; docs/android.md describes the rest.
 */
public final class Benchmark {
    /** Name of the document's format. */
    public static final String SCHEMA = "mobilecnn.android";

    /** Version of the document's format. */
    public static final int VERSION = 1;

    /** Characters of JSON in one log line: all are ASCII, and an entry of Android's log holds about 4 KB. */
    public static final int PART = 3000;

    /** Number of speed probes in one reading. */
    private static final int PROBES = 5;

    /** The model under test. */
    public interface Inference {
        /** Runs one inference on the current input. */
        void run() throws Problem;

        /** Nanoseconds of the last run inside the runtime, without Java; null where it does not say. */
        Long nativeNanos();
    }

    /** What the device tells about itself. */
    public interface Machine {
        /** Nanoseconds of a clock that never goes back. */
        long nanos();

        /** Current clock rate of each core, {@code cpu0} and so on, in kHz; empty where unreadable. */
        Map<String, Integer> frequenciesKhz();

        /** Temperature at each sensor in degrees Celsius; empty where unreadable. */
        Map<String, Double> temperaturesC();

        /** Thermal status in Android's words, {@code none}, {@code light} and so on; null before Android 10. */
        String thermalStatus();

        /**
         * Whether the app has not been in front all the time: Android slows and freezes what is behind other
         * apps or a locked screen.
         */
        boolean leftFront();

        /** The largest resident memory of this process so far, in bytes; null where unreadable. */
        Long peakRssBytes();

        /** The resident memory of this process now, in bytes; null where unreadable. */
        Long rssBytes();
    }

    private Benchmark() {}

    /**
     * Warms a model up, times it, and describes the run.
     *
     * @param initNanos nanoseconds that loading the file and creating the interpreter took.
     * @param baselineRss resident memory before that, in bytes; null where unreadable.
     * @param runtime the version of TensorFlow Lite.
     */
    public static JsonObject time(
            BenchmarkRequest request,
            Inference model,
            Machine machine,
            long initNanos,
            Long baselineRss,
            String runtime)
            throws Problem {
        expectFront(machine);
        long[] first = repeat(model, machine, 1, null);
        long[] warmup = repeat(model, machine, request.warmup, null);
        long[] nativeNanos = new long[request.runs];
        JsonObject before = reading(machine);
        String statusBefore = machine.thermalStatus();
        long start = machine.nanos();
        long[] samples = repeat(model, machine, request.runs, nativeNanos);
        double seconds = (machine.nanos() - start) / 1e9;
        expectFront(machine);
        JsonObject after = reading(machine);
        JsonObject run = new JsonObject();
        run.add("runtime_version", runtime);
        run.add("xnnpack_partitions", Json.NULL);
        run.add("init_ns", initNanos);
        run.add("first_ns", first[0]);
        run.add("warmup_ns", array(warmup));
        run.add("samples_ns", array(samples));
        run.add("timed_seconds", seconds);
        run.add("other_cpu_seconds", Json.NULL);
        run.add("baseline_rss_bytes", orNull(baselineRss));
        run.add("peak_rss_bytes", orNull(machine.peakRssBytes()));
        run.add("before", before);
        run.add("after", after);
        JsonObject all = head(request.runId);
        all.add("model", new JsonObject().add("name", request.model).add("sha256", request.sha256));
        all.add("threads", request.threads);
        all.add("xnnpack", request.xnnpack);
        all.add("native_ns", complete(nativeNanos) ? array(nativeNanos) : Json.NULL);
        all.add("thermal_status", new JsonObject()
                .add("before", text(statusBefore)).add("after", text(machine.thermalStatus())));
        all.add("run", run);
        return all;
    }

    /** A verdict with the members of {@code Answers} in {@code bench/records/measurement.py}. */
    public static JsonObject answers(AnswerCheck check) {
        return new JsonObject()
                .add("verdict", check.verdict.name().toLowerCase(Locale.ROOT).replace('_', ' '))
                .add("reason", check.reason)
                .add("pictures", check.pictures)
                .add("difference", number(check.difference))
                .add("tolerance", number(check.tolerance));
    }

    /** The document of a run that failed. */
    public static JsonObject failure(String runId, Problem problem) {
        return head(runId).add("error", problem.kind).add("message", problem.getMessage());
    }

    /** The exit code in the end marker: the command line's for this kind of error. */
    public static int exitCode(Problem problem) {
        return problem.kind.equals(Problem.ENVIRONMENT) ? 3 : 2;
    }

    /**
     * The log lines of a document, the end marker last. They carry no tag.
     *
     * @return {@code MOBILECNN id i/n part} with i from 1, then {@code MOBILECNN_DONE id code}.
     */
    public static List<String> lines(String runId, JsonObject document, int code) {
        String text = ascii(document.toString());
        int count = (text.length() + PART - 1) / PART;
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String part = text.substring(i * PART, Math.min(text.length(), (i + 1) * PART));
            lines.add("MOBILECNN " + runId + " " + (i + 1) + "/" + count + " " + part);
        }
        lines.add("MOBILECNN_DONE " + runId + " " + code);
        return lines;
    }

    /** The same JSON in ASCII: other characters occur only in strings, where an escape means the same. */
    public static String ascii(String json) {
        StringBuilder text = new StringBuilder(json.length());
        for (int i = 0; i < json.length(); i++) {
            char letter = json.charAt(i);
            if (letter < 0x7F) {
                text.append(letter);
            } else {
                text.append(String.format("\\u%04x", (int) letter));
            }
        }
        return text.toString();
    }

    private static JsonObject head(String runId) {
        return new JsonObject().add("schema", SCHEMA).add("version", VERSION).add("run_id", runId);
    }

    private static long[] repeat(Inference model, Machine machine, int count, long[] nativeNanos) throws Problem {
        long[] samples = new long[count];
        for (int i = 0; i < count; i++) {
            expectFront(machine);
            long start = machine.nanos();
            model.run();
            samples[i] = Math.max(1, machine.nanos() - start);
            if (nativeNanos != null) {
                Long nanos = model.nativeNanos();
                nativeNanos[i] = nanos == null ? -1 : nanos;
            }
        }
        return samples;
    }

    private static void expectFront(Machine machine) throws Problem {
        if (machine.leftFront()) {
            throw new Problem(Problem.ENVIRONMENT,
                    "the app was not in front all the time, so that Android may have slowed it: unlock the screen,"
                            + " close what covers the app, and try again without touching the phone");
        }
    }

    private static JsonObject reading(Machine machine) {
        long[] probes = new long[PROBES];
        for (int i = 0; i < PROBES; i++) {
            long start = machine.nanos();
            spin();
            probes[i] = Math.max(1, machine.nanos() - start);
        }
        JsonObject clocks = new JsonObject();
        for (Map.Entry<String, Integer> clock : machine.frequenciesKhz().entrySet()) {
            clocks.add(clock.getKey(), clock.getValue());
        }
        JsonObject sensors = new JsonObject();
        for (Map.Entry<String, Double> sensor : machine.temperaturesC().entrySet()) {
            sensors.add(sensor.getKey(), sensor.getValue());
        }
        return new JsonObject().add("frequencies_khz", clocks)
                .add("probe_ns", array(probes)).add("temperatures_c", sensors);
    }

    private static volatile double sink;

    /** Does the same work each time, for a few milliseconds, so that its duration follows the clock. */
    private static void spin() {
        double value = 1.0;
        for (int i = 0; i < 1_000_000; i++) {
            value = value * 0.999999 + 1e-6;
        }
        sink = value;
    }

    private static boolean complete(long[] values) {
        for (long value : values) {
            if (value < 0) {
                return false;
            }
        }
        return true;
    }

    private static JsonArray array(long[] values) {
        JsonArray array = new JsonArray();
        for (long value : values) {
            array.add(value);
        }
        return array;
    }

    private static JsonValue orNull(Long value) {
        return value == null ? Json.NULL : Json.value(value);
    }

    private static JsonValue number(double value) {
        return Double.isNaN(value) ? Json.NULL : Json.value(value);
    }

    private static JsonValue text(String value) {
        return value == null ? Json.NULL : Json.value(value);
    }
}
