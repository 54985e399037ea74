package androidx.test.runner.lifecycle;

/** A registry that nothing reads. */
public final class ApplicationLifecycleMonitorRegistry {
    private ApplicationLifecycleMonitorRegistry() {}

    public static void registerInstance(ApplicationLifecycleMonitor monitor) {
        // Nothing reads it.
    }
}
