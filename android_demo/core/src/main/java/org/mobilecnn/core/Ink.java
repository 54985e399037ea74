package org.mobilecnn.core;

/** Lays pixels on black where they are transparent, and makes them grey for a grey network. */
final class Ink {
    private final boolean grey;

    /** The order of the pixels' bytes. */
    private final boolean swapped;

    Ink(boolean grey, Picture.Order order) {
        this.grey = grey;
        this.swapped = order == Picture.Order.ABGR;
    }

    /** Changes {@code count} pixels from {@code from} on; of a grey one only its value, 0 to 255, is left. */
    void blend(int[] pixels, int from, int count) {
        int to = from + count;
        int opaque = -1;
        for (int i = from; i < to; i++) {
            opaque &= pixels[i];
        }
        if (opaque >>> 24 != 255) {
            for (int i = from; i < to; i++) {
                int argb = pixels[i];
                int alpha = argb >>> 24;
                pixels[i] = onBlack(argb >> 16 & 0xFF, alpha) << 16 | onBlack(argb >> 8 & 0xFF, alpha) << 8
                        | onBlack(argb & 0xFF, alpha);
            }
        }
        if (grey) {
            // ITU-R BT.601, in 16 binary places.
            int high = swapped ? 7471 : 19595;
            int low = swapped ? 19595 : 7471;
            for (int i = from; i < to; i++) {
                int argb = pixels[i];
                pixels[i] = (argb >> 16 & 0xFF) * high + (argb >> 8 & 0xFF) * 38470 + (argb & 0xFF) * low + 0x8000 >> 16;
            }
        }
    }

    private static int onBlack(int value, int alpha) {
        if (alpha == 255) {
            return value;
        }
        // value * alpha / 255, rounded, with 7 more binary places on the way.
        int scaled = value * alpha * 128 + (0x80 << 7);
        return ((scaled >> 8) + scaled >> 8) >> 7;
    }
}
