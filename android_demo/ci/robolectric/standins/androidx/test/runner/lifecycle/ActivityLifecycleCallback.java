package androidx.test.runner.lifecycle;

/** Not used here. */
public interface ActivityLifecycleCallback {}
