package org.mobilecnn.core;

import java.util.Arrays;

/**
 * The weights along one side of a picture: for each place of the smaller one, a triangle as wide as the reduction.
 *
 * <p>Those of place {@code i} are from {@code start[i]} to before {@code start[i + 1]}, and belong to the pixels from
 * {@code first[i]} on.
 */
final class Taps {
    /** Binary places of a weight. */
    static final int BITS = 22;

    /** One half in the last place, for rounding. */
    static final int HALF = 1 << BITS - 1;

    final int from;
    final int to;
    final int[] first;
    final int[] start;
    final int[] weights;

    /** The weights that make {@code to} places of {@code from} pixels. */
    Taps(int from, int to) {
        this.from = from;
        this.to = to;
        first = new int[to];
        start = new int[to + 1];
        double scale = (double) from / to;
        double reach = Math.max(scale, 1.0);
        int[] all = new int[0];
        for (int i = 0; i < to; i++) {
            double center = (i + 0.5) * scale;
            int low = Math.max(0, (int) (center - reach + 0.5));
            int high = Math.min(from, (int) (center + reach + 0.5));
            double[] heights = triangle(low, high, center, 1.0 / reach);
            double sum = sum(heights);
            first[i] = low;
            start[i + 1] = start[i] + heights.length;
            if (all.length < start[i + 1]) {
                all = Arrays.copyOf(all, Math.max(2 * all.length, start[i + 1]));
            }
            for (int k = 0; k < heights.length; k++) {
                double share = sum == 0.0 ? heights[k] : heights[k] / sum;
                all[start[i] + k] = (int) (0.5 + share * (1 << BITS));
            }
        }
        weights = all;
    }

    /** The first pixel after those of place {@code i}. */
    int end(int i) {
        return first[i] + start[i + 1] - start[i];
    }

    /** The value, 0 to 255, of a sum of values times weights, with {@link #HALF} added. */
    static int value(int sum) {
        return Math.max(0, Math.min(255, sum >> BITS));
    }

    /** The heights of a triangle around {@code center} at the pixels from {@code low} to before {@code high}. */
    static double[] triangle(int low, int high, double center, double inverse) {
        double[] heights = new double[high - low];
        for (int k = 0; k < heights.length; k++) {
            double distance = Math.abs((k + low - center + 0.5) * inverse);
            heights[k] = distance < 1.0 ? 1.0 - distance : 0.0;
        }
        return heights;
    }

    static double sum(double[] heights) {
        double sum = 0.0;
        for (double height : heights) {
            sum += height;
        }
        return sum;
    }
}
