package androidx.test.runner.lifecycle;

/** A stage in the life of an application. */
public enum ApplicationStage { PRE_ON_CREATE, CREATED }
