package androidx.test.internal.platform.util;

/** A type that Robolectric refers to and these tests do not use. */
public final class TestOutputEmitter {
    private TestOutputEmitter() {}

    public static void dumpThreadStates(String file) {
        // Nothing reads the states.
    }
}
