package androidx.test.runner.lifecycle;

/** A type that Robolectric refers to and these tests do not use. */
public interface ActivityLifecycleCallback {}
