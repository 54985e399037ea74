package org.mobilecnn.core;

import java.nio.Buffer;
import java.nio.ByteBuffer;

/**
 * Turns camera frames in YUV 4:2:0 into pictures, in memory that is used again for the next frame.
 *
 * <p>The colours are full-range BT.601, as in JPEG. Row and pixel strides differ between devices.
 */
public final class YuvFrame {
    /** One plane of a frame. */
    public static final class Plane {
        ByteBuffer values;
        int stride;
        int step;

        /**
         * A plane.
         *
         * @param values read by absolute position; the buffer's own position is moved.
         * @param stride bytes from one row to the next.
         * @param step bytes from one value to the next.
         */
        public Plane(ByteBuffer values, int stride, int step) {
            this.values = values;
            this.stride = stride;
            this.step = step;
        }

        /** The bytes of row {@code y} up to its value {@code count - 1}. */
        private byte[] row(int y, int count, byte[] reused) {
            int length = (count - 1) * step + 1;
            byte[] row = reused.length < length ? new byte[length] : reused;
            // Android 8 and 9 have this method in Buffer alone.
            ((Buffer) values).position(y * stride);
            values.get(row, 0, length);
            return row;
        }
    }

    private int[] pixels = new int[0];
    private byte[] bright = new byte[0];
    private byte[] blue = new byte[0];
    private byte[] red = new byte[0];

    /**
     * The picture of a part of a frame. It is valid until the next call, which writes over it.
     *
     * @param part what of the frame is read.
     * @param luma the plane Y.
     * @param cb the plane Cb (U), half the size.
     * @param cr the plane Cr (V), half the size.
     * @param degrees the clockwise turn that brings the frame upright: 0, 90, 180 or 270.
     */
    public Picture read(Crop part, Plane luma, Plane cb, Plane cr, int degrees) {
        int orientation = Picture.orientation(degrees);
        if (pixels.length != part.width * part.height) {
            pixels = new int[part.width * part.height];
        }
        int end = part.left + part.width;
        for (int row = 0; row < part.height; row++) {
            int y = part.top + row;
            bright = luma.row(y, end, bright);
            if (row == 0 || (y & 1) == 0) {
                blue = cb.row(y >> 1, end + 1 >> 1, blue);
                red = cr.row(y >> 1, end + 1 >> 1, red);
            }
            convert(row * part.width - part.left, part.left, end, luma.step, cb.step, cr.step);
        }
        return new Picture(part.width, part.height, pixels, Picture.Order.ARGB, orientation);
    }

    private void convert(int at, int left, int end, int step, int blueStep, int redStep) {
        for (int x = left; x < end; x++) {
            int y = bright[x * step] & 0xFF;
            int cb = (blue[(x >> 1) * blueStep] & 0xFF) - 128;
            int cr = (red[(x >> 1) * redStep] & 0xFF) - 128;
            // ITU-T T.871 (JFIF), in 16 binary places.
            int r = y + (91881 * cr + 32768 >> 16);
            int g = y + (-22554 * cb - 46802 * cr + 32768 >> 16);
            int b = y + (116130 * cb + 32768 >> 16);
            pixels[at + x] = 0xFF000000 | clip(r) << 16 | clip(g) << 8 | clip(b);
        }
    }

    private static int clip(int value) {
        return Math.max(0, Math.min(255, value));
    }
}
