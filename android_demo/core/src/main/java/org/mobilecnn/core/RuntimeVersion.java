package org.mobilecnn.core;

/** Whether a runtime is new enough for a file, and what a refusal means. */
public final class RuntimeVersion {
    private RuntimeVersion() {}

    /** Whether {@code have} is {@code need} or newer; both like {@code 2.16.1}. */
    public static boolean covers(String have, String need) {
        String[] left = have.split("[.-]");
        String[] right = need.split("[.-]");
        for (int i = 0; i < Math.max(left.length, right.length); i++) {
            int a = i < left.length ? number(left[i]) : 0;
            int b = i < right.length ? number(right[i]) : 0;
            if (a != b) {
                return a > b;
            }
        }
        return true;
    }

    private static int number(String part) {
        return part.matches("[0-9]{1,6}") ? Integer.parseInt(part) : 0;
    }

    /** The usual cause behind what the runtime said when it refused a model, and what to do. */
    public static String explain(String file, String runtime, String said) {
        String text = said == null ? "" : said;
        String cause;
        if (text.contains("Didn't find op") || text.contains("registration failed")
                || text.contains("unresolved custom op") || text.contains("Op builtin_code")) {
            cause = "it uses an operator that this runtime does not have, or a newer version of one:"
                    + " export it again with mobilecnn, or raise the runtime in gradle/libs.versions.toml";
        } else if (text.contains("probably compressed")) {
            cause = "the asset is compressed: keep androidResources { noCompress += \"tflite\" } in"
                    + " app/build.gradle.kts";
        } else if (text.contains("Cannot copy") || text.contains("bytes to a TensorFlowLite tensor")
                || text.contains("buffer with")) {
            cause = "the buffer is not of the tensor's size or type: model and passport are of different"
                    + " exports; stage both again with mobilecnn android";
        } else if (text.contains("does not encode a valid") || text.contains("not a valid")
                || text.contains("Could not open") || text.contains("identifier")) {
            cause = "the file is damaged or not a TensorFlow Lite model; export it again";
        } else {
            cause = "the file is damaged, or needs a newer runtime";
        }
        return "TensorFlow Lite " + runtime + " cannot run " + file + ": " + cause
                + (text.isEmpty() ? "" : " (it said: " + text.trim() + ")");
    }
}
