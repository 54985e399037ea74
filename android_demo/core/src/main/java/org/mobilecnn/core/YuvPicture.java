package org.mobilecnn.core;

import java.nio.ByteBuffer;

/**
 * A camera frame in YUV 4:2:0, as the sensor sees it.
 *
 * <p>The colours are full-range BT.601, as in JPEG. The buffers are read by absolute position; row and
 * pixel strides differ between devices.
 */
public final class YuvPicture extends SizedPicture {
    private final ByteBuffer luma;
    private final int lumaStride;
    private final ByteBuffer blue;
    private final ByteBuffer red;
    private final int chromaStride;
    private final int chromaStep;

    /**
     * @param luma the plane Y, whose pixels are adjacent.
     * @param lumaStride bytes from one row to the next.
     * @param blue the plane Cb (U), half the size.
     * @param red the plane Cr (V), half the size.
     * @param chromaStride bytes from one row of U or V to the next.
     * @param chromaStep bytes from one value of U or V to the next.
     */
    public YuvPicture(
            int width,
            int height,
            ByteBuffer luma,
            int lumaStride,
            ByteBuffer blue,
            ByteBuffer red,
            int chromaStride,
            int chromaStep) {
        super(width, height);
        this.luma = luma;
        this.lumaStride = lumaStride;
        this.blue = blue;
        this.red = red;
        this.chromaStride = chromaStride;
        this.chromaStep = chromaStep;
    }

    @Override
    public int argb(int x, int y) {
        int bright = luma.get(y * lumaStride + x) & 0xFF;
        int place = (y >> 1) * chromaStride + (x >> 1) * chromaStep;
        int cb = (blue.get(place) & 0xFF) - 128;
        int cr = (red.get(place) & 0xFF) - 128;
        // ITU-T T.871 (JFIF), in 16 binary places.
        int r = bright + (91881 * cr + 32768 >> 16);
        int g = bright + (-22554 * cb - 46802 * cr + 32768 >> 16);
        int b = bright + (116130 * cb + 32768 >> 16);
        return 0xFF000000 | clip(r) << 16 | clip(g) << 8 | clip(b);
    }

    private static int clip(int value) {
        return Math.max(0, Math.min(255, value));
    }
}
