package androidx.test.runner.intent;

/** Nobody asks. */
public final class IntentMonitorRegistry {
    private IntentMonitorRegistry() {}

    public static void registerInstance(IntentMonitor monitor) {
        // Nobody asks for it.
    }
}
