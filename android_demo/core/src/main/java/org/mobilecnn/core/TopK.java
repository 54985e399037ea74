package org.mobilecnn.core;

/** The best classes, and how sure the network is of each. */
public final class TopK {
    private TopK() {}

    /** Indices of the {@code count} largest scores, the best first; among equal scores, the first comes first. */
    public static int[] of(float[] scores, int count) {
        int[] best = new int[Math.min(count, scores.length)];
        boolean[] taken = new boolean[scores.length];
        for (int rank = 0; rank < best.length; rank++) {
            int next = -1;
            for (int i = 0; i < scores.length; i++) {
                if (!taken[i] && (next < 0 || scores[i] > scores[next])) {
                    next = i;
                }
            }
            best[rank] = next;
            taken[next] = true;
        }
        return best;
    }

    /**
     * How sure the network is, from 0 to 1: the scores themselves where they are probabilities
     * (none negative, sum 1), else their softmax.
     */
    public static float[] confidence(float[] scores) {
        double sum = 0.0;
        double largest = Double.NEGATIVE_INFINITY;
        boolean negative = false;
        for (float score : scores) {
            sum += score;
            largest = Math.max(largest, score);
            negative |= score < 0;
        }
        // The codes of an int8 softmax are off by up to half a step of 1/256 each.
        if (!negative && Math.abs(sum - 1.0) <= Math.max(0.02, scores.length / 512.0) && largest <= 1.0) {
            return scores.clone();
        }
        float[] shares = new float[scores.length];
        double total = 0.0;
        for (float score : scores) {
            total += Math.exp(score - largest);
        }
        for (int i = 0; i < scores.length; i++) {
            shares[i] = (float) (Math.exp(scores[i] - largest) / total);
        }
        return shares;
    }
}
