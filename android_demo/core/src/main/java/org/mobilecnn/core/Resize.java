package org.mobilecnn.core;

import java.util.Arrays;

/**
 * The rule {@code stretch}: the whole picture is resized to the network's size, bilinear with
 * antialiasing.
 *
 * <p>The arithmetic is that of {@code to_pixels} in {@code train/images.py}, which made the numbers
 * that the network was trained, calibrated and checked with: rows first, then columns, each with
 * weights of a triangle as wide as the reduction, rounded to 22 binary places, as Pillow does it.
 * Android's own {@code Bitmap.createScaledBitmap} reads four pixels only and gives other values.
 *
 * <p>An instance keeps its memory for the next picture of the same size. One thread may use it at a
 * time; a large picture is shared among several threads within.
 */
public final class Resize {
    /** Binary places of a weight. */
    private static final int BITS = 22;

    /** One half in the last place, for rounding. */
    private static final int HALF = 1 << BITS - 1;

    /** Number of rows that are read at a time: of a turned picture, they share the lines of the cache. */
    private static final int ROWS = 16;

    /** Number of pixels from which on several threads are worth their start. */
    private static final int SHARED_PIXELS = 1 << 20;

    /** Largest number of threads; on phones with more cores, the others are slow. */
    private static final int MOST_THREADS = 4;

    private final int height;
    private final int width;
    private final int channels;
    private final byte[] pixels;
    private final int[] sums;
    private Taps columns = new Taps(1, 1);
    private Taps rows = new Taps(1, 1);
    private byte[] narrow = new byte[0];
    private int[] block = new int[0];

    /** Resizes to the size of a network's pictures. */
    public Resize(InputContract contract) {
        this(contract.height, contract.width, contract.channels);
    }

    Resize(int height, int width, int channels) {
        this.height = height;
        this.width = width;
        this.channels = channels;
        this.pixels = new byte[height * width * channels];
        this.sums = new int[width * channels];
    }

    /**
     * A picture at the network's size.
     *
     * @return (height, width, channels) of the contract, values 0..255, channels in the order red,
     *     green, blue; the next call writes over it. Transparent pixels are blended with black.
     */
    public byte[] toPixels(Picture picture) {
        columns = columns.of(picture.width(), width);
        rows = rows.of(picture.height(), height);
        int stride = width * channels;
        if (narrow.length != picture.height() * stride) {
            narrow = new byte[picture.height() * stride];
        }
        if (block.length != ROWS * picture.width()) {
            block = new int[ROWS * picture.width()];
        }
        if ((long) picture.width() * picture.height() < SHARED_PIXELS) {
            narrow(picture, 0, picture.height(), block);
        } else {
            share(picture);
        }
        for (int y = 0; y < height; y++) {
            Arrays.fill(sums, HALF);
            int from = rows.first[y] * stride;
            for (int k = rows.start[y]; k < rows.start[y + 1]; k++) {
                int weight = rows.weights[k];
                for (int i = 0; i < stride; i++) {
                    sums[i] += (narrow[from + i] & 0xFF) * weight;
                }
                from += stride;
            }
            for (int i = 0; i < stride; i++) {
                pixels[y * stride + i] = value(sums[i]);
            }
        }
        return pixels;
    }

    /** Narrows the rows of a large picture, a band to each thread. */
    private void share(final Picture picture) {
        int count = Math.max(1, Math.min(MOST_THREADS, Runtime.getRuntime().availableProcessors()));
        int band = (picture.height() + count - 1) / count;
        final Throwable[] failed = new Throwable[1];
        Thread[] threads = new Thread[count - 1];
        for (int i = 0; i < threads.length; i++) {
            final int from = Math.min(picture.height(), (i + 1) * band);
            final int to = Math.min(picture.height(), from + band);
            threads[i] = new Thread("resize") {
                @Override
                public void run() {
                    try {
                        narrow(picture, from, to, new int[ROWS * picture.width()]);
                    } catch (RuntimeException | OutOfMemoryError failure) {
                        failed[0] = failure;
                    }
                }
            };
            threads[i].start();
        }
        try {
            narrow(picture, 0, Math.min(picture.height(), band), block);
        } finally {
            join(threads);
        }
        if (failed[0] instanceof OutOfMemoryError) {
            throw (OutOfMemoryError) failed[0];
        } else if (failed[0] != null) {
            throw new IllegalStateException(failed[0]);
        }
    }

    private static void join(Thread[] threads) {
        boolean interrupted = false;
        for (Thread thread : threads) {
            while (thread.isAlive()) {
                try {
                    thread.join();
                } catch (InterruptedException interrupt) {
                    // The rows are needed all the same; who interrupts finds out below.
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Resizes the rows from {@code from} to before {@code to} to the network's width. */
    private void narrow(Picture picture, int from, int to, int[] some) {
        boolean swapped = picture.order() == Picture.Order.ABGR;
        int across = picture.width();
        for (int y = from; y < to; y += ROWS) {
            int count = Math.min(ROWS, to - y);
            picture.rows(y, count, some);
            blend(some, count * across, swapped);
            for (int row = 0; row < count; row++) {
                if (channels == 1) {
                    narrowGrey(some, row * across, (y + row) * width);
                } else {
                    narrowColours(some, row * across, (y + row) * width * 3, swapped);
                }
            }
        }
    }

    // The compiler keeps local variables in registers, and proves that they stay within their arrays.
    private void narrowColours(int[] some, int row, int to, boolean swapped) {
        byte[] values = narrow;
        int[] first = columns.first;
        int[] start = columns.start;
        int[] weights = columns.weights;
        int red = swapped ? to + 2 : to;
        int blue = swapped ? to : to + 2;
        for (int x = 0; x < width; x++) {
            // Red and blue (or blue and red) in the halves of one number: no sum is longer than 31 bits.
            long redBlue = (long) HALF << 32 | HALF;
            int green = HALF;
            int end = start[x + 1];
            int shift = row + first[x] - start[x];
            for (int k = start[x]; k < end; k++) {
                int weight = weights[k];
                int argb = some[k + shift];
                redBlue += ((long) (argb & 0xFF0000) << 16 | argb & 0xFF) * weight;
                green += (argb >> 8 & 0xFF) * weight;
            }
            values[red + 3 * x] = value((int) (redBlue >> 32));
            values[to + 1 + 3 * x] = value(green);
            values[blue + 3 * x] = value((int) redBlue);
        }
    }

    private void narrowGrey(int[] some, int row, int to) {
        for (int x = 0; x < width; x++) {
            int end = columns.start[x + 1];
            int shift = row + columns.first[x] - columns.start[x];
            int grey = HALF;
            for (int k = columns.start[x]; k < end; k++) {
                grey += some[k + shift] * columns.weights[k];
            }
            narrow[to + x] = value(grey);
        }
    }

    /** Blends pixels with black where they are transparent; for a grey network, to their brightness. */
    private void blend(int[] some, int count, boolean swapped) {
        int opaque = -1;
        for (int i = 0; i < count; i++) {
            opaque &= some[i];
        }
        if (opaque >>> 24 != 255) {
            for (int i = 0; i < count; i++) {
                int argb = some[i];
                int alpha = argb >>> 24;
                some[i] = onBlack(argb >> 16 & 0xFF, alpha) << 16 | onBlack(argb >> 8 & 0xFF, alpha) << 8
                        | onBlack(argb & 0xFF, alpha);
            }
        }
        if (channels == 1) {
            // ITU-R BT.601, in 16 binary places.
            int high = swapped ? 7471 : 19595;
            int low = swapped ? 19595 : 7471;
            for (int i = 0; i < count; i++) {
                int argb = some[i];
                some[i] = (argb >> 16 & 0xFF) * high + (argb >> 8 & 0xFF) * 38470 + (argb & 0xFF) * low + 0x8000 >> 16;
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

    private static byte value(int sum) {
        return (byte) Math.max(0, Math.min(255, sum >> BITS));
    }

    /** The weights along one side: those of place {@code i} are from {@code start[i]} to before {@code start[i + 1]}. */
    private static final class Taps {
        private final int from;
        private final int[] first;
        private final int[] start;
        private final int[] weights;

        Taps(int from, int to) {
            this.from = from;
            first = new int[to];
            start = new int[to + 1];
            double scale = (double) from / to;
            double reach = Math.max(scale, 1.0);
            double inverse = 1.0 / reach;
            int[] all = new int[0];
            for (int i = 0; i < to; i++) {
                double center = (i + 0.5) * scale;
                int low = Math.max(0, (int) (center - reach + 0.5));
                int high = Math.min(from, (int) (center + reach + 0.5));
                int[] some = triangle(low, high, center, inverse);
                first[i] = low;
                start[i + 1] = start[i] + some.length;
                if (all.length < start[i + 1]) {
                    all = Arrays.copyOf(all, Math.max(2 * all.length, start[i + 1]));
                }
                System.arraycopy(some, 0, all, start[i], some.length);
            }
            weights = all;
        }

        /** The weights for these sizes: these, if they are. */
        Taps of(int wantedFrom, int to) {
            return from == wantedFrom && first.length == to ? this : new Taps(wantedFrom, to);
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
    }
}
