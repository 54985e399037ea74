package androidx.test.runner.intent;

/** A type that Robolectric refers to and these tests do not use. */
public interface IntentMonitor {}
