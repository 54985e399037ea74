package org.mobilecnn.demo;

import org.junit.runner.RunWith;
import org.junit.runners.Suite;

/** All tests of the app on Android's own classes, by subject. The APK has models that the interpreter can run. */
@RunWith(Suite.class)
@Suite.SuiteClasses({
    ModelTest.class, PhotoTest.class, CameraTest.class, ShownPartTest.class, OpenModelTest.class,
    KeptModelTest.class, BenchmarkProtocolTest.class, TimingTest.class, CoolDownTest.class, LookTest.class, LayoutTest.class,
    OtherSkinTest.class, OtherSessionTest.class, RequestTest.class,
})
public final class AppTest {}
