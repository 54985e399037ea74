package androidx.test.internal.platform.os;

/** A type that Robolectric refers to and these tests do not use. */
public interface ControlledLooper {}
