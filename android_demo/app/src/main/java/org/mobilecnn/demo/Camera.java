package org.mobilecnn.demo;

import android.annotation.SuppressLint;
import android.content.Context;
import android.graphics.ImageFormat;
import android.hardware.camera2.CameraAccessException;
import android.hardware.camera2.CameraCaptureSession;
import android.hardware.camera2.CameraCharacteristics;
import android.hardware.camera2.CameraDevice;
import android.hardware.camera2.CameraManager;
import android.hardware.camera2.CaptureRequest;
import android.hardware.camera2.params.StreamConfigurationMap;
import android.media.Image;
import android.media.ImageReader;
import android.os.Handler;
import android.util.Size;
import android.view.Surface;
import java.util.Collections;
import org.mobilecnn.core.Picture;
import org.mobilecnn.core.Upright;
import org.mobilecnn.core.YuvPicture;

/**
 * Frames of a camera, upright, one at a time.
 *
 * <p>All of it happens on one handler's thread. While a frame is looked at, newer ones replace each
 * other, so the listener always gets the latest.
 */
final class Camera implements AutoCloseable {
    /** Who looks at the frames. */
    interface Listener {
        /** A frame; it is gone when this returns. */
        void onFrame(Picture frame);

        /** There will be no more frames; {@code why} is for people. */
        void onCameraEnd(String why);
    }

    private static final int WIDTH = 640;
    private static final int HEIGHT = 480;

    private final Handler handler;
    private final Listener listener;
    private final ImageReader reader;
    private final int degrees;
    private CameraDevice device;
    private boolean closed;

    private Camera(Handler handler, Listener listener, Size size, int degrees) {
        this.handler = handler;
        this.listener = listener;
        this.degrees = degrees;
        this.reader = ImageReader.newInstance(size.getWidth(), size.getHeight(), ImageFormat.YUV_420_888, 2);
    }

    /** The camera to use: one that faces away from the user, else any; null when there is none. */
    static String choose(CameraManager manager) throws CameraAccessException {
        String any = null;
        for (String id : manager.getCameraIdList()) {
            Integer facing = manager.getCameraCharacteristics(id).get(CameraCharacteristics.LENS_FACING);
            if (facing != null && facing == CameraCharacteristics.LENS_FACING_BACK) {
                return id;
            }
            any = any == null ? id : any;
        }
        return any;
    }

    /**
     * Opens a camera. The permission must have been given.
     *
     * @param rotation of the display, one of the constants of {@link Surface}.
     * @param handler of the thread that the listener is called on; call this on it, too.
     */
    @SuppressLint("MissingPermission")
    static Camera open(Context context, String id, int rotation, Handler handler, Listener listener)
            throws CameraAccessException {
        CameraManager manager = context.getSystemService(CameraManager.class);
        CameraCharacteristics facts = manager.getCameraCharacteristics(id);
        Camera camera = new Camera(handler, listener, size(facts), turn(facts, rotation));
        try {
            manager.openCamera(id, camera.new Opening(), handler);
        } catch (CameraAccessException | SecurityException | IllegalArgumentException refusal) {
            camera.close();
            throw refusal;
        }
        return camera;
    }

    @Override
    public void close() {
        closed = true;
        if (device != null) {
            device.close();
        }
        reader.close();
    }

    /** The smallest size that is not below 640 x 480, else the largest. */
    private static Size size(CameraCharacteristics facts) {
        StreamConfigurationMap map = facts.get(CameraCharacteristics.SCALER_STREAM_CONFIGURATION_MAP);
        Size[] sizes = map == null ? null : map.getOutputSizes(ImageFormat.YUV_420_888);
        Size best = null;
        for (Size each : sizes == null ? new Size[0] : sizes) {
            if (best == null || better(each, best)) {
                best = each;
            }
        }
        return best == null ? new Size(WIDTH, HEIGHT) : best;
    }

    private static boolean better(Size one, Size other) {
        boolean enough = one.getWidth() >= WIDTH && one.getHeight() >= HEIGHT;
        boolean otherEnough = other.getWidth() >= WIDTH && other.getHeight() >= HEIGHT;
        if (enough != otherEnough) {
            return enough;
        }
        boolean smaller = one.getWidth() * one.getHeight() < other.getWidth() * other.getHeight();
        return smaller == enough;
    }

    /** Degrees by which a frame must be turned clockwise to be upright on this display. */
    private static int turn(CameraCharacteristics facts, int rotation) {
        Integer sensor = facts.get(CameraCharacteristics.SENSOR_ORIENTATION);
        Integer facing = facts.get(CameraCharacteristics.LENS_FACING);
        int display = rotation * 90;
        int mounted = sensor == null ? 0 : sensor;
        boolean front = facing != null && facing == CameraCharacteristics.LENS_FACING_FRONT;
        return (mounted + (front ? display : 360 - display)) % 360;
    }

    private void look() {
        if (closed) {
            return;
        }
        try (Image image = reader.acquireLatestImage()) {
            if (image == null) {
                return;
            }
            Image.Plane[] planes = image.getPlanes();
            Picture frame = new YuvPicture(
                    image.getWidth(), image.getHeight(),
                    planes[0].getBuffer(), planes[0].getRowStride(),
                    planes[1].getBuffer(), planes[2].getBuffer(),
                    planes[1].getRowStride(), planes[1].getPixelStride());
            listener.onFrame(Upright.turned(frame, degrees));
        } catch (IllegalStateException gone) {
            // The camera was taken away while the frame was read; its own callback tells.
            end(String.valueOf(gone.getMessage()));
        }
    }

    private void end(String why) {
        if (!closed) {
            close();
            listener.onCameraEnd(why);
        }
    }

    private final class Opening extends CameraDevice.StateCallback {
        @Override
        public void onOpened(CameraDevice opened) {
            device = opened;
            if (closed) {
                opened.close();
                return;
            }
            reader.setOnImageAvailableListener(new ImageReader.OnImageAvailableListener() {
                @Override
                public void onImageAvailable(ImageReader source) {
                    look();
                }
            }, handler);
            try {
                start(opened);
            } catch (CameraAccessException | IllegalStateException refusal) {
                end(String.valueOf(refusal.getMessage()));
            }
        }

        // Its successor came with Android 9.
        @SuppressWarnings("deprecation")
        private void start(final CameraDevice opened) throws CameraAccessException {
            final Surface surface = reader.getSurface();
            opened.createCaptureSession(Collections.singletonList(surface), new CameraCaptureSession.StateCallback() {
                @Override
                public void onConfigured(CameraCaptureSession session) {
                    if (closed) {
                        return;
                    }
                    try {
                        CaptureRequest.Builder request = opened.createCaptureRequest(CameraDevice.TEMPLATE_PREVIEW);
                        request.addTarget(surface);
                        session.setRepeatingRequest(request.build(), null, handler);
                    } catch (CameraAccessException | IllegalStateException refusal) {
                        end(String.valueOf(refusal.getMessage()));
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
            lost.close();
            end("another app uses it");
        }

        @Override
        public void onError(CameraDevice broken, int code) {
            broken.close();
            end("error " + code);
        }
    }
}
