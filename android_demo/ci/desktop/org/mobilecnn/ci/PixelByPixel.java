package org.mobilecnn.ci;

import java.nio.ByteBuffer;

/**
 * The app's first way from a decoded picture to the network's size, kept to be compared with: it asks for each pixel by
 * its place, and weighs each channel of it twice.
 *
 * <p>Its bytes are those of {@link org.mobilecnn.core.Resize}.
 */
final class PixelByPixel {
    /** Binary places of a weight. */
    private static final int BITS = 22;

    private PixelByPixel() {}

    /** A picture that is read pixel by pixel. */
    interface Source {
        /** Number of columns. */
        int width();

        /** Number of rows. */
        int height();

        /** A pixel as {@code 0xAARRGGBB}. */
        int argb(int x, int y);
    }

    /** A photo in memory: red, green, blue, alpha, a byte each. */
    static Source photo(int width, int height, ByteBuffer rgba) {
        return new Sized(width, height) {
            @Override
            public int argb(int x, int y) {
                int at = 4 * (y * width + x);
                return (rgba.get(at + 3) & 0xFF) << 24 | (rgba.get(at) & 0xFF) << 16
                        | (rgba.get(at + 1) & 0xFF) << 8 | rgba.get(at + 2) & 0xFF;
            }
        };
    }

    /** A camera frame in YUV 4:2:0, its colours side by side. */
    static Source frame(int width, int height, ByteBuffer luma, ByteBuffer blue, ByteBuffer red) {
        return new Sized(width, height) {
            @Override
            public int argb(int x, int y) {
                int bright = luma.get(y * width + x) & 0xFF;
                int place = (y >> 1) * width + (x >> 1) * 2;
                int cb = (blue.get(place) & 0xFF) - 128;
                int cr = (red.get(place) & 0xFF) - 128;
                // ITU-T T.871 (JFIF), in 16 binary places.
                int r = bright + (91881 * cr + 32768 >> 16);
                int g = bright + (-22554 * cb - 46802 * cr + 32768 >> 16);
                int b = bright + (116130 * cb + 32768 >> 16);
                return 0xFF000000 | clip(r) << 16 | clip(g) << 8 | clip(b);
            }
        };
    }

    /** A part of a picture: {@code width} columns from {@code left} on, and all rows. */
    static Source part(Source picture, int left, int width) {
        return new Sized(width, picture.height()) {
            @Override
            public int argb(int x, int y) {
                return picture.argb(left + x, y);
            }
        };
    }

    /** A picture turned clockwise by a quarter. */
    static Source turned(Source picture) {
        return new Sized(picture.height(), picture.width()) {
            @Override
            public int argb(int x, int y) {
                return picture.argb(y, picture.height() - 1 - x);
            }
        };
    }

    /** An opaque picture at another size: (height, width, 3), red, green, blue. */
    static byte[] toPixels(Source picture, int height, int width) {
        int stride = 3 * width;
        int[][] columns = new int[width][];
        int[][] rows = new int[height][];
        int[] left = weigh(columns, picture.width());
        int[] top = weigh(rows, picture.height());
        byte[] wide = new byte[3 * picture.width()];
        byte[] narrow = new byte[picture.height() * stride];
        for (int y = 0; y < picture.height(); y++) {
            for (int x = 0; x < picture.width(); x++) {
                int argb = picture.argb(x, y);
                int alpha = argb >>> 24;
                wide[3 * x] = (byte) onBlack(argb >> 16 & 0xFF, alpha);
                wide[3 * x + 1] = (byte) onBlack(argb >> 8 & 0xFF, alpha);
                wide[3 * x + 2] = (byte) onBlack(argb & 0xFF, alpha);
            }
            for (int x = 0; x < width; x++) {
                for (int channel = 0; channel < 3; channel++) {
                    narrow[y * stride + 3 * x + channel] = sum(wide, 3 * left[x] + channel, 3, columns[x]);
                }
            }
        }
        byte[] pixels = new byte[height * stride];
        for (int y = 0; y < height; y++) {
            for (int i = 0; i < stride; i++) {
                pixels[y * stride + i] = sum(narrow, top[y] * stride + i, stride, rows[y]);
            }
        }
        return pixels;
    }

    /** Fills in the weights of each place; the number of its first pixel. */
    private static int[] weigh(int[][] weights, int from) {
        int[] first = new int[weights.length];
        double scale = (double) from / weights.length;
        double reach = Math.max(scale, 1.0);
        for (int i = 0; i < first.length; i++) {
            double center = (i + 0.5) * scale;
            first[i] = Math.max(0, (int) (center - reach + 0.5));
            double[] heights = new double[Math.min(from, (int) (center + reach + 0.5)) - first[i]];
            double sum = 0.0;
            for (int k = 0; k < heights.length; k++) {
                heights[k] = Math.max(0.0, 1.0 - Math.abs((k + first[i] - center + 0.5) * (1.0 / reach)));
                sum += heights[k];
            }
            weights[i] = new int[heights.length];
            for (int k = 0; k < heights.length; k++) {
                weights[i][k] = (int) (0.5 + heights[k] / sum * (1 << BITS));
            }
        }
        return first;
    }

    private static byte sum(byte[] values, int from, int step, int[] weights) {
        int sum = 1 << BITS - 1;
        int at = from;
        for (int weight : weights) {
            sum += (values[at] & 0xFF) * weight;
            at += step;
        }
        return (byte) clip(sum >> BITS);
    }

    private static int onBlack(int value, int alpha) {
        if (alpha == 255) {
            return value;
        }
        int scaled = value * alpha * 128 + (0x80 << 7);
        return ((scaled >> 8) + scaled >> 8) >> 7;
    }

    private static int clip(int value) {
        return Math.max(0, Math.min(255, value));
    }

    /** A picture of a size. */
    private abstract static class Sized implements Source {
        private final int width;
        private final int height;

        Sized(int width, int height) {
            this.width = width;
            this.height = height;
        }

        @Override
        public int width() {
            return width;
        }

        @Override
        public int height() {
            return height;
        }
    }
}
