package org.mobilecnn.core;

/**
 * Resizes rows that become much narrower: to the very values that {@link Taps} gives, with one look at each pixel.
 *
 * <p>Between the centres of two neighbouring places, the weights of the one fall from pixel to pixel by as much as those of
 * the other rise. So two sums over these pixels serve both places: that of the pixels, and that of each pixel times
 * its number. The weights of {@link Taps} are these, rounded by half a unit at most, so that the two sums give a value
 * within known bounds; in the rare case that these lie on both sides of a half, the weights decide.
 */
final class Ramps {
    /** Smallest and largest reduction; below, the weights are faster, and above, the sums grow too large. */
    private static final int LEAST = 5;
    private static final int MOST = 1000;

    /** Largest number of pixels whose sum of sums, 22 * 23 / 2 * 255, fits into 16 bits. */
    private static final int CHUNK = 22;

    /** Binary places of the weights here, beyond those of {@link Taps}. */
    private static final int PLACES = 24;

    /** Where the four bytes of a pixel go in a number of 64 bits, which has room for sums of them. */
    private static final long BYTES = 0x00FF00FF00FF00FFL;

    private final Taps taps;

    /** Piece {@code i}, between the centres of places {@code i - 1} and {@code i}, begins at {@code edges[i]}. */
    private final int[] edges;

    /** Weight of the first pixel of the piece to the left of a place, and to the right, in units of 2^-24. */
    private final long[] left;
    private final long[] right;

    /** By how much a weight differs from that of its neighbour, in the same units. */
    private final long[] slope;

    private Ramps(Taps taps) {
        this.taps = taps;
        double scale = (double) taps.from / taps.to;
        edges = new int[taps.to + 2];
        left = new long[taps.to];
        right = new long[taps.to];
        slope = new long[taps.to];
        for (int i = 0; i < taps.to; i++) {
            edges[i + 1] = Math.min(taps.from, (int) Math.ceil((i + 0.5) * scale - 0.5));
        }
        edges[taps.to + 1] = taps.from;
        for (int i = 0; i < taps.to; i++) {
            double center = (i + 0.5) * scale;
            double[] heights = Taps.triangle(taps.first[i], taps.end(i), center, 1.0 / scale);
            double one = (double) (1L << Taps.BITS + PLACES) / Taps.sum(heights);
            left[i] = Math.round(one * (1.0 - (center - edges[i] - 0.5) / scale));
            right[i] = Math.round(one * (1.0 - (edges[i + 1] + 0.5 - center) / scale));
            slope[i] = Math.round(one / scale);
        }
    }

    /** For these weights; null where they are not suited. */
    static Ramps of(Taps taps) {
        double scale = (double) taps.from / taps.to;
        return scale >= LEAST && scale <= MOST ? new Ramps(taps) : null;
    }

    /** The memory that a thread needs for rows: of each pixel, the sums up to it. */
    static final class Memory {
        private final long[] sum;
        private final long[] sums;

        Memory(int pixels) {
            sum = new long[pixels + 1];
            sums = new long[pixels + 1];
        }

        /** Number of pixels of a row. */
        int pixels() {
            return sum.length - 1;
        }

        /** Adds up a row: four sums in the quarters of a number, and sums of these sums. They overflow, their differences do not. */
        private void add(int[] pixels, int at) {
            long one = 0;
            long two = 0;
            for (int k = 1; k < sum.length; k++) {
                long pixel = pixels[at + k - 1] & 0xFFFFFFFFL;
                one += (pixel | pixel << 24) & BYTES;
                two += one;
                sum[k] = one;
                sums[k] = two;
            }
        }
    }

    /**
     * Resizes a row of pixels.
     *
     * @param pixels the row is from {@code at} on; for a grey result, the values themselves.
     * @param into receives the values, the channels of a place side by side.
     * @param high the channel of the pixels' bits 16 to 23, and {@code low} of bits 0 to 7.
     * @return whether every pixel is opaque; what is written takes it to be.
     */
    boolean row(int[] pixels, int at, Memory memory, int[] into, int channels, int high, int low) {
        memory.add(pixels, at);
        long[] added = memory.sum;
        long[] twice = memory.sums;
        int alpha = 0;
        // The sums of the piece to the left of a place, for bits 0 to 7, 8 to 15 and 16 to 23.
        int low0 = 0;
        int low1 = 0;
        int mid0 = 0;
        int mid1 = 0;
        int high0 = 0;
        int high1 = 0;
        for (int piece = 0; piece <= taps.to; piece++) {
            int nextLow0 = 0;
            int nextLow1 = 0;
            int nextMid0 = 0;
            int nextMid1 = 0;
            int nextHigh0 = 0;
            int nextHigh1 = 0;
            int end = edges[piece + 1];
            for (int k = edges[piece]; k < end; k += CHUNK) {
                int stop = Math.min(end, k + CHUNK);
                long sum = added[stop] - added[k];
                // It counts a pixel from the end of the chunk, and those before as often as there are pixels in it.
                long sums = twice[stop] - twice[k] - (stop - k) * added[k];
                int count = stop - edges[piece];
                int some = (int) sum & 0xFFFF;
                nextLow0 += some;
                nextLow1 += count * some - ((int) sums & 0xFFFF);
                some = (int) sum >>> 16;
                nextHigh0 += some;
                nextHigh1 += count * some - ((int) sums >>> 16);
                some = (int) (sum >>> 32) & 0xFFFF;
                nextMid0 += some;
                nextMid1 += count * some - ((int) (sums >>> 32) & 0xFFFF);
                alpha += (int) (sum >>> 48);
            }
            if (piece > 0) {
                int place = piece - 1;
                int base = place * channels;
                into[base + low] = value(pixels, at, place, 0, low0, low1, nextLow0, nextLow1);
                if (channels == 3) {
                    into[base + 1] = value(pixels, at, place, 8, mid0, mid1, nextMid0, nextMid1);
                    into[base + high] = value(pixels, at, place, 16, high0, high1, nextHigh0, nextHigh1);
                }
            }
            low0 = nextLow0;
            low1 = nextLow1;
            mid0 = nextMid0;
            mid1 = nextMid1;
            high0 = nextHigh0;
            high1 = nextHigh1;
        }
        return alpha == 255 * taps.from;
    }

    /** The value of a place, by the sums of the pieces to its left and right, of the bits from {@code shift} on. */
    private int value(int[] pixels, int at, int place, int shift, int sum, int sums, int nextSum, int nextSums) {
        long fine = left[place] * sum + slope[place] * (sums - nextSums) + right[place] * nextSum;
        int about = Taps.HALF + (int) (fine >> PLACES);
        // Half a unit for each weight, and a few for what is rounded here.
        int doubt = (sum + nextSum >> 1) + 8;
        return (about - doubt ^ about + doubt) >>> Taps.BITS == 0
                ? about >> Taps.BITS
                : byWeights(pixels, at, place, shift);
    }

    private int byWeights(int[] pixels, int at, int place, int shift) {
        int exact = Taps.HALF;
        int shifted = at + taps.first[place] - taps.start[place];
        for (int k = taps.start[place]; k < taps.start[place + 1]; k++) {
            exact += (pixels[k + shifted] >> shift & 0xFF) * taps.weights[k];
        }
        return Taps.value(exact);
    }
}
