package androidx.test.platform.ui;

/** Not used here. */
public class InjectEventSecurityException extends Exception {}
