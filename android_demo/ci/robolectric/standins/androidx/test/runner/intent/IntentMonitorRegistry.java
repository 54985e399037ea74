package androidx.test.runner.intent;

/** A registry that nothing reads. */
public final class IntentMonitorRegistry {
    private IntentMonitorRegistry() {}

    public static void registerInstance(IntentMonitor monitor) {
        // Nothing reads it.
    }
}
