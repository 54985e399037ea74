package androidx.test.internal.platform;

/** A type that Robolectric refers to and these tests do not use. */
public interface ThreadChecker {}
