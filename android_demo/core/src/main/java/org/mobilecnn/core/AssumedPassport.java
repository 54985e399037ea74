package org.mobilecnn.core;

import com.eclipsesource.json.Json;
import com.eclipsesource.json.JsonArray;
import com.eclipsesource.json.JsonObject;

/**
 * A passport for a file that came without one: what the file itself says, and one thing that the user chose.
 *
 * <p>It has no labels, no kind of output and no golden pictures, so that nothing of its answers is verified.
 */
public final class AssumedPassport {
    /** The range of numbers that a network's pictures have. Nothing in a file says it. */
    public enum Range {
        /** Pixel values divided by 255. */
        UNIT(0.0f, 255.0f),
        /** From -1 to 1. */
        SYMMETRIC(127.5f, 127.5f),
        /** Pixel values as they are. */
        BYTES(0.0f, 1.0f);

        private final float mean;
        private final float std;

        Range(float mean, float std) {
            this.mean = mean;
            this.std = std;
        }
    }

    private AssumedPassport() {}

    /**
     * The passport.
     *
     * @param file the file's name.
     * @param bytes the file's size.
     * @param sha256 the file's SHA-256, 64 hexadecimal digits.
     * @param input the file's input, which must be a picture of 1 or 3 channels, the channels last.
     * @param warning what is unknown, for the user.
     * @throws Problem if the input is no picture.
     */
    public static JsonObject of(
            String file, long bytes, String sha256, TensorSpec input, TensorSpec output, Range range, String warning)
            throws Problem {
        int[] shape = input.shape();
        if (shape.length != 4 || shape[0] != 1 || (shape[3] != 1 && shape[3] != 3)) {
            throw new Problem(Problem.MODEL_FILE, file + " takes " + input
                    + ", which is not one picture with the channels last; this app classifies pictures");
        }
        int channels = shape[3];
        JsonArray mean = new JsonArray();
        JsonArray std = new JsonArray();
        for (int channel = 0; channel < channels; channel++) {
            mean.add(range.mean);
            std.add(range.std);
        }
        JsonObject contract = new JsonObject()
                .add("height", shape[1]).add("width", shape[2]).add("channels", channels)
                .add("color", channels == 1 ? "grey" : "rgb").add("mean", mean).add("std", std)
                .add("resize", "stretch").add("stated", false);
        return new JsonObject().add("schema", "mobilecnn.passport").add("version", Passport.VERSION)
                .add("file", new JsonObject().add("name", file).add("format", "unknown")
                        .add("bytes", bytes).add("sha256", sha256))
                .add("input", new JsonObject().add("contract", contract).add("tensor", tensor(input)))
                .add("output", new JsonObject().add("tensor", tensor(output)).add("kind", OutputKind.UNKNOWN.text))
                .add("labels", new JsonArray())
                .add("parity", new JsonObject().add("max_difference", Json.NULL).add("tolerance", Json.NULL))
                .add("golden", new JsonArray())
                .add("latency_only", new JsonArray())
                .add("source", new JsonObject().add("model", file).add("architecture", Json.NULL))
                .add("macs", 0).add("parameters", 0).add("minimum_runtime", Json.NULL)
                .add("warnings", new JsonArray().add(warning)).add("created", "").add("tool", new JsonObject())
                .add("recipe", new JsonObject().add("io", input.dtype)).add("lowering", new JsonObject())
                .add("calibration", Json.NULL).add("operators", new JsonArray());
    }

    private static JsonObject tensor(TensorSpec spec) {
        JsonArray shape = new JsonArray();
        for (int size : spec.shape()) {
            shape.add(size);
        }
        return new JsonObject().add("dtype", spec.dtype).add("shape", shape).add("quantization", spec.quantized()
                ? new JsonObject().add("scale", spec.scale).add("zero_point", spec.zeroPoint) : Json.NULL);
    }
}
