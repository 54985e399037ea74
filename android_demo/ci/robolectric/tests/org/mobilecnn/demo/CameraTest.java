package org.mobilecnn.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.hardware.camera2.CameraAccessException;
import android.hardware.camera2.CameraManager;
import android.os.Handler;
import android.os.Looper;
import android.view.Surface;
import android.view.View;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.After;
import org.junit.Test;
import org.mobilecnn.core.ScreenState;
import org.mobilecnn.core.YuvFrame;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.annotation.Config;
import org.robolectric.shadow.api.Shadow;
import org.robolectric.util.ReflectionHelpers;

/** The camera: permission, absence, leaving at any moment, and how frames are turned. */
public final class CameraTest extends AppTestCase {
    @After
    public void linkEverything() {
        BrokenCamera.unlinked = false;
    }

    @Test
    public void withoutACameraTheScreenSaysSo() {
        MainActivity activity = verified();
        activity.findViewById(R.id.camera).performClick();
        activity.onRequestPermissionsResult(1, new String[] {"android.permission.CAMERA"}, new int[] {-1});
        assertTrue(text(activity, R.id.message).startsWith("The camera may not be used."));
        grant();
        activity.findViewById(R.id.camera).performClick();
        waitForText(activity, R.id.message, "This device has no camera that apps may use. Choose Photo.");
    }

    /** Whoever leaves at any moment leaves no camera open behind. */
    @Test
    public void leavingWhileTheCameraOpensLeavesItClosed() {
        ActivityController<MainActivity> controller = withCamera();
        MainActivity activity = controller.get();
        Presenter presenter = activity.presenter();
        openCamera(activity);
        waitFor("camera", () -> devices().size() == 1, activity);
        // On the camera's own thread, so that it is stopped before it hears that the camera is open.
        presenter.feed().start(new Surface());
        controller.pause().stop().destroy();
        opened.remove(controller);
        waitFor("end of the camera's thread", () -> {
            for (Thread thread : Thread.getAllStackTraces().keySet()) {
                if (thread.getName().equals("camera")) {
                    return false;
                }
            }
            return true;
        });
        for (Object device : devices()) {
            assertTrue("closed", closed(device));
        }
    }

    /** A camera counts as taken until it is closed, and its thread lives until then: who says that it is open needs it. */
    @Test
    public void aCameraThatStillOpensIsNotFree() {
        MainActivity activity = withCamera().get();
        CameraManager manager = activity.getSystemService(CameraManager.class);
        Handler handler = ReflectionHelpers.getField(activity.presenter().feed(), "handler");
        Counting counting = new Counting();
        List<Integer> before = new ArrayList<>();
        handler.post(() -> {
            try {
                Camera.open(manager, CameraFacts.choose(manager), new Surface(), handler, counting).close();
            } catch (CameraAccessException refusal) {
                throw new AssertionError(refusal);
            }
            before.add(counting.released);
        });
        waitFor("end of the camera", () -> counting.released == 1, activity);
        assertEquals(Collections.singletonList(0), before);
        assertTrue("closed", closed(devices().get(0)));
    }

    /** Counts what it hears. */
    private static final class Counting implements Camera.Listener {
        volatile int released;

        @Override
        public boolean wantsFrame() {
            return false;
        }

        @Override
        public void onFrame(int width, int height, YuvFrame.Plane luma, YuvFrame.Plane cb, YuvFrame.Plane cr) {
            throw new AssertionError("nobody wants a frame");
        }

        @Override
        public void onCameraEnd(String why) {
            throw new AssertionError(why);
        }

        @Override
        public void onTaken() {
            assertEquals(0, released);
        }

        @Override
        public void onReleased() {
            released = released + 1;
        }
    }

    @Test
    public void anotherAppThatTakesTheCameraIsAMessage() {
        ActivityController<MainActivity> controller = withCamera();
        MainActivity activity = controller.get();
        openCamera(activity);
        waitFor("camera", () -> devices().size() == 1, activity);
        shadowOf(activity.getSystemService(CameraManager.class)).triggerDisconnect();
        waitForText(activity, R.id.message, "The camera stopped (another app uses it).");
        assertEquals("Answers verified on this phone", text(activity, R.id.chip));
    }

    /** From one landscape to the other there is no new activity, only another rotation of the display. */
    @Test
    public void framesAreUprightWhicheverWayThePhoneIsHeld() {
        ActivityController<MainActivity> controller = withCamera();
        MainActivity activity = controller.get();
        openCamera(activity);
        waitFor("camera", () -> devices().size() == 1, activity);
        CameraFeed feed = activity.presenter().feed();
        int[][] cases = {
            {Surface.ROTATION_90, 0}, {Surface.ROTATION_270, 180}, {Surface.ROTATION_180, 270}, {Surface.ROTATION_0, 90},
        };
        for (int[] turned : cases) {
            turnDisplay(activity, turned[0]);
            assertEquals(turned[1], feed.degrees());
        }
    }

    /** Frames that come while the model works are let go; the screen has the camera's preview, and no bitmaps. */
    @Test
    public void framesAreClassifiedOneAtATime() {
        ActivityController<MainActivity> controller = withCamera();
        MainActivity activity = controller.get();
        openCamera(activity);
        waitFor("camera", () -> devices().size() == 1, activity);
        CameraFeed feed = activity.presenter().feed();
        CountDownLatch gate = new CountDownLatch(1);
        activity.presenter().session().post(gate::await);
        YuvFrame.Plane luma = new YuvFrame.Plane(ByteBuffer.allocate(64 * 48), 64, 1);
        YuvFrame.Plane chroma = new YuvFrame.Plane(ByteBuffer.allocate(32 * 24), 32, 1);
        assertTrue(feed.wantsFrame());
        feed.onFrame(64, 48, luma, chroma, chroma);
        assertFalse(feed.wantsFrame());
        gate.countDown();
        waitForResult(activity);
        assertEquals(ScreenState.Source.CAMERA, activity.presenter().state().source);
        assertEquals(View.VISIBLE, activity.findViewById(R.id.preview).getVisibility());
        assertEquals(View.GONE, activity.findViewById(R.id.picture).getVisibility());
        waitFor("wish for a frame", feed::wantsFrame, activity);
    }

    /** After a frame that cannot be read, the next one is asked for. */
    @Test
    public void aFrameThatCannotBeReadDoesNotEndTheOthers() {
        ActivityController<MainActivity> controller = withCamera();
        MainActivity activity = controller.get();
        openCamera(activity);
        waitFor("camera", () -> devices().size() == 1, activity);
        CameraFeed feed = activity.presenter().feed();
        YuvFrame.Plane whole = new YuvFrame.Plane(ByteBuffer.allocate(64 * 48), 64, 1);
        YuvFrame.Plane cut = new YuvFrame.Plane(ByteBuffer.allocate(64), 64, 1);
        assertThrows(RuntimeException.class, () -> feed.onFrame(64, 48, cut, whole, whole));
        assertTrue(feed.wantsFrame());
        feed.onFrame(64, 48, whole, whole, whole);
        waitForResult(activity);
    }

    /** Whatever a device's frames are like, the camera's thread survives them, and the camera is closed. */
    @Test
    public void aFrameThatIsNotAsAndroidSaysEndsTheCameraWithAMessage() {
        ActivityController<MainActivity> controller = withCamera();
        MainActivity activity = controller.get();
        openCamera(activity);
        waitFor("camera", () -> devices().size() == 1, activity);
        Camera camera = ReflectionHelpers.getField(activity.presenter().feed(), "camera");
        Handler handler = ReflectionHelpers.getField(activity.presenter().feed(), "handler");
        waitFor("open camera", () -> ReflectionHelpers.getField(camera, "device") != null, activity);
        // Robolectric's reader has no frames; without a reader, reading fails as a damaged frame does.
        ReflectionHelpers.setField(camera, "reader", null);
        handler.post(() -> ReflectionHelpers.callInstanceMethod(camera, "look"));
        waitForText(activity, R.id.message, "The camera stopped (");
        assertFalse(text(activity, R.id.message), text(activity, R.id.message).contains("Exception"));
        waitFor("end of the camera", () -> closed(devices().get(0)), activity);
    }

    /** Nor does it end with a camera that fails while it is opened. */
    @Test
    public void aCameraThatFailsWhileItOpensIsAMessage() {
        MainActivity activity = withCamera().get();
        CameraFeed feed = activity.presenter().feed();
        Handler handler = ReflectionHelpers.getField(feed, "handler");
        activity.findViewById(R.id.camera).performClick();
        PreviewView preview = activity.findViewById(R.id.preview);
        waitFor("size of the preview", () -> preview.wanted() != null, activity);
        // On the camera's own thread, so that its reader is gone before it hears that it is open.
        handler.post(() -> {
            feed.start(new Surface());
            handler.post(() -> ReflectionHelpers.setField(ReflectionHelpers.getField(feed, "camera"), "reader", null));
        });
        waitForText(activity, R.id.message, "The camera stopped (");
        assertFalse(text(activity, R.id.message), text(activity, R.id.message).contains("Exception"));
        waitFor("end of the camera", () -> closed(devices().get(0)), activity);
    }

    @Test
    @Config(shadows = BrokenCamera.OnceOpen.class)
    public void aCameraThatFailsWhenItsPicturesAreAskedForIsAMessage() {
        MainActivity activity = withCamera().get();
        openCamera(activity);
        waitForText(activity, R.id.message, "The camera stopped (no such request)");
        waitFor("end of the camera", () -> closed(devices().get(0)), activity);
    }

    /** It counts as released, so that its thread ends with the screen. */
    @Test
    @Config(shadows = BrokenCamera.WhenOpened.class)
    public void aCameraThatFailsWhenItIsOpenedIsAMessage() {
        MainActivity activity = withCamera().get();
        openCamera(activity);
        waitForText(activity, R.id.message, "The camera stopped (no such camera)");
        int unreleased = ReflectionHelpers.getField(activity.presenter().feed(), "unreleased");
        assertEquals(0, unreleased);
    }

    /** What a vendor's library has not is no exception, and ends the camera's thread no more than one. */
    @Test
    @Config(shadows = BrokenCamera.OnceOpen.class)
    public void aCameraWithoutTheCodeForPicturesIsAMessage() {
        BrokenCamera.unlinked = true;
        aCameraThatFailsWhenItsPicturesAreAskedForIsAMessage();
    }

    @Test
    @Config(shadows = BrokenCamera.WhenOpened.class)
    public void aCameraWithoutTheCodeToOpenItIsAMessage() {
        BrokenCamera.unlinked = true;
        aCameraThatFailsWhenItIsOpenedIsAMessage();
    }

    // Context.getDisplay, which replaces this method, came with Android 11.
    @SuppressWarnings("deprecation")
    private static void turnDisplay(MainActivity activity, int rotation) {
        // Whoever listens to the display hears of it.
        shadowOf(activity.getWindowManager().getDefaultDisplay()).setRotation(rotation);
        shadowOf(Looper.getMainLooper()).idle();
    }

    private static boolean closed(Object device) {
        return ReflectionHelpers.getField(Shadow.extract(device), "closed");
    }
}
