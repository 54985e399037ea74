package org.mobilecnn.demo;

import android.app.Activity;
import android.content.res.ColorStateList;
import android.graphics.Bitmap;
import android.graphics.drawable.Drawable;
import android.view.View;
import android.view.ViewGroup;
import android.widget.Button;
import android.widget.ImageView;
import android.widget.ProgressBar;
import android.widget.TextView;
import java.text.NumberFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.mobilecnn.core.Outcome;
import org.mobilecnn.core.Ranking;
import org.mobilecnn.core.ScreenState;

/** Shows a {@link ScreenState}: the verdict's chip, the headline, the bars, the times, and messages. */
final class StateView {
    /** The length of a full bar; {@code res/layout/result.xml} has the same. */
    private static final int FULL_BAR = 1000;

    /** Side of the chip's icon, as a multiple of its text's size. */
    private static final float ICON = 1.4f;

    /** What is left of the colour of bars that mean nothing: half of it. */
    private static final int PALE = 0x80FFFFFF;

    /** Largest ratio of the shapes of a photo and its place at which the photo fills it; an eleventh is cut off at most. */
    private static final double NEARLY = 1.1;

    private final Activity activity;
    private final Look look;
    private final TextView chip;
    private final TextView headline;
    private final TextView times;
    private final TextView message;
    private final ViewGroup results;
    private final List<View> rows = new ArrayList<>();

    /** The colour of the bars. */
    private ColorStateList bars;

    /** The source whose button is filled; null before there is one. */
    private ScreenState.Source shown;

    /** Takes the views of the layout {@code main}, which the activity must have set. */
    StateView(Activity activity, Look look) {
        this.activity = activity;
        this.look = look;
        chip = activity.findViewById(R.id.chip);
        headline = activity.findViewById(R.id.headline);
        times = activity.findViewById(R.id.times);
        message = activity.findViewById(R.id.message);
        results = activity.findViewById(R.id.results);
        activity.findViewById(R.id.sheet).setBackground(look.shape(look.sheet, 28));
        times.setTextColor(look.faint);
        message.setTextColor(look.text);
        this.<TextView>view(R.id.model_name).setTextColor(look.faint);
        ImageView picture = view(R.id.picture);
        // Its place has a size once it is laid out; what is asked for meanwhile would be too late.
        ((View) picture.getParent()).addOnLayoutChangeListener(
                (place, left, top, right, bottom, oldLeft, oldTop, oldRight, oldBottom) -> place.post(() -> fit(picture)));
        this.<ProgressBar>view(R.id.progress).setIndeterminateTintList(ColorStateList.valueOf(look.accent));
    }

    private <T extends View> T view(int id) {
        return activity.findViewById(id);
    }

    void show(ScreenState state, Bitmap photo) {
        showVerdict(state);
        this.<TextView>view(R.id.model_name).setText(Models.title(state.model));
        boolean live = state.source == ScreenState.Source.CAMERA;
        view(R.id.preview).setVisibility(live ? View.VISIBLE : View.INVISIBLE);
        ImageView picture = view(R.id.picture);
        picture.setVisibility(photo == null || live ? View.GONE : View.VISIBLE);
        picture.setImageBitmap(live ? null : photo);
        fit(picture);
        showSource(state.source);
        view(R.id.hint).setVisibility(state.source == ScreenState.Source.NONE ? View.VISIBLE : View.GONE);
        view(R.id.progress).setVisibility(state.busy ? View.VISIBLE : View.INVISIBLE);
        message.setText(state.message);
        message.setVisibility(state.message.isEmpty() ? View.GONE : View.VISIBLE);
        times.setText(state.outcome == null ? "" : times(state));
        times.setVisibility(state.outcome == null ? View.GONE : View.VISIBLE);
        headline.setText(state.outcome == null ? waiting(state) : headline(state.outcome));
        // What must not be trusted does not look as what can be.
        boolean wrong = state.trust == ScreenState.Trust.DIFFERS;
        headline.setTextColor(wrong ? activity.getColor(R.color.wrong) : look.text);
        bars = ColorStateList.valueOf(wrong ? look.faint & PALE : look.accent);
        showRows(state.outcome);
    }

    /** A photo that is nearly of its place's shape fills that; of others nothing is cut off. */
    private static void fit(ImageView picture) {
        Drawable photo = picture.getDrawable();
        View place = (View) picture.getParent();
        if (photo == null || photo.getIntrinsicHeight() < 1 || place.getWidth() < 1 || place.getHeight() < 1) {
            return;
        }
        double ratio = (double) place.getWidth() * photo.getIntrinsicHeight()
                / ((double) place.getHeight() * photo.getIntrinsicWidth());
        picture.setScaleType(Math.max(ratio, 1 / ratio) <= NEARLY ? ImageView.ScaleType.CENTER_CROP
                : ImageView.ScaleType.FIT_CENTER);
    }

    /** Fills the button of what is shown; the camera's where there is nothing yet. */
    private void showSource(ScreenState.Source source) {
        if (source == shown) {
            return;
        }
        shown = source;
        boolean photo = source == ScreenState.Source.PHOTO;
        look.button(this.<Button>view(R.id.camera), !photo);
        look.button(this.<Button>view(R.id.photo), photo);
        view(R.id.camera).setSelected(source == ScreenState.Source.CAMERA);
        view(R.id.photo).setSelected(photo);
    }

    private void showVerdict(ScreenState state) {
        Words words = Words.of(state.trust);
        chip.setVisibility(words == Words.NONE ? View.GONE : View.VISIBLE);
        if (words == Words.NONE) {
            return;
        }
        String text = activity.getString(words.text);
        if (!text.contentEquals(chip.getText())) {
            // Set once: a live region is read out each time.
            chip.setText(text);
            int color = activity.getColor(words.onColor);
            chip.setTextColor(color);
            // It grows with the text.
            int side = Math.round(ICON * chip.getTextSize());
            Drawable icon = activity.getDrawable(words.icon);
            icon.setBounds(0, 0, side, side);
            // It can be pressed.
            Drawable more = activity.getDrawable(R.drawable.ic_more);
            more.setBounds(0, 0, side, side);
            chip.setCompoundDrawablesRelative(icon, null, more, null);
            chip.setCompoundDrawableTintList(ColorStateList.valueOf(color));
            chip.setBackground(look.shape(activity.getColor(words.color), 20));
        }
    }

    private String waiting(ScreenState state) {
        if (state.busy && state.source == ScreenState.Source.PHOTO) {
            return activity.getString(R.string.looking);
        }
        switch (state.trust) {
            case LOADING:
                return activity.getString(R.string.loading);
            case NONE:
            case REFUSED:
                return "";
            default:
                return activity.getString(state.source == ScreenState.Source.NONE ? R.string.choose : R.string.looking);
        }
    }

    private String headline(Outcome outcome) {
        if (!outcome.finite) {
            return activity.getString(R.string.not_finite);
        }
        if (outcome.headline.isEmpty()) {
            return activity.getString(R.string.none_holds);
        }
        List<String> labels = new ArrayList<>();
        for (Ranking.Entry entry : outcome.headline) {
            labels.add(outcome.passport.label(entry.index));
        }
        String text = String.join(", ", labels);
        return outcome.sure ? text : activity.getString(R.string.unsure, text);
    }

    private String times(ScreenState state) {
        double inference = state.outcome.inferenceNanos / 1e6;
        double preprocess = state.outcome.preprocessNanos / 1e6;
        return state.framesPerSecond > 0
                ? activity.getString(R.string.times_live, inference, preprocess, state.framesPerSecond)
                : activity.getString(R.string.times, inference, preprocess);
    }

    private void showRows(Outcome outcome) {
        int count = outcome == null ? 0 : outcome.entries.size();
        while (rows.size() < count) {
            View row = activity.getLayoutInflater().inflate(R.layout.result, results, false);
            this.color(row);
            results.addView(row);
            rows.add(row);
        }
        for (int i = 0; i < rows.size(); i++) {
            rows.get(i).setVisibility(i < count ? View.VISIBLE : View.GONE);
            if (i < count) {
                fill(rows.get(i), outcome, outcome.entries.get(i));
            }
        }
    }

    private void color(View row) {
        row.<TextView>findViewById(R.id.label).setTextColor(look.text);
        row.<TextView>findViewById(R.id.confidence).setTextColor(look.text);
        ProgressBar bar = row.findViewById(R.id.bar);
        bar.setProgressBackgroundTintList(ColorStateList.valueOf(look.track));
    }

    private void fill(View row, Outcome outcome, Ranking.Entry entry) {
        boolean yes = entry.chosen && outcome.each();
        String label = outcome.passport.label(entry.index);
        String share = share(entry);
        row.<TextView>findViewById(R.id.label).setText(yes ? activity.getString(R.string.label_yes, label) : label);
        row.<TextView>findViewById(R.id.confidence).setText(share);
        ProgressBar bar = row.findViewById(R.id.bar);
        bar.setProgressTintList(bars);
        bar.setVisibility(Double.isNaN(entry.probability) ? View.GONE : View.VISIBLE);
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
