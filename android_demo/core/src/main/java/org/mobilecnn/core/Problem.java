package org.mobilecnn.core;

/**
 * A failure for the user to see: the message says what was wrong, where, and what to do.
 *
 * <p>{@link #kind} is a class in the error tree of the command line, so a benchmark that fails on the
 * phone is the same error there.
 */
public final class Problem extends Exception {
    /** Kind of a model file or passport that is damaged, or does not fit the other. */
    public static final String MODEL_FILE = "ModelFileError";

    /** Kind of an argument that is missing or out of range. */
    public static final String USAGE = "UsageError";

    /** Kind of a device or runtime that lacks what is needed. */
    public static final String ENVIRONMENT = "EnvironmentProblem";

    private static final long serialVersionUID = 1L;

    /** Kind of the failure, one of the constants of this class. */
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
