package androidx.test.platform.app;

import android.app.Instrumentation;
import android.os.Bundle;

/** Remembers the one instrumentation. */
public final class InstrumentationRegistry {
    private static Instrumentation current;

    private InstrumentationRegistry() {}

    public static void registerInstance(Instrumentation instrumentation, Bundle arguments) {
        current = instrumentation;
    }

    public static Instrumentation getInstrumentation() {
        return current;
    }
}
