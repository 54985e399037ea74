package androidx.test.internal.platform;

/** Not used here. */
public interface ThreadChecker {}
