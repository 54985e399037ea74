package androidx.test.runner.lifecycle;

/** Where an activity is in its life. */
public enum Stage { PRE_ON_CREATE, CREATED, STARTED, RESUMED, PAUSED, STOPPED, RESTARTED, DESTROYED }
