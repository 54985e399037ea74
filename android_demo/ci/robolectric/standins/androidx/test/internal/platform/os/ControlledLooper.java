package androidx.test.internal.platform.os;

/** Not used here. */
public interface ControlledLooper {}
