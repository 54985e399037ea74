package org.mobilecnn.core;

/** Explains why the runtime refuses a model. */
public final class Refusal {
    private Refusal() {}

    /**
     * The usual cause of the runtime's message, and what to do.
     *
     * @param file the model's name.
     * @param needs the first release that runs the model, as its passport says; null where unknown.
     * @param runtime the release that refused it.
     * @param said the runtime's message; null where it had none.
     */
    public static String explain(String file, String needs, String runtime, String said) {
        String text = said == null ? "" : said;
        String cause;
        if (text.contains("Didn't find op") || text.contains("registration failed")
                || text.contains("unresolved custom op") || text.contains("Op builtin_code")) {
            cause = "it uses an operator that this runtime does not have, or a newer version of one"
                    + (needs == null ? "" : ", and needs release " + needs)
                    + ": export it in another format, or raise the runtime (docs/android.md)";
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
