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
 * <p>Everything happens on the thread of one handler. While the listener is busy with a frame, newer
 * ones replace each other, so it always gets the latest.
 */
final class Camera implements AutoCloseable {
    /** The recipient of the frames. */
    interface Listener {
        /** Takes a frame, which is valid until this method returns. */
        void onFrame(Picture frame);

        /** Learns that no more frames will come; {@code why} is for the user. */
        void onCameraEnd(String why);
    }

    /** Width in pixels that a frame should have at least. */
    private static final int WIDTH = 640;

    /** Height in pixels that a frame should have at least. */
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

    /** The camera to use: one that faces away from the user, else any; null where there is none. */
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
     * Opens a camera. The app must hold the permission CAMERA.
     *
     * @param rotation the display's, one of the constants of {@link Surface}.
     * @param handler the queue of the thread that the listener is called on; call this method there too.
     */
    @SuppressLint("MissingPermission")
    static Camera open(Context context, String id, int rotation, Handler handler, Listener listener)
            throws CameraAccessException {
        CameraManager manager = context.getSystemService(CameraManager.class);
        CameraCharacteristics characteristics = manager.getCameraCharacteristics(id);
        Camera camera = new Camera(handler, listener, size(characteristics), turn(characteristics, rotation));
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
    private static Size size(CameraCharacteristics characteristics) {
        StreamConfigurationMap map = characteristics.get(CameraCharacteristics.SCALER_STREAM_CONFIGURATION_MAP);
        Size[] sizes = map == null ? null : map.getOutputSizes(ImageFormat.YUV_420_888);
        Size best = null;
        for (Size size : sizes == null ? new Size[0] : sizes) {
            if (best == null || better(size, best)) {
                best = size;
            }
        }
        return best == null ? new Size(WIDTH, HEIGHT) : best;
    }

    private static boolean better(Size size, Size other) {
        boolean enough = size.getWidth() >= WIDTH && size.getHeight() >= HEIGHT;
        boolean otherEnough = other.getWidth() >= WIDTH && other.getHeight() >= HEIGHT;
        if (enough != otherEnough) {
            return enough;
        }
        boolean smaller = size.getWidth() * size.getHeight() < other.getWidth() * other.getHeight();
        return smaller == enough;
    }

    /** Clockwise turn in degrees that brings a frame upright on this display. */
    private static int turn(CameraCharacteristics characteristics, int rotation) {
        Integer sensor = characteristics.get(CameraCharacteristics.SENSOR_ORIENTATION);
        Integer facing = characteristics.get(CameraCharacteristics.LENS_FACING);
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
            // The camera was taken away while the frame was read.
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

        // The method that replaces createCaptureSession came with Android 9.
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
