package org.mobilecnn.demo;

import android.annotation.SuppressLint;
import android.graphics.ImageFormat;
import android.hardware.camera2.CameraAccessException;
import android.hardware.camera2.CameraCaptureSession;
import android.hardware.camera2.CameraDevice;
import android.hardware.camera2.CameraManager;
import android.hardware.camera2.CaptureRequest;
import android.media.Image;
import android.media.ImageReader;
import android.os.Handler;
import android.util.Log;
import android.view.Surface;
import java.util.Arrays;
import org.mobilecnn.core.YuvFrame;

/**
 * An open camera, which draws its preview by itself and hands out frames beside it.
 *
 * <p>Everything happens on the thread of one handler. A frame that nobody wants is let go at once, so
 * the preview never waits for a model.
 */
final class Camera {
    /** The recipient of the frames. */
    interface Listener {
        /** Whether a frame is wanted now. */
        boolean wantsFrame();

        /** Takes a frame's planes, which are valid until this method returns. */
        void onFrame(int width, int height, YuvFrame.Plane luma, YuvFrame.Plane cb, YuvFrame.Plane cr);

        /** Learns that no more frames will come; {@code why} is for the user, and null where nobody says it. */
        void onCameraEnd(String why);

        /** Learns that the camera is being opened; {@link #onReleased} follows, sooner or later. */
        void onTaken();

        /** Learns that the camera is free again: closed, or never opened. */
        void onReleased();
    }

    private final Handler handler;
    private final Listener listener;
    private final ImageReader reader;
    private final Surface preview;
    private CameraDevice device;
    private boolean opening;
    private boolean closed;
    private boolean released;

    private Camera(Handler handler, Listener listener, CameraFacts facts, Surface preview) {
        this.handler = handler;
        this.listener = listener;
        this.preview = preview;
        this.reader = ImageReader.newInstance(
                facts.frame.getWidth(), facts.frame.getHeight(), ImageFormat.YUV_420_888, 2);
    }

    /**
     * Opens a camera. The app must hold the permission CAMERA.
     *
     * @param preview where it draws; it must have the size {@link CameraFacts#preview}.
     * @param handler the queue of the thread that the listener is called on; call this method there too.
     */
    @SuppressLint("MissingPermission")
    static Camera open(CameraManager manager, CameraFacts facts, Surface preview, Handler handler, Listener listener)
            throws CameraAccessException {
        Camera camera = new Camera(handler, listener, facts, preview);
        listener.onTaken();
        try {
            camera.opening = true;
            manager.openCamera(facts.id, camera.new Opening(), handler);
        } catch (CameraAccessException | RuntimeException | LinkageError refusal) {
            camera.opening = false;
            camera.close();
            throw refusal;
        }
        return camera;
    }

    /** Closes the camera; one that is still being opened is closed when it is open. */
    void close() {
        if (closed) {
            return;
        }
        closed = true;
        if (!opening) {
            release();
        }
    }

    private void release() {
        opening = false;
        try {
            if (device != null) {
                device.close();
            }
            reader.close();
        } catch (RuntimeException | LinkageError broken) {
            // Nothing here can free a camera that does not close.
            Log.w("camera", broken);
        } finally {
            device = null;
            if (!released) {
                // A camera that was taken away while it opened may still say that it is open.
                released = true;
                listener.onReleased();
            }
        }
    }

    private void look() {
        if (closed) {
            return;
        }
        try (Image image = reader.acquireLatestImage()) {
            if (image != null && listener.wantsFrame()) {
                Image.Plane[] planes = image.getPlanes();
                listener.onFrame(image.getWidth(), image.getHeight(), plane(planes[0]), plane(planes[1]), plane(planes[2]));
            }
        } catch (RuntimeException | OutOfMemoryError | LinkageError failure) {
            // The camera was taken away while the frame was read, the planes are not as Android describes them, memory is
            // short, or a vendor's library is not what Android's classes were made for: the camera's thread survives all of them.
            end(failure);
        }
    }

    private static YuvFrame.Plane plane(Image.Plane plane) {
        return new YuvFrame.Plane(plane.getBuffer(), plane.getRowStride(), plane.getPixelStride());
    }

    private void end(Throwable failure) {
        Log.w("camera", failure);
        end(failure.getMessage());
    }

    private void end(String why) {
        if (!closed) {
            closed = true;
            listener.onCameraEnd(why);
            release();
        }
    }

    private final class Opening extends CameraDevice.StateCallback {
        @Override
        public void onOpened(CameraDevice opened) {
            device = opened;
            opening = false;
            if (closed) {
                release();
                return;
            }
            try {
                reader.setOnImageAvailableListener(source -> look(), handler);
                start(opened);
            } catch (CameraAccessException | RuntimeException | LinkageError failure) {
                // Cameras fail in ways that Android does not describe, too, and the thread survives them.
                end(failure);
            }
        }

        // The method that replaces createCaptureSession came with Android 9.
        @SuppressWarnings("deprecation")
        private void start(CameraDevice opened) throws CameraAccessException {
            Surface frames = reader.getSurface();
            opened.createCaptureSession(Arrays.asList(preview, frames), new CameraCaptureSession.StateCallback() {
                @Override
                public void onConfigured(CameraCaptureSession session) {
                    if (closed) {
                        return;
                    }
                    try {
                        CaptureRequest.Builder request = opened.createCaptureRequest(CameraDevice.TEMPLATE_PREVIEW);
                        request.addTarget(preview);
                        request.addTarget(frames);
                        session.setRepeatingRequest(request.build(), null, handler);
                    } catch (CameraAccessException | RuntimeException | LinkageError failure) {
                        end(failure);
                    }
                }

                @Override
                public void onConfigureFailed(CameraCaptureSession session) {
                    end("it does not give pictures of this size");
                }
            }, handler);
        }

        @Override
        public void onDisconnected(CameraDevice lost) {
            stop(lost, "another app uses it");
        }

        @Override
        public void onError(CameraDevice broken, int code) {
            stop(broken, "error " + code);
        }

        /** The device may arrive here without having been opened. */
        private void stop(CameraDevice lost, String why) {
            boolean late = closed && opening;
            device = lost;
            opening = false;
            if (late) {
                release();
            } else {
                end(why);
            }
        }
    }
}
