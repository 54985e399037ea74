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

    /** The sums of each row of the result, of each colour. */
    private final int[][][] sums;

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
        this.sums = new int[height][channels][width];
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
        /** A row, of each colour: of the bits from 0, 8 and 16 on. */
        private final int[][] narrow = new int[channels][width];
        private int[] block = new int[0];
        private RampRow row;
        private RampColumns many;
        private Ramps made;

        /** Makes the rows of the result from {@code from} to before {@code to}. */
        void resize(Picture picture, int from, int to) {
            if (from == to) {
                return;
            }
            for (int row = from; row < to; row++) {
                for (int[] colour : sums[row]) {
                    Arrays.fill(colour, Taps.HALF);
                }
            }
            Ink ink = new Ink(channels == 1, picture.order());
            if (ramps != made) {
                row = ramps == null ? null : new RampRow(ramps);
                many = null;
                made = ramps;
            }
            if (ramps != null && picture.aside()) {
                addColumns(picture, ink, from, to);
            } else {
                addRows(picture, ink, from, to);
            }
            write(from, to, picture.order() == Picture.Order.ABGR);
        }

        private void addRows(Picture picture, Ink ink, int from, int to) {
            boolean inPlace = ramps != null && channels == 3 && picture.upright();
            int across = picture.width();
            int atOnce = inPlace ? 1 : ROWS;
            if (block.length != atOnce * across) {
                block = new int[atOnce * across];
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
                        narrowInPlace(picture.pixels(), y * across, across, ink);
                    } else {
                        narrow(i * across, across, ink);
                    }
                    low = add(y + i, low, to);
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
                int weight = rows.weights[rows.start[row] + y - rows.first[row]];
                for (int colour = 0; colour < channels; colour++) {
                    addWeighted(sums[row][colour], narrow[colour], weight);
                }
            }
            return first;
        }

        /** Resizes a row where it is stored, unless it has to be laid on black. */
        private void narrowInPlace(int[] pixels, int at, int across, Ink ink) {
            if (!row.resize(pixels, at, narrow)) {
                System.arraycopy(pixels, at, block, 0, across);
                narrow(0, across, ink);
            }
        }

        private void narrow(int at, int across, Ink ink) {
            ink.blend(block, at, across);
            if (row != null) {
                row.resize(block, at, narrow);
            } else if (channels == 1) {
                narrowGrey(at);
            } else {
                narrowColours(at);
            }
        }

        // The compiler keeps local variables in registers, and proves that they stay within their arrays.
        private void narrowColours(int at) {
            int[] some = block;
            int[] low = narrow[0];
            int[] middle = narrow[1];
            int[] high = narrow[2];
            int[] first = columns.first;
            int[] start = columns.start;
            int[] weights = columns.weights;
            for (int x = 0; x < width; x++) {
                // Two colours in the halves of one number: no sum is longer than 31 bits.
                long both = (long) Taps.HALF << 32 | Taps.HALF;
                int green = Taps.HALF;
                int end = start[x + 1];
                int shift = at + first[x] - start[x];
                for (int k = start[x]; k < end; k++) {
                    int weight = weights[k];
                    int argb = some[k + shift];
                    both += ((long) (argb & 0xFF0000) << 16 | argb & 0xFF) * weight;
                    green += (argb >> 8 & 0xFF) * weight;
                }
                low[x] = Taps.value((int) both);
                middle[x] = Taps.value(green);
                high[x] = Taps.value((int) (both >> 32));
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
                narrow[0][x] = Taps.value(grey);
            }
        }

        /** Adds all rows of a picture that is stored on its side, some hundreds at a time. */
        private void addColumns(Picture picture, Ink ink, int from, int to) {
            int low = from;
            int end = rows.end(to - 1);
            for (int y = rows.first[from]; y < end; y += RampColumns.ROWS) {
                int top = y;
                int count = Math.min(RampColumns.ROWS, end - y);
                int first = low;
                if (many == null || many.rows() != count) {
                    many = new RampColumns(ramps, count);
                }
                boolean down = picture.down() > 0;
                int stored = picture.index(0, down ? y : y + count - 1);
                many.resize(picture.pixels(), stored, picture.right(), ink, channels, (colour, place, values) -> {
                    for (int row = first; row < to && rows.first[row] < top + count; row++) {
                        sums[row][colour][place] += weighted(row, top, values, down);
                    }
                });
                while (low < to && rows.end(low) <= y + count) {
                    low++;
                }
            }
        }

        /** What values from row {@code top} of the picture on, or back to it, add to a row of the result. */
        private int weighted(int row, int top, int[] values, boolean down) {
            int[] weights = rows.weights;
            int begin = Math.max(top, rows.first[row]);
            int end = Math.min(top + values.length, rows.end(row));
            int shift = rows.start[row] - rows.first[row];
            int sum = 0;
            if (down) {
                for (int y = begin; y < end; y++) {
                    sum += values[y - top] * weights[shift + y];
                }
            } else {
                int last = top + values.length - 1;
                for (int y = begin; y < end; y++) {
                    sum += values[last - y] * weights[shift + y];
                }
            }
            return sum;
        }

        private void write(int from, int to, boolean swapped) {
            for (int colour = 0; colour < channels; colour++) {
                int channel = swapped ? colour : channels - 1 - colour;
                for (int row = from; row < to; row++) {
                    int[] values = sums[row][colour];
                    int at = row * width * channels + channel;
                    for (int value : values) {
                        pixels[at] = (byte) Taps.value(value);
                        at += channels;
                    }
                }
            }
        }
    }

    private static void addWeighted(int[] sums, int[] values, int weight) {
        for (int i = 0; i < sums.length; i++) {
            sums[i] += values[i] * weight;
        }
    }
}
