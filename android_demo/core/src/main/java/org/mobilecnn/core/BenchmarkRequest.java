package org.mobilecnn.core;

import java.util.regex.Pattern;

/** The run that {@code am start} requests. */
public final class BenchmarkRequest {
    /** The extras of a start by name, as an Android Intent has them: one of another type counts as missing. */
    public interface Extras {
        /** The value of {@code --es}; null where missing. */
        String text(String name);

        /** The value of {@code --ei}. */
        int number(String name, int fallback);

        /** The value of {@code --ez}. */
        boolean flag(String name, boolean fallback);
    }

    /** Largest number of warm-ups, or of runs, of one start. */
    public static final int MOST_RUNS = 100_000;

    private static final Pattern RUN_ID = Pattern.compile("[A-Za-z0-9_-]{1,64}");
    private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");
    private static final Pattern NAME = Pattern.compile("[^/\\x00-\\x1F]{1,200}\\.tflite");
    private static final String PUSHED = "/data/local/tmp/";

    /** Name that tells this run's log lines from all others. */
    public final String runId;

    /** Name of a bundled file, or path of a file below /data/local/tmp. */
    public final String model;

    /** SHA-256 that the file must have, 64 hexadecimal digits. */
    public final String sha256;

    /** Number of untimed inferences after the first. */
    public final int warmup;

    /** Number of timed inferences. */
    public final int runs;

    /** Number of threads of the interpreter. */
    public final int threads;

    /** Whether the XNNPACK kernels are used. */
    public final boolean xnnpack;

    /**
     * Checks the arguments.
     *
     * @throws Problem of the kind {@link Problem#USAGE}, naming the argument.
     */
    public BenchmarkRequest(
            String runId, String model, String sha256, int warmup, int runs, int threads, boolean xnnpack)
            throws Problem {
        this.runId = matching("run_id", runId, RUN_ID, "1 to 64 letters, digits, _ or -");
        this.model = model(model);
        this.sha256 = matching("sha256", sha256, SHA256, "64 hexadecimal digits");
        this.warmup = within("warmup", warmup, 0, MOST_RUNS);
        this.runs = within("runs", runs, 1, MOST_RUNS);
        this.threads = within("threads", threads, 1, 256);
        this.xnnpack = xnnpack;
    }

    /**
     * The request of a start.
     *
     * @throws Problem of the kind {@link Problem#USAGE}, naming the argument.
     */
    public static BenchmarkRequest of(Extras extras) throws Problem {
        return new BenchmarkRequest(
                extras.text("run_id"),
                extras.text("model"),
                extras.text("sha256"),
                extras.number("warmup", 5),
                extras.number("runs", 50),
                extras.number("threads", 1),
                extras.flag("xnnpack", true));
    }

    /** The run id of a start, valid or not; {@code unknown} where it does not fit into log lines. */
    public static String runId(Extras extras) {
        String given = extras.text("run_id");
        return given != null && RUN_ID.matcher(given).matches() ? given : "unknown";
    }

    /** Whether the model is a file on the device rather than one of the app's own. */
    public boolean pushed() {
        return model.startsWith(PUSHED);
    }

    private static String model(String value) throws Problem {
        boolean file = value != null && value.startsWith(PUSHED) && value.endsWith(".tflite")
                && !value.contains("/../");
        if (!file) {
            matching("model", value, NAME,
                    "the name of a bundled .tflite file, or the path of one below " + PUSHED);
        }
        return value;
    }

    private static String matching(String name, String value, Pattern pattern, String what) throws Problem {
        if (value == null || !pattern.matcher(value).matches()) {
            throw new Problem(Problem.USAGE, "the extra " + name + " must be " + what + ", and is "
                    + (value == null ? "missing" : "'" + value + "'"));
        }
        return value;
    }

    private static int within(String name, int value, int low, int high) throws Problem {
        if (value < low || value > high) {
            throw new Problem(Problem.USAGE,
                    "the extra " + name + " must be from " + low + " to " + high + ", and is " + value);
        }
        return value;
    }
}
