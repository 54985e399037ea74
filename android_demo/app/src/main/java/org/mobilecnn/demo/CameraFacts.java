package org.mobilecnn.demo;

import android.graphics.ImageFormat;
import android.hardware.camera2.CameraAccessException;
import android.hardware.camera2.CameraCharacteristics;
import android.hardware.camera2.CameraManager;
import android.hardware.camera2.params.StreamConfigurationMap;
import android.util.Size;
import android.view.SurfaceHolder;

/** The camera to use, the sizes of its pictures, and how it is mounted. */
final class CameraFacts {
    /** Width in pixels that a frame should have at least. */
    private static final int WIDTH = 640;

    /** Height in pixels that a frame should have at least. */
    private static final int HEIGHT = 480;

    /** Largest height of the preview in pixels: more is not seen, and costs power. */
    private static final int PREVIEW_HEIGHT = 1080;

    /** Android's name of the camera. */
    final String id;

    /** Size of the frames for the model, as the sensor is mounted. */
    final Size frame;

    /** Size of the preview, of the frames' shape where there is one. */
    final Size preview;

    private final int mounted;
    private final boolean front;

    private CameraFacts(String id, CameraCharacteristics characteristics) {
        this.id = id;
        StreamConfigurationMap map = characteristics.get(CameraCharacteristics.SCALER_STREAM_CONFIGURATION_MAP);
        frame = frame(map == null ? null : map.getOutputSizes(ImageFormat.YUV_420_888));
        preview = preview(map == null ? null : map.getOutputSizes(SurfaceHolder.class), frame);
        Integer sensor = characteristics.get(CameraCharacteristics.SENSOR_ORIENTATION);
        Integer facing = characteristics.get(CameraCharacteristics.LENS_FACING);
        mounted = sensor == null ? 0 : sensor;
        front = facing != null && facing == CameraCharacteristics.LENS_FACING_FRONT;
    }

    /** The camera that faces away from the user, else any; null where there is none. */
    static CameraFacts choose(CameraManager manager) throws CameraAccessException {
        CameraFacts any = null;
        for (String id : manager.getCameraIdList()) {
            CameraCharacteristics characteristics = manager.getCameraCharacteristics(id);
            Integer facing = characteristics.get(CameraCharacteristics.LENS_FACING);
            if (facing != null && facing == CameraCharacteristics.LENS_FACING_BACK) {
                return new CameraFacts(id, characteristics);
            }
            any = any == null ? new CameraFacts(id, characteristics) : any;
        }
        return any;
    }

    /**
     * The clockwise turn in degrees that brings a frame upright.
     *
     * @param rotation the display's, one of the constants of {@link android.view.Surface}.
     */
    int degrees(int rotation) {
        int display = rotation * 90;
        return (mounted + (front ? display : 360 - display)) % 360;
    }

    /** The smallest size that is not below 640 x 480, else the largest. */
    private static Size frame(Size[] sizes) {
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
        boolean smaller = area(size) < area(other);
        return smaller == enough;
    }

    /** The largest size of the frames' shape up to 1080 rows, else the frames' own. */
    private static Size preview(Size[] sizes, Size frame) {
        Size best = frame;
        for (Size size : sizes == null ? new Size[0] : sizes) {
            boolean shaped = (long) size.getWidth() * frame.getHeight() == (long) size.getHeight() * frame.getWidth();
            if (shaped && size.getHeight() <= PREVIEW_HEIGHT && area(size) > area(best)) {
                best = size;
            }
        }
        return best;
    }

    private static long area(Size size) {
        return (long) size.getWidth() * size.getHeight();
    }
}
