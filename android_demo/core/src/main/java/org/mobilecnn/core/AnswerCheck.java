package org.mobilecnn.core;

import java.util.List;
import java.util.Locale;

/**
 * Does a file answer here as its passport says?
 *
 * <p>The rule of {@code quantize/golden_answers.py}, where the limits are explained: kernels add in another
 * order and round halves otherwise, so the scores may be apart by what that can bring about.
 */
public final class AnswerCheck {
    private static final double FLOAT32_TOLERANCE = 1e-4;
    private static final double TIMES_OWN_ROUNDING = 2.0;
    private static final double TIMES_OWN_FLOAT_ROUNDING = 4.0;
    private static final double OUTPUT_STEPS = 2.0;
    private static final double MOST_STEPS = 16.0;
    private static final double MOST_FLOAT_STEPS = 64.0;
    private static final double STEPS = 256.0;

    /** What came out. */
    public enum Verdict { VERIFIED, DIFFERS, NOT_CHECKED }

    /** {@code VERIFIED}, or why not. */
    public final Verdict verdict;

    /** What differs, or why nothing was checked; empty when verified. */
    public final String reason;

    /** How many pictures were asked. */
    public final int pictures;

    /** The largest absolute difference of a score; NaN when none was found or one was not finite. */
    public final double difference;

    /** The largest one allowed; NaN when not checked. */
    public final double tolerance;

    private AnswerCheck(Verdict verdict, String reason, int pictures, double difference, double tolerance) {
        this.verdict = verdict;
        this.reason = reason;
        this.pictures = pictures;
        this.difference = difference;
        this.tolerance = tolerance;
    }

    /**
     * The verdict on what a file answered.
     *
     * @param given one row of scores for each golden picture of the passport.
     */
    public static AnswerCheck judge(Passport passport, float[][] given) {
        List<Passport.Golden> golden = passport.golden;
        if (golden.isEmpty()) {
            return notChecked("its passport has no golden pictures");
        }
        double peak = 0.0;
        for (Passport.Golden each : golden) {
            for (double score : each.scores()) {
                peak = Math.max(peak, Math.abs(score));
            }
        }
        double tolerance = tolerance(passport, peak);
        if (!(tolerance < peak)) {
            return notChecked("its own rounding moves scores by " + figure(passport.maxDifference)
                    + ", and the largest is " + figure(peak) + ": zeros would pass");
        }
        double largest = -1.0;
        int picture = 0;
        int score = 0;
        for (int i = 0; i < golden.size(); i++) {
            double[] expected = golden.get(i).scores();
            for (int k = 0; k < expected.length; k++) {
                double apart = Math.abs(given[i][k] - expected[k]);
                // What is not a number is farther away than any.
                apart = Double.isNaN(apart) ? Double.POSITIVE_INFINITY : apart;
                if (apart > largest) {
                    largest = apart;
                    picture = i;
                    score = k;
                }
            }
        }
        double finite = Double.isInfinite(largest) ? Double.NaN : largest;
        if (largest <= tolerance) {
            return new AnswerCheck(Verdict.VERIFIED, "", golden.size(), finite, tolerance);
        }
        String reason = "golden picture " + (picture + 1) + ": the score of " + passport.scored(score) + " is "
                + figure(given[picture][score]) + " and should be " + figure(golden.get(picture).scores()[score])
                + " (allowed difference " + figure(tolerance) + ")";
        return new AnswerCheck(Verdict.DIFFERS, reason, golden.size(), finite, tolerance);
    }

    /** Nothing could be asked, for this reason. */
    public static AnswerCheck notChecked(String reason) {
        return new AnswerCheck(Verdict.NOT_CHECKED, reason, 0, Double.NaN, Double.NaN);
    }

    private static double tolerance(Passport passport, double peak) {
        if (!Double.isNaN(passport.tolerance)) {
            return Math.max(FLOAT32_TOLERANCE, passport.tolerance) * peak;
        }
        boolean integer = passport.output.scale > 0.0;
        double times = integer ? TIMES_OWN_ROUNDING : TIMES_OWN_FLOAT_ROUNDING;
        double most = (integer ? MOST_STEPS : MOST_FLOAT_STEPS) * step(passport);
        double own = Double.isNaN(passport.maxDifference)
                ? most
                : Math.min(times * passport.maxDifference, most);
        return Math.max(FLOAT32_TOLERANCE * peak, Math.max(own, OUTPUT_STEPS * passport.output.scale));
    }

    /** One step of an output of 8 bits: the scale, or 1/256 of the range of the scores where that is more. */
    private static double step(Passport passport) {
        double lowest = Double.POSITIVE_INFINITY;
        double highest = Double.NEGATIVE_INFINITY;
        for (Passport.Golden each : passport.golden) {
            for (double score : each.scores()) {
                lowest = Math.min(lowest, score);
                highest = Math.max(highest, score);
            }
        }
        double spread = lowest >= 0.0 && highest <= 1.0 ? 1.0 : highest - lowest;
        return Math.max(passport.output.scale, spread / STEPS);
    }

    private static String figure(double value) {
        return String.format(Locale.ROOT, "%.4g", value);
    }
}
