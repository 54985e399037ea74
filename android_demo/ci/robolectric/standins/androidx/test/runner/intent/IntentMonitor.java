package androidx.test.runner.intent;

/** Not used here. */
public interface IntentMonitor {}
