package androidx.test.internal.platform.util;

/** Not used here. */
public final class TestOutputEmitter {
    private TestOutputEmitter() {}

    public static void dumpThreadStates(String file) {
        // Nobody reads them.
    }
}
