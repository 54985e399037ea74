package org.mobilecnn.core;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** What a model says of one picture, as a screen shows it: the headline, the rows below it, and the times. */
public final class Outcome {
    /** Whose scores they are. */
    public final Passport passport;

    /** The best classes or labels, the best first; empty where a score is not a finite number. */
    public final List<Ranking.Entry> entries;

    /**
     * The answer: the best class, or the labels that hold, of which there may be none. It is empty, too, where
     * a score is not a finite number.
     */
    public final List<Ranking.Entry> headline;

    /** Whether every score is a finite number; without that there is no answer. */
    public final boolean finite;

    /** Whether the best class is as probable as the user wants it to be; true where nothing says how probable it is. */
    public final boolean sure;

    /** Nanoseconds from the picture to the tensor. */
    public final long preprocessNanos;

    /** Nanoseconds of the inference. */
    public final long inferenceNanos;

    /**
     * Reads the answer off the scores, as the passport's kind of output has it.
     *
     * @param count how many classes are to be shown; of labels by themselves, all that hold are.
     * @param threshold the probability, from 0 to 1, below which the best class is no sure answer.
     */
    public Outcome(
            Passport passport, float[] scores, int count, double threshold, long preprocessNanos, long inferenceNanos) {
        this.passport = passport;
        this.preprocessNanos = preprocessNanos;
        this.inferenceNanos = inferenceNanos;
        finite = Ranking.finite(scores);
        entries = finite ? Ranking.of(passport.kind, scores, count) : Collections.<Ranking.Entry>emptyList();
        List<Ranking.Entry> chosen = new ArrayList<>();
        boolean probable = true;
        for (Ranking.Entry entry : entries) {
            if (entry.chosen) {
                chosen.add(entry);
                probable &= each() || Double.isNaN(entry.probability) || entry.probability >= threshold;
            }
        }
        headline = Collections.unmodifiableList(chosen);
        sure = probable;
    }

    /** Whether each label holds or does not by itself. */
    public boolean each() {
        return passport.kind.decision == OutputKind.Decision.EACH;
    }
}
