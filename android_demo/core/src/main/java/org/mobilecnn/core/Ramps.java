package org.mobilecnn.core;

import java.util.Arrays;

/**
 * The weights of {@link Taps} for sides that become much shorter, as two ramps for each place: from them follow the very
 * values of {@link Taps}, with one look at each pixel.
 *
 * <p>Between the centres of two neighbouring places, a piece of the side, the weights of the one fall from pixel to pixel by
 * as much as those of the other rise. So two sums over a piece serve both places: that of its pixels, and that of each
 * pixel times its distance from the end. The weights of {@link Taps} are these, rounded by half a unit at most, so that the
 * sums give a value within known bounds; in the rare case that these lie on both sides of a half, the weights decide.
 */
final class Ramps {
    /** Smallest and largest reduction; below, the weights are faster, and above, the sums grow too large. */
    private static final int LEAST = 5;
    private static final int MOST = 1000;

    /** Largest number of pixels whose sum of distances, 22 * 23 / 2 * 255, fits into 16 bits. */
    static final int CHUNK = 22;

    /** Sums of one colour over pieces: of many pieces of a row, or of one piece of many rows. */
    static final class Sums {
        /** Of the pixels. */
        final int[] plain;

        /** Of the pixels times their distance from the end of the piece, which is 1 for the last pixel. */
        final int[] weighted;

        Sums(int size) {
            plain = new int[size];
            weighted = new int[size];
        }

        void clear() {
            Arrays.fill(plain, 0);
            Arrays.fill(weighted, 0);
        }
    }

    /** Number of places. */
    final int count;

    /** Piece {@code i}, between the centres of places {@code i - 1} and {@code i}, begins at {@code edges[i]}. */
    final int[] edges;

    private final Taps taps;

    /** Weight at the end of the piece to the left of a place, and of that to the right, in units of {@link Taps}. */
    private final int[] left;
    private final int[] right;

    /** By how much a weight differs from that of its neighbour, with {@link #places} binary places more. */
    private final int[] slope;
    private final int places;

    private Ramps(Taps taps) {
        this.taps = taps;
        count = taps.to;
        double scale = (double) taps.from / count;
        edges = new int[count + 2];
        left = new int[count];
        right = new int[count];
        slope = new int[count];
        for (int i = 0; i < count; i++) {
            edges[i + 1] = Math.min(taps.from, (int) Math.ceil((i + 0.5) * scale - 0.5));
        }
        edges[count + 1] = taps.from;
        // A slope times a number of as many binary places fits into 31 bits, also at the ends, where weights may be twice as large.
        places = (int) ((30.0 - Taps.BITS + 2.0 * Math.log(scale) / Math.log(2.0)) / 2.0);
        for (int i = 0; i < count; i++) {
            double center = (i + 0.5) * scale;
            double one = (1 << Taps.BITS) / Taps.sum(Taps.triangle(taps.first[i], taps.end(i), center, 1.0 / scale));
            left[i] = (int) Math.round(one * (1.0 - (center - edges[i + 1] - 0.5) / scale));
            right[i] = (int) Math.round(one * (1.0 - (edges[i + 2] + 0.5 - center) / scale));
            slope[i] = (int) Math.round(one / scale * (1 << places));
        }
    }

    /** For these weights; null where they are not suited. */
    static Ramps of(Taps taps) {
        double scale = (double) taps.from / taps.to;
        return scale >= LEAST && scale <= MOST ? new Ramps(taps) : null;
    }

    /**
     * The values of all places of a row, of one colour.
     *
     * @param before for each place, the sums of the piece to its left.
     * @param after for each place, the sums of the piece to its right.
     * @param into receives the value of each place.
     * @param unsure receives what is not 0 where only {@link #byWeights} knows the value.
     */
    void row(Sums before, Sums after, int[] into, int[] unsure) {
        subtract(after.weighted, before.weighted, into);
        int more = places;
        int mask = (1 << more) - 1;
        for (int i = 0; i < into.length; i++) {
            into[i] = slope[i] * (into[i] >> more) + (slope[i] * (into[i] & mask) >> more);
        }
        addWeighted(before.plain, left, after.plain, right, into);
        settle(before.plain, after.plain, into, unsure);
    }

    /** The values of one place in many rows, of one colour: as {@link #row}, the sums each of many rows. */
    void place(int place, Sums before, Sums after, int[] into, int[] unsure) {
        subtract(after.weighted, before.weighted, into);
        int steep = slope[place];
        int more = places;
        int mask = (1 << more) - 1;
        for (int i = 0; i < into.length; i++) {
            into[i] = steep * (into[i] >> more) + (steep * (into[i] & mask) >> more);
        }
        addWeighted(before.plain, left[place], after.plain, right[place], into);
        settle(before.plain, after.plain, into, unsure);
    }

    // Small loops over arrays: Java makes vector instructions of them, and of large ones it does not.

    private static void subtract(int[] from, int[] what, int[] into) {
        for (int i = 0; i < into.length; i++) {
            into[i] = from[i] - what[i];
        }
    }

    private static void addWeighted(int[] some, int[] weights, int[] others, int[] theirs, int[] into) {
        for (int i = 0; i < into.length; i++) {
            into[i] += some[i] * weights[i] + others[i] * theirs[i];
        }
    }

    private static void addWeighted(int[] some, int weight, int[] others, int theirs, int[] into) {
        for (int i = 0; i < into.length; i++) {
            into[i] += some[i] * weight + others[i] * theirs;
        }
    }

    /** From sums of values times weights to values, where it is sure of them. */
    private static void settle(int[] some, int[] others, int[] into, int[] unsure) {
        for (int i = 0; i < into.length; i++) {
            unsure[i] = some[i] + others[i];
        }
        for (int i = 0; i < into.length; i++) {
            int sum = into[i] + Taps.HALF;
            // Half a unit for the rounding of each weight, half a unit for the two ends here, and a little for the slope.
            int doubt = unsure[i] + (unsure[i] >> 3) + 8;
            unsure[i] = (sum - doubt ^ sum + doubt) >>> Taps.BITS;
            into[i] = sum >> Taps.BITS;
        }
    }

    /** The first place from {@code from} on with a number other than 0; the length where there is none. */
    static int next(int[] unsure, int from) {
        int i = from;
        // Most are sure: look at eight at a time.
        while (i + 8 <= unsure.length && (unsure[i] | unsure[i + 1] | unsure[i + 2] | unsure[i + 3]
                | unsure[i + 4] | unsure[i + 5] | unsure[i + 6] | unsure[i + 7]) == 0) {
            i += 8;
        }
        while (i < unsure.length && unsure[i] == 0) {
            i++;
        }
        return i;
    }

    /** The first pixel that a place has a weight for. */
    int first(int place) {
        return taps.first[place];
    }

    /** The number of pixels that a place has weights for. */
    int length(int place) {
        return taps.end(place) - taps.first[place];
    }

    /**
     * The value of a place by its weights.
     *
     * @param pixels those that it has weights for, from {@code at} on; of each, the bits from {@code shift} on.
     */
    int byWeights(int[] pixels, int at, int place, int shift) {
        int exact = Taps.HALF;
        int shifted = at - taps.start[place];
        for (int k = taps.start[place]; k < taps.start[place + 1]; k++) {
            exact += (pixels[k + shifted] >> shift & 0xFF) * taps.weights[k];
        }
        return Taps.value(exact);
    }
}
