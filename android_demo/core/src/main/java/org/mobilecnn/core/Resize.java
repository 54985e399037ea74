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
    /** Number of rows of a turned picture that are read at a time: they share the lines of the cache. */
    private static final int ROWS = 16;

    /** Number of pixels from which on several threads are worth their start. */
    private static final int SHARED_PIXELS = 1 << 20;

    /** Largest number of threads; on phones with more cores, the others are slow. */
    private static final int MOST_THREADS = 4;

    private final int height;
    private final int width;
    private final int channels;
    private final byte[] pixels;

    /** The sums of each row of the result. */
    private final int[][] sums;

    /** What the calling thread works in; others have their own. */
    private final Line line;

    private Taps columns = new Taps(1, 1);
    private Taps rows = new Taps(1, 1);

    /** For pictures that become much narrower; null for others. */
    private Ramps ramps;

    /** Resizes to the size of a network's pictures. */
    public Resize(InputContract contract) {
        this(contract.height, contract.width, contract.channels);
    }

    Resize(int height, int width, int channels) {
        this.height = height;
        this.width = width;
        this.channels = channels;
        this.pixels = new byte[height * width * channels];
        this.sums = new int[height][width * channels];
        this.line = new Line();
    }

    /**
     * A picture at the network's size.
     *
     * @return (height, width, channels) of the contract, values 0..255, channels in the order red,
     *     green, blue; the next call writes over it. Transparent pixels are blended with black.
     */
    public byte[] toPixels(Picture picture) {
        if (columns.from != picture.width() || columns.to != width) {
            columns = new Taps(picture.width(), width);
            ramps = Ramps.of(columns);
        }
        if (rows.from != picture.height() || rows.to != height) {
            rows = new Taps(picture.height(), height);
        }
        if ((long) picture.width() * picture.height() < SHARED_PIXELS) {
            line.resize(picture, 0, height);
        } else {
            share(picture);
        }
        return pixels;
    }

    /** Resizes a large picture, a band to each thread. */
    private void share(Picture picture) {
        int count = Math.max(1, Math.min(MOST_THREADS, Runtime.getRuntime().availableProcessors()));
        int band = (height + count - 1) / count;
        Throwable[] failed = new Throwable[1];
        Thread[] threads = new Thread[count - 1];
        for (int i = 0; i < threads.length; i++) {
            int from = Math.min(height, (i + 1) * band);
            int to = Math.min(height, from + band);
            threads[i] = new Thread(() -> {
                try {
                    new Line().resize(picture, from, to);
                } catch (RuntimeException | OutOfMemoryError failure) {
                    failed[0] = failure;
                }
            }, "resize");
            threads[i].start();
        }
        try {
            line.resize(picture, 0, Math.min(height, band));
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

    /** What one thread works in: rows as they are read, and one at the network's width. */
    private final class Line {
        private final int[] narrow = new int[width * channels];
        private int[] block = new int[0];
        private Ramps.Memory memory;

        /** Makes the rows of the result from {@code from} to before {@code to}. */
        void resize(Picture picture, int from, int to) {
            if (from == to) {
                return;
            }
            boolean swapped = picture.order() == Picture.Order.ABGR;
            boolean inPlace = ramps != null && channels == 3 && picture.upright();
            int across = picture.width();
            int atOnce = inPlace ? 1 : ROWS;
            if (block.length != atOnce * across) {
                block = new int[atOnce * across];
            }
            if (ramps != null && (memory == null || memory.pixels() != across)) {
                memory = new Ramps.Memory(across);
            }
            for (int row = from; row < to; row++) {
                Arrays.fill(sums[row], Taps.HALF);
            }
            int low = from;
            int end = rows.end(to - 1);
            for (int y = rows.first[from]; y < end; y += atOnce) {
                int count = Math.min(atOnce, end - y);
                if (!inPlace) {
                    picture.rows(y, count, block);
                }
                for (int i = 0; i < count; i++) {
                    if (inPlace) {
                        narrowSteeply(picture.pixels(), y * across, swapped);
                    } else if (ramps != null && channels == 3) {
                        narrowSteeply(block, i * across, swapped);
                    } else {
                        narrow(i * across, across, swapped);
                    }
                    low = add(y + i, low, to);
                }
            }
            for (int row = from; row < to; row++) {
                for (int i = 0; i < narrow.length; i++) {
                    pixels[row * narrow.length + i] = (byte) Taps.value(sums[row][i]);
                }
            }
        }

        /** Adds a row of the picture to those of the result that it belongs to: the first of them, from {@code low} on. */
        private int add(int y, int low, int to) {
            int first = low;
            while (rows.end(first) <= y) {
                first++;
            }
            for (int row = first; row < to && rows.first[row] <= y; row++) {
                addWeighted(sums[row], narrow, rows.weights[rows.start[row] + y - rows.first[row]]);
            }
            return first;
        }

        private void narrow(int at, int across, boolean swapped) {
            blend(at, across, swapped);
            if (ramps != null) {
                ramps.row(block, at, memory, narrow, 1, 0, 0);
            } else if (channels == 1) {
                narrowGrey(at);
            } else {
                narrowColours(at, swapped);
            }
        }

        /** Resizes a row of colours to much less. */
        private void narrowSteeply(int[] row, int at, boolean swapped) {
            int high = swapped ? 2 : 0;
            int low = 2 - high;
            if (!ramps.row(row, at, memory, narrow, 3, high, low)) {
                int start = row == block ? at : 0;
                System.arraycopy(row, at, block, start, columns.from);
                blend(start, columns.from, swapped);
                ramps.row(block, start, memory, narrow, 3, high, low);
            }
        }

        // The compiler keeps local variables in registers, and proves that they stay within their arrays.
        private void narrowColours(int at, boolean swapped) {
            int[] some = block;
            int[] values = narrow;
            int[] first = columns.first;
            int[] start = columns.start;
            int[] weights = columns.weights;
            int red = swapped ? 2 : 0;
            int blue = 2 - red;
            for (int x = 0; x < width; x++) {
                // Red and blue (or blue and red) in the halves of one number: no sum is longer than 31 bits.
                long redBlue = (long) Taps.HALF << 32 | Taps.HALF;
                int green = Taps.HALF;
                int end = start[x + 1];
                int shift = at + first[x] - start[x];
                for (int k = start[x]; k < end; k++) {
                    int weight = weights[k];
                    int argb = some[k + shift];
                    redBlue += ((long) (argb & 0xFF0000) << 16 | argb & 0xFF) * weight;
                    green += (argb >> 8 & 0xFF) * weight;
                }
                values[red + 3 * x] = Taps.value((int) (redBlue >> 32));
                values[1 + 3 * x] = Taps.value(green);
                values[blue + 3 * x] = Taps.value((int) redBlue);
            }
        }

        private void narrowGrey(int at) {
            for (int x = 0; x < width; x++) {
                int end = columns.start[x + 1];
                int shift = at + columns.first[x] - columns.start[x];
                int grey = Taps.HALF;
                for (int k = columns.start[x]; k < end; k++) {
                    grey += block[k + shift] * columns.weights[k];
                }
                narrow[x] = Taps.value(grey);
            }
        }

        /** Blends pixels with black where they are transparent; for a grey network, to their brightness. */
        private void blend(int from, int count, boolean swapped) {
            int[] some = block;
            int to = from + count;
            int opaque = -1;
            for (int i = from; i < to; i++) {
                opaque &= some[i];
            }
            if (opaque >>> 24 != 255) {
                for (int i = from; i < to; i++) {
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
                for (int i = from; i < to; i++) {
                    int argb = some[i];
                    some[i] = (argb >> 16 & 0xFF) * high + (argb >> 8 & 0xFF) * 38470 + (argb & 0xFF) * low + 0x8000 >> 16;
                }
            }
        }
    }

    private static void addWeighted(int[] sums, int[] values, int weight) {
        for (int i = 0; i < sums.length; i++) {
            sums[i] += values[i] * weight;
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
