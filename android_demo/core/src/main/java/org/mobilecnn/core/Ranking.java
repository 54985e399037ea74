package org.mobilecnn.core;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** From scores to an answer, as {@code quantize/decisions.py} has it: the best classes and their probabilities. */
public final class Ranking {
    private static final double THRESHOLD = 0.5;

    /** One class or label of an answer. */
    public static final class Entry {
        /** The class or label. */
        public final int index;

        /** The model's score; of the first of two classes that of the second turned round. */
        public final double score;

        /** From 0 to 1; NaN where the kind of the output makes no probabilities. */
        public final double probability;

        /** Whether it is the answer, or one of the labels of the answer. */
        public final boolean chosen;

        Entry(int index, double score, double probability, boolean chosen) {
            this.index = index;
            this.score = score;
            this.probability = probability;
            this.chosen = chosen;
        }
    }

    private Ranking() {}

    /** Whether the scores are an answer: all of them are finite numbers. */
    public static boolean finite(float[] scores) {
        for (float score : scores) {
            if (Float.isNaN(score) || Float.isInfinite(score)) {
                return false;
            }
        }
        return true;
    }

    /** The {@code count} best classes or labels, and every chosen one beyond; of equal ones the first comes first. */
    public static List<Entry> of(OutputKind kind, float[] scores, int count) {
        boolean logit = kind.link == OutputKind.Link.SIGMOID;
        if (kind.decision == OutputKind.Decision.BINARY) {
            double score = scores[0];
            double probability = logit ? sigmoid(score) : score;
            Entry first = new Entry(0, logit ? -score : 1 - score, 1 - probability, !yes(logit, score));
            Entry second = new Entry(1, score, probability, yes(logit, score));
            List<Entry> both = new ArrayList<>();
            both.add(first);
            both.add(second.chosen ? 0 : 1, second);
            return Collections.unmodifiableList(both);
        }
        double largest = Double.NEGATIVE_INFINITY;
        for (float score : scores) {
            largest = Math.max(largest, score);
        }
        double total = 0.0;
        int yes = 0;
        for (float score : scores) {
            total += Math.exp(score - largest);
            yes += yes(logit, score) ? 1 : 0;
        }
        boolean each = kind.decision == OutputKind.Decision.EACH;
        List<Entry> best = new ArrayList<>();
        for (int index : TopK.of(scores, each ? Math.max(count, yes) : count)) {
            double score = scores[index];
            boolean chosen = each ? yes(logit, score) : best.isEmpty();
            best.add(new Entry(index, score, probability(kind, score, largest, total), chosen));
        }
        return Collections.unmodifiableList(best);
    }

    private static double probability(OutputKind kind, double score, double largest, double total) {
        switch (kind.link) {
            case IDENTITY:
                return score;
            case SOFTMAX:
                return Math.exp(score - largest) / total;
            case SIGMOID:
                return sigmoid(score);
            default:
                return Double.NaN;
        }
    }

    private static double sigmoid(double score) {
        return 1 / (1 + Math.exp(-score));
    }

    private static boolean yes(boolean logit, double score) {
        return score > (logit ? 0.0 : THRESHOLD);
    }
}
