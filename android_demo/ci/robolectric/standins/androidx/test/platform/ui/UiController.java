package androidx.test.platform.ui;

/** Not used here. */
public interface UiController {}
