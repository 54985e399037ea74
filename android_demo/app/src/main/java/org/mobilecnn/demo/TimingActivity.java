package org.mobilecnn.demo;

import android.app.Activity;
import android.content.ClipData;
import android.content.Intent;
import android.content.res.ColorStateList;
import android.net.Uri;
import android.os.Bundle;
import android.view.View;
import android.view.ViewGroup;
import android.view.WindowManager;
import android.widget.AdapterView;
import android.widget.ArrayAdapter;
import android.widget.Button;
import android.widget.ProgressBar;
import android.widget.Spinner;
import android.widget.Switch;
import android.widget.TextView;
import com.eclipsesource.json.JsonObject;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.mobilecnn.core.TimingRecord;

/** The screen that times all models of the app on this phone, shows their formats side by side, and keeps what it found. */
public final class TimingActivity extends Activity implements Timings.Listener {
    private static final int ASK_FILE = 1;

    /** Key of {@link #chosen} in the saved state. */
    private static final String CHOSEN = "chosen";

    /** The length of a full bar; {@code res/layout/result.xml} has the same. */
    private static final int FULL_BAR = 1000;

    private Look look;
    private Timings timings;
    private TimingHistory history;
    private JsonObject shown;

    /** The name of the measurement that is chosen; null for the latest. */
    private String chosen;

    @Override
    protected void onCreate(Bundle saved) {
        super.onCreate(saved);
        setContentView(R.layout.timing);
        getWindow().addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON);
        look = new Look(this);
        look.dress(this);
        color((ViewGroup) findViewById(R.id.timing_list));
        findViewById(R.id.sheet).setBackground(look.shape(look.sheet, 28));
        timings = (Timings) getLastNonConfigurationInstance();
        if (timings == null) {
            timings = new Timings(getApplicationContext());
        }
        history = new TimingHistory(this);
        chosen = saved == null ? null : saved.getString(CHOSEN);
        List<String> threads = new ArrayList<>();
        for (int count = 1; count <= Runtime.getRuntime().availableProcessors(); count++) {
            threads.add(String.valueOf(count));
        }
        fill(R.id.threads, threads);
        onClick(R.id.start, this::start);
        onClick(R.id.share, this::share);
        onClick(R.id.save, this::save);
        Spinner kept = findViewById(R.id.history);
        // The list would restore its position, which is another measurement's where one was added meanwhile.
        kept.setSaveEnabled(false);
        kept.setOnItemSelectedListener(new AdapterView.OnItemSelectedListener() {
            @Override
            public void onItemSelected(AdapterView<?> parent, View row, int position, long identity) {
                showKept(position);
            }

            @Override
            public void onNothingSelected(AdapterView<?> parent) {
                // Nothing to show.
            }
        });
        showHistory();
        showButtons();
        // Last, because what goes on is said in the place of what is shown.
        timings.tell(this);
    }

    @Override
    protected void onSaveInstanceState(Bundle state) {
        super.onSaveInstanceState(state);
        // The result of Save arrives before the new screen is laid out, so before the list says what is selected.
        state.putString(CHOSEN, chosen);
    }

    @Override
    public Object onRetainNonConfigurationInstance() {
        return timings;
    }

    @Override
    protected void onPause() {
        if (!isChangingConfigurations()) {
            timings.leave();
        }
        super.onPause();
    }

    @Override
    protected void onDestroy() {
        timings.tell(null);
        if (!isChangingConfigurations()) {
            timings.stop();
        }
        super.onDestroy();
    }

    private void start() {
        if (timings.running()) {
            timings.stop();
            return;
        }
        if (Models.all(this).isEmpty()) {
            say(getString(R.string.no_models));
            return;
        }
        say("");
        int threads = this.<Spinner>findViewById(R.id.threads).getSelectedItemPosition() + 1;
        timings.start(threads, this.<Switch>findViewById(R.id.cool).isChecked());
        showButtons();
    }

    @Override
    public void onStep(int done, int total, String model, int words) {
        ProgressBar progress = findViewById(R.id.progress);
        progress.setMax(total);
        progress.setProgress(done);
        say(getString(words, done + 1, total, model));
    }

    @Override
    public void onEnd(JsonObject record, String why) {
        say(why);
        showButtons();
        if (record != null) {
            chosen = null;
            showHistory();
        }
    }

    private void showButtons() {
        boolean running = timings.running();
        this.<Button>findViewById(R.id.start).setText(running ? R.string.timing_stop : R.string.timing_start);
        findViewById(R.id.progress).setVisibility(running ? View.VISIBLE : View.INVISIBLE);
        findViewById(R.id.threads).setEnabled(!running);
        findViewById(R.id.cool).setEnabled(!running);
        findViewById(R.id.share).setEnabled(shown != null);
        findViewById(R.id.save).setEnabled(shown != null);
    }

    private void showHistory() {
        List<String> names = history.names();
        List<String> times = new ArrayList<>();
        for (String name : names) {
            times.add(name.substring(0, 10) + " " + name.substring(11, 19).replace('-', ':'));
        }
        fill(R.id.history, times);
        for (int id : new int[] {R.id.sheet, R.id.record_buttons}) {
            findViewById(id).setVisibility(names.isEmpty() ? View.GONE : View.VISIBLE);
        }
        if (!names.isEmpty()) {
            int position = Math.max(0, names.indexOf(chosen));
            this.<Spinner>findViewById(R.id.history).setSelection(position);
            showKept(position);
        }
    }

    private void showKept(int position) {
        try {
            chosen = history.names().get(position);
            shown = history.read(chosen);
            showLines(TimingRecord.lines(shown));
        } catch (IOException | RuntimeException unreadable) {
            // Otherwise Save and Share would give the measurement that was shown before.
            shown = null;
            this.<ViewGroup>findViewById(R.id.results).removeAllViews();
            say(getString(R.string.timing_unreadable, Words.reason(this, unreadable)));
        }
        showButtons();
    }

    private void showLines(List<TimingRecord.Line> lines) {
        ViewGroup results = findViewById(R.id.results);
        results.removeAllViews();
        double slowest = 0;
        for (TimingRecord.Line line : lines) {
            slowest = Math.max(slowest, line.milliseconds);
        }
        String network = "";
        for (TimingRecord.Line line : lines) {
            if (!line.network.equals(network)) {
                network = line.network;
                TextView title = new TextView(this);
                title.setText(network);
                title.setTextColor(look.faint);
                title.setPadding(0, title.getLineHeight() / 2, 0, 0);
                results.addView(title);
            }
            results.addView(row(line, slowest, results));
        }
        if (timings.running()) {
            // The place of the legend is that of what goes on.
            return;
        }
        int threads = shown.get("protocol").asObject().get("threads").asInt();
        String legend = getResources().getQuantityString(R.plurals.timing_of, threads, threads);
        List<String> leftOut = timings.leftOut(shown);
        say(leftOut.isEmpty() ? legend : legend + "\n" + getResources().getQuantityString(
                R.plurals.timing_left_out, leftOut.size(), String.join(", ", leftOut)));
    }

    private View row(TimingRecord.Line line, double slowest, ViewGroup results) {
        View row = getLayoutInflater().inflate(R.layout.result, results, false);
        String time = getString(
                R.string.timing_line, figure(line.milliseconds), figure(line.fastest), figure(line.slowest));
        TextView label = row.findViewById(R.id.label);
        label.setText(line.verdict.equals("differs") ? getString(R.string.timing_wrong, line.format) : line.format);
        label.setTextColor(look.text);
        TextView value = row.findViewById(R.id.confidence);
        value.setText(time);
        value.setTextColor(look.text);
        ProgressBar bar = row.findViewById(R.id.bar);
        bar.setProgressTintList(ColorStateList.valueOf(look.accent));
        bar.setProgressBackgroundTintList(ColorStateList.valueOf(look.track));
        bar.setProgress((int) Math.round(FULL_BAR * line.milliseconds / slowest));
        row.setContentDescription(getString(R.string.result_line, line.file, time));
        return row;
    }

    /** Milliseconds with about three digits. */
    private static String figure(double milliseconds) {
        String format = milliseconds < 1 ? "%.3f" : milliseconds < 100 ? "%.1f" : "%.0f";
        return String.format(Locale.getDefault(), format, milliseconds);
    }

    private void share() {
        Uri file = SharedTimings.uri(this, chosen);
        Intent send = new Intent(Intent.ACTION_SEND).setType(SharedTimings.TYPE)
                .putExtra(Intent.EXTRA_SUBJECT, getString(R.string.timing_subject)).putExtra(Intent.EXTRA_STREAM, file)
                .addFlags(Intent.FLAG_GRANT_READ_URI_PERMISSION);
        // The permission is granted for what is in here.
        send.setClipData(ClipData.newRawUri(getString(R.string.timing_subject), file));
        startActivity(Intent.createChooser(send, getString(R.string.share)));
    }

    private void save() {
        Intent create = new Intent(Intent.ACTION_CREATE_DOCUMENT).addCategory(Intent.CATEGORY_OPENABLE)
                .setType(SharedTimings.TYPE).putExtra(Intent.EXTRA_TITLE, "measurement.json");
        try {
            startActivityForResult(create, ASK_FILE);
        } catch (android.content.ActivityNotFoundException absent) {
            say(getString(R.string.no_keeper));
        }
    }

    @Override
    protected void onActivityResult(int request, int result, Intent data) {
        if (request != ASK_FILE || result != RESULT_OK || data == null || data.getData() == null || shown == null) {
            return;
        }
        timings.save(data.getData(), TimingHistory.text(shown));
    }

    @Override
    public void onSaved(String words) {
        say(words);
    }

    private void say(String text) {
        this.<TextView>findViewById(R.id.message).setText(text);
    }

    private void fill(int id, List<String> entries) {
        ArrayAdapter<String> adapter = new ArrayAdapter<>(this, R.layout.choice, entries);
        adapter.setDropDownViewResource(R.layout.choice_in_list);
        this.<Spinner>findViewById(id).setAdapter(adapter);
    }

    private void color(ViewGroup group) {
        for (int i = 0; i < group.getChildCount(); i++) {
            View child = group.getChildAt(i);
            if (child instanceof Switch) {
                ((TextView) child).setTextColor(look.text);
            } else if (child instanceof Button) {
                look.button((Button) child, child.getId() == R.id.start);
            } else if (child instanceof TextView) {
                ((TextView) child).setTextColor(child.getId() == R.id.title ? look.text : look.faint);
            } else if (child instanceof ViewGroup && !(child instanceof Spinner)) {
                color((ViewGroup) child);
            }
        }
    }

    private void onClick(int id, Runnable action) {
        findViewById(id).setOnClickListener(clicked -> action.run());
    }
}
