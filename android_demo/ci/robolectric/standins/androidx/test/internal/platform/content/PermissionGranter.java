package androidx.test.internal.platform.content;

/** Not used here. */
public interface PermissionGranter {}
