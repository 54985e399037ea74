package org.mobilecnn.core;

/**
 * A failure to show: the message says what was wrong, where, and what to do.
 *
 * <p>{@link #kind} is a class of the error tree of the command line, so that a benchmark that fails
 * on the phone ends there as the same error.
 */
public final class Problem extends Exception {
    /** A model file or its passport is damaged, or does not fit the other. */
    public static final String MODEL_FILE = "ModelFileError";

    /** An argument that cannot be meant. */
    public static final String USAGE = "UsageError";

    /** The device or the runtime is not as it must be. */
    public static final String ENVIRONMENT = "EnvironmentProblem";

    private static final long serialVersionUID = 1L;

    /** One of the constants of this class. */
    public final String kind;

    public Problem(String kind, String message) {
        super(message);
        this.kind = kind;
    }

    public Problem(String kind, String message, Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }
}
