package org.mobilecnn.demo;

import android.app.Activity;
import android.view.View;
import android.view.ViewGroup;
import android.widget.ImageView;
import android.widget.ProgressBar;
import android.widget.TextView;
import java.text.NumberFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.mobilecnn.core.TopK;

/** The lower part of the screen: the picture, the times, and the best classes with their bars. */
final class ResultView {
    /** The number of classes that are shown. */
    private static final int CLASSES = 5;

    /** The length of a full bar; {@code res/layout/result.xml} has the same. */
    private static final int FULL_BAR = 1000;

    private final Activity activity;
    private final ImageView picture;
    private final TextView times;
    private final List<View> rows = new ArrayList<>();

    /** Adds the rows to the layout {@code main}, which the activity must have set. */
    ResultView(Activity activity) {
        this.activity = activity;
        picture = activity.findViewById(R.id.picture);
        times = activity.findViewById(R.id.times);
        ViewGroup results = activity.findViewById(R.id.results);
        for (int i = 0; i < CLASSES; i++) {
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
        float[] shares = TopK.confidence(answer.result.scores);
        int[] best = TopK.of(answer.result.scores, CLASSES);
        NumberFormat percent = NumberFormat.getPercentInstance(Locale.getDefault());
        percent.setMaximumFractionDigits(1);
        for (int i = 0; i < rows.size(); i++) {
            View row = rows.get(i);
            row.setVisibility(i < best.length ? View.VISIBLE : View.GONE);
            if (i < best.length) {
                float share = shares[best[i]];
                fill(row, answer.passport.label(best[i]), share, percent.format(share));
            }
        }
    }

    private void fill(View row, String label, float share, String percentage) {
        ((TextView) row.findViewById(R.id.label)).setText(label);
        ((TextView) row.findViewById(R.id.confidence)).setText(percentage);
        ((ProgressBar) row.findViewById(R.id.bar)).setProgress(Math.round(FULL_BAR * share));
        row.setContentDescription(activity.getString(R.string.result_line, label, percentage));
    }
}
