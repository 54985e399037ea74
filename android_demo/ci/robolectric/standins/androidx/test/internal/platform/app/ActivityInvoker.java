package androidx.test.internal.platform.app;

/** Not used here. */
public interface ActivityInvoker {}
