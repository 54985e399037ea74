package org.mobilecnn.demo;

import android.hardware.camera2.CameraDevice;
import android.hardware.camera2.CameraManager;
import android.hardware.camera2.CaptureRequest;
import java.util.concurrent.Executor;
import org.robolectric.annotation.Implementation;
import org.robolectric.annotation.Implements;
import org.robolectric.shadows.ShadowCameraDeviceImpl;
import org.robolectric.shadows.ShadowCameraManager;

/** Cameras that fail in ways that Android does not describe, as some phones' do. */
final class BrokenCamera {
    /** Whether what is missing is the code of a vendor's library. */
    static boolean unlinked;

    private BrokenCamera() {}

    private static UnsupportedOperationException failure(String words) {
        if (unlinked) {
            throw new UnsatisfiedLinkError(words);
        }
        return new UnsupportedOperationException(words);
    }

    /** One that fails when its pictures are asked for. */
    @Implements(className = "android.hardware.camera2.impl.CameraDeviceImpl", isInAndroidSdk = false)
    public static final class OnceOpen extends ShadowCameraDeviceImpl {
        @Override
        @Implementation
        protected CaptureRequest.Builder createCaptureRequest(int template) {
            throw failure("no such request");
        }
    }

    /** One that fails when it is opened. */
    @Implements(CameraManager.class)
    public static final class WhenOpened extends ShadowCameraManager {
        @Override
        @Implementation
        protected CameraDevice openCameraDeviceUserAsync(
                String id, CameraDevice.StateCallback callback, Executor executor, int user, int offset, boolean portrait) {
            throw failure("no such camera");
        }
    }
}
