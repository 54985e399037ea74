package org.mobilecnn.core;

/**
 * The rule {@code stretch}: the whole picture is resized to the network's size, bilinear with
 * antialiasing.
 *
 * <p>The arithmetic is that of {@code to_pixels} in {@code train/images.py}, which made the numbers
 * that the network was trained, calibrated and checked with: rows first, then columns, each with
 * weights of a triangle as wide as the reduction, rounded to 22 binary places, as Pillow does it.
 * Android's own {@code Bitmap.createScaledBitmap} reads four pixels only and gives other values.
 */
public final class Resize {
    /** Binary places of a weight. */
    private static final int BITS = 22;

    private Resize() {}

    /**
     * A picture at the network's size.
     *
     * @return (height, width, channels) of the contract, values 0..255, channels in the order red,
     *     green, blue. Transparent pixels are blended with black.
     */
    public static byte[] toPixels(Picture picture, InputContract contract) {
        return toPixels(picture, contract.height, contract.width, contract.channels);
    }

    static byte[] toPixels(Picture picture, int height, int width, int channels) {
        Taps columns = new Taps(picture.width(), width);
        Taps rows = new Taps(picture.height(), height);
        int stride = width * channels;
        byte[] wide = new byte[picture.width() * channels];
        byte[] narrow = new byte[picture.height() * stride];
        for (int y = 0; y < picture.height(); y++) {
            unpack(picture, y, wide, channels);
            for (int x = 0; x < width; x++) {
                for (int channel = 0; channel < channels; channel++) {
                    narrow[y * stride + x * channels + channel] =
                            columns.apply(x, wide, channel, channels);
                }
            }
        }
        byte[] pixels = new byte[height * stride];
        for (int y = 0; y < height; y++) {
            for (int i = 0; i < stride; i++) {
                pixels[y * stride + i] = rows.apply(y, narrow, i, stride);
            }
        }
        return pixels;
    }

    private static void unpack(Picture picture, int y, byte[] values, int channels) {
        for (int x = 0; x < picture.width(); x++) {
            int argb = picture.argb(x, y);
            int alpha = argb >>> 24;
            int red = onBlack(argb >> 16 & 0xFF, alpha);
            int green = onBlack(argb >> 8 & 0xFF, alpha);
            int blue = onBlack(argb & 0xFF, alpha);
            if (channels == 1) {
                // ITU-R BT.601, in 16 binary places.
                values[x] = (byte) (red * 19595 + green * 38470 + blue * 7471 + 0x8000 >> 16);
            } else {
                values[3 * x] = (byte) red;
                values[3 * x + 1] = (byte) green;
                values[3 * x + 2] = (byte) blue;
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

    /** The weights along one side. */
    private static final class Taps {
        private final int[] first;
        private final int[][] weights;

        Taps(int from, int to) {
            first = new int[to];
            weights = new int[to][];
            double scale = (double) from / to;
            double reach = Math.max(scale, 1.0);
            double inverse = 1.0 / reach;
            for (int i = 0; i < to; i++) {
                double center = (i + 0.5) * scale;
                int low = Math.max(0, (int) (center - reach + 0.5));
                int high = Math.min(from, (int) (center + reach + 0.5));
                first[i] = low;
                weights[i] = triangle(low, high, center, inverse);
            }
        }

        private static int[] triangle(int low, int high, double center, double inverse) {
            double[] heights = new double[high - low];
            double sum = 0.0;
            for (int k = 0; k < heights.length; k++) {
                double distance = Math.abs((k + low - center + 0.5) * inverse);
                heights[k] = distance < 1.0 ? 1.0 - distance : 0.0;
                sum += heights[k];
            }
            int[] fixed = new int[heights.length];
            for (int k = 0; k < heights.length; k++) {
                double share = sum == 0.0 ? heights[k] : heights[k] / sum;
                fixed[k] = (int) (0.5 + share * (1 << BITS));
            }
            return fixed;
        }

        /** The weighted sum for place {@code i}: values from {@code offset} on, {@code step} apart. */
        byte apply(int i, byte[] values, int offset, int step) {
            int[] taps = weights[i];
            int sum = 1 << BITS - 1;
            int at = first[i] * step + offset;
            for (int weight : taps) {
                sum += (values[at] & 0xFF) * weight;
                at += step;
            }
            return (byte) Math.max(0, Math.min(255, sum >> BITS));
        }
    }
}
