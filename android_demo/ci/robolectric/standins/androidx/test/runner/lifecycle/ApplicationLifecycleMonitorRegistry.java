package androidx.test.runner.lifecycle;

/** Nobody asks. */
public final class ApplicationLifecycleMonitorRegistry {
    private ApplicationLifecycleMonitorRegistry() {}

    public static void registerInstance(ApplicationLifecycleMonitor monitor) {
        // Nobody asks for it.
    }
}
