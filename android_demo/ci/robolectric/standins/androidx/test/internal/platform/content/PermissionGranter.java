package androidx.test.internal.platform.content;

/** A type that Robolectric refers to and these tests do not use. */
public interface PermissionGranter {}
