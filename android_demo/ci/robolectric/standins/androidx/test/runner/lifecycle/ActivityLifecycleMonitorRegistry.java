package androidx.test.runner.lifecycle;

/** Remembers the one monitor. */
public final class ActivityLifecycleMonitorRegistry {
    private static ActivityLifecycleMonitor current;

    private ActivityLifecycleMonitorRegistry() {}

    public static void registerInstance(ActivityLifecycleMonitor monitor) {
        current = monitor;
    }

    public static ActivityLifecycleMonitor getInstance() {
        return current;
    }
}
