package org.mobilecnn.core;

import com.eclipsesource.json.Json;
import com.eclipsesource.json.JsonArray;
import com.eclipsesource.json.JsonObject;
import com.eclipsesource.json.JsonValue;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * A measurement as {@code mobilecnn report} reads it: the record of {@code bench/records/measurement.py}, version 4.
 *
 * <p>Its runs are rounds of one process, where those of {@code mobilecnn bench} are processes.
 */
public final class TimingRecord {
    private static final String SCHEMA = "mobilecnn.measurement";
    private static final int VERSION = 4;

    /** Android's thermal statuses, in the order of their numbers. */
    private static final List<String> STATUS = Collections.unmodifiableList(
            Arrays.asList("none", "light", "moderate", "severe", "critical", "emergency", "shutdown"));

    /** One line of the comparison on the screen. */
    public static final class Line {
        /** The file's name. */
        public final String file;

        /** The network's name, which its formats have in common. */
        public final String network;

        /** The format: {@code float32}, {@code int8}, ... */
        public final String format;

        /** Median over the rounds of their medians, in milliseconds. */
        public final double milliseconds;

        /** The fastest and the slowest round's median, in milliseconds. */
        public final double fastest;
        public final double slowest;

        /** Whether its answers are right: {@code verified}, {@code differs} or {@code not checked}. */
        public final String verdict;

        Line(String file, String network, String format, double[] medians, String verdict) {
            this.file = file;
            this.network = network;
            this.format = format;
            this.milliseconds = Statistics.median(nanos(medians)) / 1e6;
            this.fastest = medians[0] / 1e6;
            this.slowest = medians[medians.length - 1] / 1e6;
            this.verdict = verdict;
        }

        private static long[] nanos(double[] values) {
            long[] whole = new long[values.length];
            for (int i = 0; i < whole.length; i++) {
                whole[i] = Math.round(values[i]);
            }
            return whole;
        }
    }

    private TimingRecord() {}

    /**
     * The record.
     *
     * @param created when it began, ISO 8601 with the time zone.
     * @param tool what made it, with its version.
     * @param device the members of {@code Facts}.
     * @param rounds how often each model was timed.
     * @param coolDown longest wait in seconds before each run.
     * @param models from {@link #model}.
     * @param runs from {@link #run}, in the order in which they were made.
     */
    public static JsonObject of(
            String created, String tool, JsonObject device, int rounds, int warmup, int runsEach, int threads,
            int coolDown, JsonArray models, JsonArray runs) {
        JsonObject protocol = new JsonObject().add("rounds", rounds).add("warmup_runs", warmup)
                .add("warmup_seconds", 0.0).add("runs", runsEach).add("seconds", 0.0).add("threads", threads)
                .add("runtime", "app").add("seed", 0).add("cool_down", (double) coolDown)
                .add("delegate", "default").add("cores", Json.NULL);
        return new JsonObject().add("schema", SCHEMA).add("version", VERSION).add("created", created)
                .add("tool", tool).add("command", new JsonArray()).add("device", device)
                .add("protocol", protocol).add("models", models).add("runs", runs);
    }

    /** A timed file, with the verdict on its answers. */
    public static JsonObject model(Passport passport, String file, AnswerCheck check) {
        JsonObject facts = new JsonObject()
                .add("architecture", passport.architecture == null ? Json.NULL : Json.value(passport.architecture))
                .add("format", passport.format).add("macs", positive(passport.macs))
                .add("parameters", positive(passport.parameters));
        return new JsonObject().add("file", file).add("sha256", passport.sha256).add("bytes", passport.bytes)
                .add("passport", facts).add("answers", Benchmark.answers(check));
    }

    /**
     * A run from {@link Benchmark#time}, with its place; {@code cooled} may be null.
     *
     * <p>Its memory is null: the peak is that of the process, which all models share here, so that each would be given
     * the largest one's.
     */
    public static JsonObject run(JsonObject timed, int round, int position, int model, JsonObject cooled) {
        JsonObject run = new JsonObject().add("round", round).add("position", position).add("model", model);
        JsonObject status = timed.get("thermal_status").asObject();
        for (JsonObject.Member member : timed.get("run").asObject()) {
            String name = member.getName();
            if (name.equals("before") || name.equals("after")) {
                run.add(name, reading(member.getValue().asObject(), status.get(name)));
            } else {
                run.add(name, name.endsWith("_rss_bytes") ? Json.NULL : member.getValue());
            }
        }
        return run.add("heaviest_cpu_seconds", new JsonObject()).add("cooled", cooled == null ? Json.NULL : cooled)
                .add("summary", Json.NULL).add("cores", Json.NULL).add("delegates", Json.NULL);
    }

    /** What an app reads of the phone, and null for what it is not told. */
    private static JsonObject reading(JsonObject told, JsonValue status) {
        int number = status.isNull() ? -1 : STATUS.indexOf(status.asString());
        return new JsonObject(told).add("throttled", Json.NULL).add("governors", new JsonArray())
                .add("load_average", Json.NULL).add("available_bytes", Json.NULL).add("swapped_bytes", Json.NULL)
                .add("thermal_status", number < 0 ? Json.NULL : Json.value(number)).add("offline_cores", Json.NULL)
                .add("boost", Json.NULL).add("on_battery", Json.NULL).add("power_saver", Json.NULL);
    }

    /** The comparison: networks by name, the formats of each from the fastest to the slowest. */
    public static List<Line> lines(JsonObject record) {
        List<Line> lines = new ArrayList<>();
        JsonArray models = record.get("models").asArray();
        for (int index = 0; index < models.size(); index++) {
            JsonObject model = models.get(index).asObject();
            List<Double> medians = new ArrayList<>();
            for (JsonValue each : record.get("runs").asArray()) {
                if (each.asObject().get("model").asInt() == index) {
                    medians.add(Statistics.median(samples(each.asObject())));
                }
            }
            Collections.sort(medians);
            double[] sorted = new double[medians.size()];
            for (int i = 0; i < sorted.length; i++) {
                sorted[i] = medians.get(i);
            }
            String format = model.get("passport").asObject().get("format").asString();
            String file = model.get("file").asString();
            String network = file.replaceAll("[.]tflite$", "").replace("." + format, "");
            lines.add(new Line(file, network, format, sorted, model.get("answers").asObject().get("verdict").asString()));
        }
        Collections.sort(lines, (one, other) -> {
            int byName = one.network.compareTo(other.network);
            return byName != 0 ? byName : Double.compare(one.milliseconds, other.milliseconds);
        });
        return lines;
    }

    private static long[] samples(JsonObject run) {
        JsonArray array = run.get("samples_ns").asArray();
        long[] samples = new long[array.size()];
        for (int i = 0; i < samples.length; i++) {
            samples[i] = array.get(i).asLong();
        }
        return samples;
    }

    private static JsonValue positive(long count) {
        return count > 0 ? Json.value(count) : Json.NULL;
    }
}
