package org.mobilecnn.core;

import com.eclipsesource.json.Json;
import com.eclipsesource.json.JsonArray;
import com.eclipsesource.json.JsonObject;
import com.eclipsesource.json.JsonValue;
import com.eclipsesource.json.ParseException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The JSON that {@code mobilecnn export} writes beside a {@code .tflite}: what it is and what to feed it. */
public final class Passport {
    /** The latest version of the format that this class reads; it reads all before it, too. */
    public static final int VERSION = 3;

    private static final String SCHEMA = "mobilecnn.passport";

    /** The model's file name. */
    public final String file;

    /** The format's name: {@code float32}, {@code int8}, ... */
    public final String format;

    /** The model's size in bytes. */
    public final long bytes;

    /** The model's SHA-256, 64 hexadecimal digits. */
    public final String sha256;

    /** How a picture becomes the input. */
    public final InputContract contract;

    /** The tensor that takes it. */
    public final TensorSpec input;

    /** The tensor with the scores. */
    public final TensorSpec output;

    /** What they stand for; unknown in a passport of version 1 or 2. */
    public final OutputKind kind;

    /** Class names in output order, of one output the two that it tells apart; empty when unknown. */
    public final List<String> labels;

    /** Pictures, and what the file says of them. */
    public final List<Golden> golden;

    /** The largest difference of a score from the Keras model's at export. */
    public final double maxDifference;

    /** The difference allowed, relative to the largest score; NaN for formats without such a limit. */
    public final double tolerance;

    /** Reasons not to trust the answers; empty for a file to ship. */
    public final List<String> latencyOnly;

    /** The network's name in the zoo; null when it is none of it. */
    public final String architecture;

    /** Multiply-adds of one inference. */
    public final long macs;

    /** Weights and biases. */
    public final long parameters;

    /** The first TensorFlow Lite release that runs the file; null when unknown. */
    public final String minimumRuntime;

    /** What will hurt on a device. */
    public final List<String> warnings;

    /** Date and time of the export, ISO 8601. */
    public final String created;

    /** Versions of what made the file, by package. */
    public final Map<String, String> tools;

    /** The Keras file's or the network's name. */
    public final String model;

    /** The type that the file takes and gives, as the recipe has it. */
    public final String io;

    /** What the passes over the graph changed, by their names; empty in a passport of version 1. */
    public final Map<String, List<String>> lowering;

    /** Where the images are from that the activations' ranges were measured on; null without. */
    public final String calibration;

    /** How often the file has each operator, by its name and version: {@code CONV_2D 3}. */
    public final Map<String, Integer> operators;

    /** One picture and the scores this file gave for it at export. */
    public static final class Golden {
        /** Base64 of a PNG of the contract's size. */
        public final String png;

        private final double[] scores;

        Golden(String png, double[] scores) {
            this.png = png;
            this.scores = scores;
        }

        /** A value a class. */
        public double[] scores() {
            return scores.clone();
        }
    }

    /**
     * Reads a passport.
     *
     * @param name of the file, for messages.
     * @throws Problem if it is damaged, of another version or not a passport.
     */
    public static Passport parse(String name, String text) throws Problem {
        try {
            JsonObject document = Json.parse(text).asObject();
            if (!SCHEMA.equals(document.getString("schema", null))) {
                throw new Problem(Problem.MODEL_FILE,
                        name + " is not a passport: its schema is not " + SCHEMA);
            }
            int version = need(document, "version").asInt();
            if (version < 1 || version > VERSION) {
                throw new Problem(Problem.MODEL_FILE, name + " has passport version " + version
                        + "; this app reads 1 to " + VERSION
                        + ": use the app and the mobilecnn of one release");
            }
            return new Passport(document, version);
        } catch (ParseException | UnsupportedOperationException | NumberFormatException
                | IllegalStateException damage) {
            throw new Problem(Problem.MODEL_FILE, "the passport " + name + " is damaged ("
                    + damage.getMessage() + "); export the model again", damage);
        }
    }

    private Passport(JsonObject document, int version) throws Problem {
        JsonObject about = need(document, "file").asObject();
        file = need(about, "name").asString();
        format = need(about, "format").asString();
        bytes = need(about, "bytes").asLong();
        sha256 = need(about, "sha256").asString();
        JsonObject in = need(document, "input").asObject();
        contract = contract(need(in, "contract").asObject());
        input = tensor(need(in, "tensor").asObject());
        JsonObject out = need(document, "output").asObject();
        output = tensor(need(out, "tensor").asObject());
        kind = version < 3 ? OutputKind.UNKNOWN : OutputKind.named(need(out, "kind").asString());
        labels = strings(need(document, "labels").asArray());
        JsonObject parity = need(document, "parity").asObject();
        maxDifference = number(need(parity, "max_difference"));
        tolerance = number(need(parity, "tolerance"));
        List<Golden> pictures = new ArrayList<>();
        for (JsonValue entry : need(document, "golden").asArray()) {
            JsonArray scores = need(entry.asObject(), "scores").asArray();
            pictures.add(new Golden(need(entry.asObject(), "picture").asString(), doubles(scores)));
        }
        golden = Collections.unmodifiableList(pictures);
        latencyOnly = strings(need(document, "latency_only").asArray());
        JsonObject source = need(document, "source").asObject();
        model = need(source, "model").asString();
        architecture = text(need(source, "architecture"));
        macs = need(document, "macs").asLong();
        parameters = need(document, "parameters").asLong();
        minimumRuntime = text(need(document, "minimum_runtime"));
        warnings = strings(need(document, "warnings").asArray());
        created = need(document, "created").asString();
        Map<String, String> packages = new LinkedHashMap<>();
        for (JsonObject.Member tool : need(document, "tool").asObject()) {
            packages.put(tool.getName(), tool.getValue().asString());
        }
        tools = Collections.unmodifiableMap(packages);
        io = need(need(document, "recipe").asObject(), "io").asString();
        lowering = version == 1 ? Collections.emptyMap() : changes(need(document, "lowering").asObject());
        JsonValue images = need(document, "calibration");
        calibration = images.isNull() ? null : need(images.asObject(), "data").asString();
        Map<String, Integer> uses = new LinkedHashMap<>();
        for (JsonValue entry : need(document, "operators").asArray()) {
            JsonObject use = entry.asObject();
            uses.put(need(use, "operator").asString() + " " + need(use, "version").asInt(), need(use, "count").asInt());
        }
        operators = Collections.unmodifiableMap(uses);
        checkSizes();
    }

    private void checkSizes() throws Problem {
        if (input.elements() != contract.elements()) {
            throw new Problem(Problem.MODEL_FILE, "the passport of " + file + " describes an input of "
                    + input.elements() + " values and pictures of " + contract.elements()
                    + "; export the model again");
        }
        if (kind == null || (kind.decision == OutputKind.Decision.BINARY && output.elements() != 1)) {
            throw new Problem(Problem.MODEL_FILE, "the passport of " + file
                    + " does not say what its output is, or says of several that they are one"
                    + "; export the model again");
        }
        if (!labels.isEmpty() && labels.size() != kind.answers(output.elements())) {
            throw new Problem(Problem.MODEL_FILE, "the passport of " + file + " has " + labels.size()
                    + " labels for " + kind.answers(output.elements())
                    + " outputs; export the model again with a labels file that names each output");
        }
        for (Golden asked : golden) {
            if (asked.scores.length != output.elements()) {
                throw new Problem(Problem.MODEL_FILE, "a golden picture of " + file + " has "
                        + asked.scores.length + " scores for " + output.elements()
                        + " outputs; export the model again");
            }
        }
    }

    /** What the score {@code output} is of: its class, of a single one the second of the two. */
    public String scored(int output) {
        return label(kind.decision == OutputKind.Decision.BINARY ? 1 : output);
    }

    /** The class or label {@code index} by name, or by number where there are no names. */
    public String label(int index) {
        return labels.isEmpty() ? "class " + index : labels.get(index);
    }

    private static Map<String, List<String>> changes(JsonObject value) {
        Map<String, List<String>> passes = new LinkedHashMap<>();
        for (JsonObject.Member pass : value) {
            passes.put(pass.getName(), strings(pass.getValue().asArray()));
        }
        return Collections.unmodifiableMap(passes);
    }

    private static InputContract contract(JsonObject value) throws Problem {
        return new InputContract(
                need(value, "height").asInt(),
                need(value, "width").asInt(),
                need(value, "channels").asInt(),
                need(value, "color").asString(),
                floats(need(value, "mean").asArray()),
                floats(need(value, "std").asArray()),
                need(value, "resize").asString(),
                need(value, "stated").asBoolean());
    }

    private static TensorSpec tensor(JsonObject value) throws Problem {
        JsonArray sizes = need(value, "shape").asArray();
        int[] shape = new int[sizes.size()];
        for (int i = 0; i < shape.length; i++) {
            shape[i] = sizes.get(i).asInt();
        }
        JsonValue codes = need(value, "quantization");
        float scale = codes.isNull() ? 0.0f : (float) finite(need(codes.asObject(), "scale"));
        int zero = codes.isNull() ? 0 : need(codes.asObject(), "zero_point").asInt();
        return new TensorSpec(need(value, "dtype").asString(), shape, scale, zero);
    }

    private static JsonValue need(JsonObject object, String name) {
        JsonValue value = object.get(name);
        if (value == null) {
            throw new IllegalStateException("it has no " + name);
        }
        return value;
    }

    private static String text(JsonValue value) {
        return value.isNull() ? null : value.asString();
    }

    private static double number(JsonValue value) {
        return value.isNull() ? Double.NaN : finite(value);
    }

    private static double finite(JsonValue value) {
        double number = value.asDouble();
        if (Double.isInfinite(number)) {
            throw new NumberFormatException("a number that is not finite");
        }
        return number;
    }

    private static List<String> strings(JsonArray array) {
        List<String> all = new ArrayList<>();
        for (JsonValue value : array) {
            all.add(value.asString());
        }
        return Collections.unmodifiableList(all);
    }

    private static double[] doubles(JsonArray array) {
        double[] all = new double[array.size()];
        for (int i = 0; i < all.length; i++) {
            all[i] = finite(array.get(i));
        }
        return all;
    }

    private static float[] floats(JsonArray array) {
        float[] all = new float[array.size()];
        for (int i = 0; i < all.length; i++) {
            all[i] = (float) finite(array.get(i));
        }
        return all;
    }
}
