package androidx.test.platform.ui;

/** A type that Robolectric refers to and these tests do not use. */
public class InjectEventSecurityException extends Exception {}
