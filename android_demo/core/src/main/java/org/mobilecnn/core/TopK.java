package org.mobilecnn.core;

/** The largest of a row of scores. */
public final class TopK {
    private TopK() {}

    /**
     * Indices of the {@code count} largest scores, the best first; among equal scores, the first comes first. What is
     * not a number comes after all numbers.
     */
    public static int[] of(float[] scores, int count) {
        int[] best = new int[Math.min(count, scores.length)];
        boolean[] taken = new boolean[scores.length];
        for (int rank = 0; rank < best.length; rank++) {
            int next = -1;
            for (int i = 0; i < scores.length; i++) {
                if (!taken[i] && (next < 0 || above(scores[i], scores[next]))) {
                    next = i;
                }
            }
            best[rank] = next;
            taken[next] = true;
        }
        return best;
    }

    private static boolean above(float score, float other) {
        return score > other || Float.isNaN(other) && !Float.isNaN(score);
    }
}
