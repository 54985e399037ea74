package androidx.test.internal.platform.app;

/** A type that Robolectric refers to and these tests do not use. */
public interface ActivityInvoker {}
