package org.mobilecnn.demo;

import android.app.Activity;
import android.view.View;
import android.view.ViewGroup;
import android.widget.ImageView;
import android.widget.ProgressBar;
import android.widget.TextView;
import java.text.NumberFormat;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import org.mobilecnn.core.OutputKind;
import org.mobilecnn.core.Passport;
import org.mobilecnn.core.Ranking;

/** The lower part of the screen: the picture, the times, and the best classes with their bars. */
final class ResultView {
    /** The number of classes that are shown; of labels by themselves, all that the answer has. */
    private static final int CLASSES = 5;

    /** The length of a full bar; {@code res/layout/result.xml} has the same. */
    private static final int FULL_BAR = 1000;

    private final Activity activity;
    private final ImageView picture;
    private final TextView times;
    private final ViewGroup results;
    private final List<View> rows = new ArrayList<>();

    /** Adds the rows to the layout {@code main}, which the activity must have set. */
    ResultView(Activity activity) {
        this.activity = activity;
        picture = activity.findViewById(R.id.picture);
        times = activity.findViewById(R.id.times);
        results = activity.findViewById(R.id.results);
        addRows(CLASSES);
    }

    private void addRows(int wanted) {
        while (rows.size() < wanted) {
            View row = activity.getLayoutInflater().inflate(R.layout.result, results, false);
            row.setVisibility(View.GONE);
            results.addView(row);
            rows.add(row);
        }
    }

    /** Removes the picture and the classes; {@code hint} replaces the times. */
    void clear(String hint) {
        picture.setImageDrawable(null);
        times.setText(hint);
        for (View row : rows) {
            row.setVisibility(View.GONE);
        }
    }

    /** Shows the answer for a photo; {@code remark} may be null. */
    void showPhoto(ModelSession.Answer answer, String remark) {
        String text = withoutRate(answer);
        show(answer, remark == null ? text : text + "\n" + remark);
    }

    /** Shows the answer for a camera frame; a rate of 0 is not shown. */
    void showFrame(ModelSession.Answer answer, double framesPerSecond) {
        Classifier.Result result = answer.result;
        show(answer, framesPerSecond > 0
                ? activity.getString(R.string.times_live,
                        result.preprocessNanos / 1e6, result.inferenceNanos / 1e6, framesPerSecond)
                : withoutRate(answer));
    }

    private String withoutRate(ModelSession.Answer answer) {
        return activity.getString(R.string.times,
                answer.result.preprocessNanos / 1e6, answer.result.inferenceNanos / 1e6);
    }

    private void show(ModelSession.Answer answer, String text) {
        picture.setImageBitmap(answer.bitmap);
        times.setText(text);
        Passport passport = answer.passport;
        if (!Ranking.finite(answer.result.scores)) {
            times.setText(text + "\n" + activity.getString(R.string.not_finite));
        }
        List<Ranking.Entry> best = Ranking.finite(answer.result.scores)
                ? Ranking.of(passport.kind, answer.result.scores, CLASSES)
                : Collections.<Ranking.Entry>emptyList();
        addRows(best.size());
        for (int i = 0; i < rows.size(); i++) {
            View row = rows.get(i);
            row.setVisibility(i < best.size() ? View.VISIBLE : View.GONE);
            if (i < best.size()) {
                fill(row, passport, best.get(i));
            }
        }
    }

    private void fill(View row, Passport passport, Ranking.Entry entry) {
        boolean yes = entry.chosen && passport.kind.decision == OutputKind.Decision.EACH;
        String label = passport.label(entry.index);
        String share = share(entry);
        ((TextView) row.findViewById(R.id.label)).setText(yes ? activity.getString(R.string.label_yes, label) : label);
        ((TextView) row.findViewById(R.id.confidence)).setText(share);
        ProgressBar bar = row.findViewById(R.id.bar);
        bar.setVisibility(Double.isNaN(entry.probability) ? View.INVISIBLE : View.VISIBLE);
        bar.setProgress((int) Math.round(FULL_BAR * (Double.isNaN(entry.probability) ? 0 : entry.probability)));
        row.setContentDescription(
                activity.getString(yes ? R.string.result_line_yes : R.string.result_line, label, share));
    }

    /** A probability in per cent; a score of no known meaning as it is. */
    private static String share(Ranking.Entry entry) {
        if (Double.isNaN(entry.probability)) {
            return String.format(Locale.getDefault(), "%.4g", entry.score);
        }
        NumberFormat percent = NumberFormat.getPercentInstance(Locale.getDefault());
        percent.setMaximumFractionDigits(1);
        return percent.format(entry.probability);
    }
}
