package org.mobilecnn.core;

import java.util.Arrays;

/** Statistics of latency samples. */
public final class Statistics {
    private Statistics() {}

    /**
     * A percentile, linear between the two nearest ranks: definition 7 of Hyndman and Fan, that of
     * numpy and of {@code mobilecnn bench}.
     *
     * @param percent from 0 to 100.
     */
    public static double percentile(long[] samples, double percent) {
        if (samples.length == 0 || !(percent >= 0 && percent <= 100)) {
            throw new IllegalArgumentException("no samples, or percent outside 0 to 100");
        }
        long[] sorted = samples.clone();
        Arrays.sort(sorted);
        double rank = percent / 100 * (sorted.length - 1);
        int below = (int) rank;
        int above = Math.min(below + 1, sorted.length - 1);
        return sorted[below] + (rank - below) * (sorted[above] - sorted[below]);
    }

    /** The 50th percentile. */
    public static double median(long[] samples) {
        return percentile(samples, 50);
    }
}
